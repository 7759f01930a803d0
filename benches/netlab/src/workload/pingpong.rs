//! Requests and answers of 64 bytes on loopback, over one connection or many.

use std::net::Ipv4Addr;
use std::time::Duration;

use bench_report::{Table, spread};
use clap::Args;
use hdrhistogram::Histogram;
use netlab::namespace::Namespace;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Keep, Workload, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{ECHO, REQUEST, Report, Task, cpu_seconds, request};
use crate::identity::Identity;
use crate::output::endings;
use crate::peers::{self, Peer, Setup, Stream};
use crate::process::Pair;
use crate::runner::{self, Destination, Peers, Repeats};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// Round trips before this are not counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// Significant digits of the histograms.
const DIGITS: u8 = 3;

/// What to measure.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Which transports: `all`, or names with commas between them.
    #[arg(long, default_value = "all")]
    peers: Peers,
    /// How often everything is measured.
    #[arg(long, default_value = "3")]
    repeats: Repeats,
    /// Connections of one client, each with one request under way.
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    connections: Vec<Within<u32, 1, 10_000>>,
    /// How long each run is measured.
    #[arg(long, default_value = "5")]
    seconds: Within<f64, 1, 3_600>,
    #[command(flatten)]
    #[serde(skip)]
    pub(crate) destination: Destination,
}

impl Default for Options {
    fn default() -> Self {
        runner::defaults()
    }
}

/// What the client saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct RoundTrips {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
    /// CPU microseconds of the client for each round trip.
    pub(crate) cpu_us: f64,
}

/// The client: plays on all connections at once.
pub(crate) async fn play(
    setup: &Setup,
    connections: u32,
    seconds: f64,
) -> Result<RoundTrips, Failure> {
    let mut dialer = peers::dialer(setup).await?;
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(timeout(CONNECT, dialer.connect()).await??);
    }
    let from = Instant::now() + WARM_UP;
    let until = from + Duration::from_secs_f64(seconds);
    let players = streams
        .into_iter()
        .map(|stream| tokio::spawn(bounce(stream, from, until)));
    let players: Vec<_> = players.collect();
    sleep_until(from).await;
    let cpu_before = cpu_seconds();
    sleep_until(until).await;
    let cpu = cpu_seconds() - cpu_before;
    let mut all = Histogram::<u64>::new(DIGITS)?;
    for player in players {
        all += player.await??;
    }
    let at = |share: f64| all.value_at_quantile(share) as f64 / 1e3;
    Ok(RoundTrips {
        per_second: all.len() as f64 / seconds,
        p50_us: at(0.5),
        p99_us: at(0.99),
        max_us: all.max() as f64 / 1e3,
        cpu_us: cpu * 1e6 / all.len() as f64,
    })
}

/// Nanoseconds of the round trips that began between `from` and `until`.
async fn bounce(
    mut stream: Stream,
    from: Instant,
    until: Instant,
) -> Result<Histogram<u64>, Failure> {
    let mut histogram = Histogram::new(DIGITS)?;
    let mut answer = [0; REQUEST];
    let mut start = Instant::now();
    while start < until {
        stream.write_all(&request(ECHO)).await?;
        stream.flush().await?;
        stream.read_exact(&mut answer).await?;
        let end = Instant::now();
        if start >= from {
            histogram.record((end - start).as_nanos() as u64)?;
        }
        start = end;
    }
    Ok(histogram)
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    peer: Peer,
    connections: u32,
    repeat: u32,
    seconds: f64,
    round_trips: RoundTrips,
    ended: Option<String>,
}

impl Workload for Options {
    const NAME: &'static str = "pingpong";
    const TITLE: &'static str = "Ping-pong of 64 bytes on loopback";
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        let runs = self.peers.0.len() * self.connections.len();
        runner::check_runs(runs * self.repeats.get() as usize)
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        for repeat in 1..=self.repeats.get() {
            for connections in self.connections.iter().map(|count| count.get()) {
                for &peer in &self.peers.0 {
                    eprintln!("{} x {connections}, repeat {repeat}", peer.name());
                    keep(measure(self, &identity, peer, connections, repeat)?)?;
                }
            }
        }
        Ok(())
    }

    fn page(&self, records: &[Record]) -> String {
        text(self, records)
    }
}

fn measure(
    options: &Options,
    identity: &Identity,
    peer: Peer,
    connections: u32,
    repeat: u32,
) -> Result<Record, Failure> {
    let namespace = Namespace::new()?;
    namespace.raise_loopback()?;
    let seconds = options.seconds.get();
    let task = Task::Pingpong {
        connections,
        seconds,
    };
    let setup = setup(peer, Ipv4Addr::LOCALHOST, identity);
    let pair = Pair::start(&namespace, &namespace, &setup, task)?;
    let (round_trips, ended) = match pair.client_report(Duration::from_secs_f64(seconds)) {
        Ok(Report::Pingpong(round_trips)) => (round_trips, None),
        Ok(other) => return Err(format!("the client said {other:?}").into()),
        Err(failure) => (RoundTrips::default(), Some(failure.to_string())),
    };
    Ok(Record {
        peer,
        connections,
        repeat,
        seconds,
        round_trips,
        ended,
    })
}

fn text(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "One client process, one server process, a fresh namespace, {} s. Median (least-most).\n",
        options.seconds
    );
    for connections in options.connections.iter().map(|count| count.get()) {
        text += &format!("\nConnections: {connections}\n\n");
        text += &table(options, records, connections);
    }
    text + &endings(records.iter().map(|record| (record.peer, &record.ended)))
}

fn table(options: &Options, records: &[Record], connections: u32) -> String {
    let columns = ["round trips/s", "p50 us", "p99 us", "client CPU us each"];
    let mut table = Table::of("transport", columns.map(str::to_owned));
    for &peer in &options.peers.0 {
        let of = |record: &&Record| (record.peer, record.connections) == (peer, connections);
        let runs = || records.iter().filter(of).map(|record| &record.round_trips);
        let cells = [
            spread(runs().map(|run| run.per_second), 0),
            spread(runs().map(|run| run.p50_us), 1),
            spread(runs().map(|run| run.p99_us), 1),
            spread(runs().map(|run| run.cpu_us), 1),
        ];
        table.line(peer.name(), cells);
    }
    table.markdown()
}
