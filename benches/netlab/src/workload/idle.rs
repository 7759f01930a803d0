//! Connections that do nothing: what they cost the server's process.

use std::net::Ipv4Addr;
use std::time::Duration;

use bench_report::{Table, spread};
use clap::Args;
use netlab::namespace::Namespace;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{Keep, Workload, first_byte, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{REQUEST, Report, Task};
use crate::footprint::Footprint;
use crate::identity::Identity;
use crate::output::endings;
use crate::peers::{self, Peer, Setup, Stream, Wishes};
use crate::process::Pair;
use crate::runner::{self, Destination, Peers, Repeats, Seconds};

/// How long one connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long all connections may take together, at most, for each.
const EACH: Duration = Duration::from_millis(20);
/// No connection may end for being idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Clock ticks per second in `/proc`: the same on every architecture of Linux.
const TICKS: f64 = 100.0;

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
    /// Connections of one client to one server.
    #[arg(long, default_value = "10000")]
    connections: Within<u32, 1, 50_000>,
    /// Seconds between keep-alives of each client; 0: none. Each is measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "0,10")]
    keep_alive: Vec<Seconds>,
    /// Seconds between the last request and the first measurement.
    #[arg(long, default_value = "5")]
    settle: Seconds,
    /// How long wake-ups and packets are counted.
    #[arg(long, default_value = "20")]
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

/// The client: one connection after the other, each with one request; they stay.
pub(crate) async fn connect(setup: &Setup, connections: u32) -> Result<Vec<Stream>, Failure> {
    let mut dialer = peers::dialer(setup).await?;
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = timeout(CONNECT, first_byte(dialer.as_mut())).await??;
        stream.read_exact(&mut [0; REQUEST - 1]).await?;
        streams.push(stream);
    }
    Ok(streams)
}

/// One run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Costs {
    resident_kib_each: f64,
    private_dirty_kib_each: f64,
    wake_ups_per_second: f64,
    preemptions_per_second: f64,
    cpu_percent: f64,
    packets_per_second: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    peer: Peer,
    keep_alive: f64,
    repeat: u32,
    connections: u32,
    costs: Option<Costs>,
    ended: Option<String>,
}

impl Workload for Options {
    const NAME: &'static str = "idle";
    const TITLE: &'static str = "Idle connections";
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        let runs = self.peers.0.len() * self.keep_alive.len();
        runner::check_runs(runs * self.repeats.get() as usize)
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        for repeat in 1..=self.repeats.get() {
            for keep_alive in self.keep_alive.iter().map(|seconds| seconds.get()) {
                for &peer in &self.peers.0 {
                    let name = peer.name();
                    eprintln!("{name}, keep-alive {keep_alive} s, repeat {repeat}");
                    keep(record(self, &identity, peer, keep_alive, repeat))?;
                }
            }
        }
        Ok(())
    }

    fn page(&self, records: &[Record]) -> String {
        text(self, records)
    }
}

fn record(
    options: &Options,
    identity: &Identity,
    peer: Peer,
    keep_alive: f64,
    repeat: u32,
) -> Record {
    let mut setup = setup(peer, Ipv4Addr::LOCALHOST, identity);
    setup.wishes = Wishes {
        idle_timeout: Some(IDLE_TIMEOUT),
        keep_alive: (keep_alive > 0.0).then(|| Duration::from_secs_f64(keep_alive)),
        ..Wishes::default()
    };
    let costs = measure(options, &setup);
    let ended = costs.as_ref().err().map(ToString::to_string);
    Record {
        peer,
        keep_alive,
        repeat,
        connections: options.connections.get(),
        costs: costs.ok(),
        ended,
    }
}

fn measure(options: &Options, setup: &Setup) -> Result<Costs, Failure> {
    let namespace = Namespace::new()?;
    namespace.raise_loopback()?;
    let connections = options.connections.get();
    let pair = Pair::start(&namespace, &namespace, setup, Task::Idle { connections })?;
    let empty = Footprint::read(pair.server_id())?;
    match pair.client_report(EACH * connections)? {
        Report::Idle => {}
        other => return Err(format!("the client said {other:?}").into()),
    }
    std::thread::sleep(Duration::from_secs_f64(options.settle.get()));
    let before = Footprint::read(pair.server_id())?;
    std::thread::sleep(Duration::from_secs_f64(options.seconds.get()));
    let after = Footprint::read(pair.server_id())?;
    let each = |more: u64, less: u64| more.saturating_sub(less) as f64 / f64::from(connections);
    let rate = |more: u64, less: u64| more.saturating_sub(less) as f64 / options.seconds.get();
    Ok(Costs {
        resident_kib_each: each(before.resident_kib, empty.resident_kib),
        private_dirty_kib_each: each(before.private_dirty_kib, empty.private_dirty_kib),
        wake_ups_per_second: rate(after.wake_ups, before.wake_ups),
        preemptions_per_second: rate(after.preemptions, before.preemptions),
        cpu_percent: rate(after.cpu_ticks, before.cpu_ticks) / TICKS * 100.0,
        packets_per_second: rate(after.packets, before.packets),
    })
}

fn text(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "{} connections of one client process to one server process on loopback, each with a \
         handshake and one request of 64 bytes that was answered; its stream stays open. {} s \
         later, the server's memory beyond what it had when it began to listen, kernel memory not \
         included; then its wake-ups (voluntary context switches), preemptions and CPU time, and \
         the IP packets both ways, over {} s. Median (least-most).\n",
        options.connections, options.settle, options.seconds
    );
    for keep_alive in options.keep_alive.iter().map(|seconds| seconds.get()) {
        text += &match keep_alive {
            0.0 => "\nWithout keep-alive:\n\n".to_owned(),
            seconds => format!("\nClients keep alive after {seconds} s of silence:\n\n"),
        };
        text += &table(options, records, keep_alive);
    }
    text + &endings(records.iter().map(|record| (record.peer, &record.ended)))
}

fn table(options: &Options, records: &[Record], keep_alive: f64) -> String {
    let columns = [
        "resident KiB each",
        "private dirty KiB each",
        "wake-ups/s",
        "preemptions/s",
        "CPU %",
        "packets/s",
    ];
    let mut table = Table::of("transport", columns.map(str::to_owned));
    for &peer in &options.peers.0 {
        let of = |record: &&Record| record.peer == peer && record.keep_alive == keep_alive;
        let runs = || {
            let runs = records.iter().filter(of);
            runs.filter_map(|record| record.costs.as_ref())
        };
        let cells = [
            spread(runs().map(|costs| costs.resident_kib_each), 2),
            spread(runs().map(|costs| costs.private_dirty_kib_each), 2),
            spread(runs().map(|costs| costs.wake_ups_per_second), 1),
            spread(runs().map(|costs| costs.preemptions_per_second), 1),
            spread(runs().map(|costs| costs.cpu_percent), 2),
            spread(runs().map(|costs| costs.packets_per_second), 1),
        ];
        table.line(peer.name(), cells);
    }
    table.markdown()
}
