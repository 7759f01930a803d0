//! Connects one after the other: time from nothing to the first byte of the first answer.

use std::time::Duration;

use bench_report::{Table, percentile, spread};
use clap::Args;
use netlab::lab::{Lab, LabSettings, SERVER};
use netlab::link::LinkSettings;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use super::{Keep, Workload, first_byte, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{Report, Task};
use crate::identity::Identity;
use crate::output::endings;
use crate::peers::{self, Peer, Setup};
use crate::process::Pair;
use crate::runner::{self, Destination, Megabits, Milliseconds, Peers, Repeats};

/// How long one connection may take.
const LONGEST: Duration = Duration::from_secs(10);
/// Between two connections, so that the end of one is not in the way of the next.
const PAUSE: Duration = Duration::from_millis(250);
/// The link is exact while one connection at a time leaves the processor idle.
const SPIN: Duration = Duration::from_micros(300);
/// Least queue in bytes.
const QUEUE: u64 = 64 << 10;

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
    /// Round-trip time in milliseconds.
    #[arg(long, default_value = "50")]
    rtt: Milliseconds,
    /// Rate of the link in Mbit/s of IP packets.
    #[arg(long, default_value = "20")]
    rate: Megabits,
    /// Connections of each run.
    #[arg(long, default_value = "15")]
    connections: Within<u32, 1, 10_000>,
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
pub(crate) struct Connects {
    /// Milliseconds of each connection.
    pub(crate) milliseconds: Vec<f64>,
    /// Why there are fewer than asked for.
    pub(crate) ended: Option<String>,
}

/// The client: connects, asks, reads one byte, and starts again. With early data, it knows the
/// server from a connection that is not counted.
pub(crate) async fn connect(setup: &Setup, connections: u32) -> Result<Connects, Failure> {
    let mut dialer = peers::dialer(setup).await?;
    let mut seen = Connects::default();
    if setup.wishes.early_data {
        // The first connection gets the ticket that the others need.
        let stream = timeout(LONGEST, first_byte(dialer.as_mut())).await??;
        sleep(PAUSE).await;
        drop(stream);
        sleep(PAUSE).await;
    }
    for _ in 0..connections {
        let start = Instant::now();
        let connected = timeout(LONGEST, first_byte(dialer.as_mut())).await;
        let stream = match connected.map_err(Failure::from).and_then(|stream| stream) {
            Ok(stream) => stream,
            Err(failure) => {
                seen.ended = Some(failure.to_string());
                break;
            }
        };
        seen.milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        if setup.wishes.early_data {
            // The handshake is still under way, and with its end comes the next ticket.
            sleep(PAUSE).await;
        }
        drop(stream);
        sleep(PAUSE).await;
    }
    Ok(seen)
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    peer: Peer,
    early_data: bool,
    rtt_ms: f64,
    rate_mbit: f64,
    repeat: u32,
    connects: Connects,
    bytes_each: f64,
    packets_each: f64,
}

impl Workload for Options {
    const NAME: &'static str = "handshake";
    const TITLE: &'static str = "Handshake to the first byte of an answer";
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        runner::check_runs(self.peers.0.len() * self.repeats.get() as usize)
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        for repeat in 1..=self.repeats.get() {
            for &peer in &self.peers.0 {
                eprintln!("{} ({repeat} of {})", peer.name(), self.repeats);
                for early_data in ways(peer) {
                    keep(measure(self, &identity, peer, early_data, repeat)?)?;
                }
            }
        }
        Ok(())
    }

    fn page(&self, records: &[Record]) -> String {
        text(self, records)
    }
}

/// Whether early data is used: not, and also, if it can be.
fn ways(peer: Peer) -> impl Iterator<Item = bool> {
    let early = peer.has_early_data().then_some(true);
    [false].into_iter().chain(early)
}

fn measure(
    options: &Options,
    identity: &Identity,
    peer: Peer,
    early_data: bool,
    repeat: u32,
) -> Result<Record, Failure> {
    let rate = options.rate.get() * 1e6;
    let bandwidth_delay = (rate / 8.0 * options.rtt.get() / 1e3) as u64;
    let link = LinkSettings {
        rate: Some(rate as u64),
        delay: Duration::from_secs_f64(options.rtt.get() / 2e3),
        queue: Some(bandwidth_delay.max(QUEUE)),
        ..LinkSettings::default()
    };
    let lab = Lab::new(&LabSettings {
        to_server: link,
        to_client: link,
        spin: SPIN,
        ..LabSettings::default()
    })?;
    let connections = options.connections.get();
    let task = Task::Handshake { connections };
    let mut setup = setup(peer, SERVER, identity);
    setup.wishes.early_data = early_data;
    let pair = Pair::start(&lab.server, &lab.client, &setup, task)?;
    let report = pair.client_report((PAUSE * 2 + LONGEST) * connections);
    let connects = match report {
        Ok(Report::Handshake(connects)) => connects,
        Ok(other) => return Err(format!("the client said {other:?}").into()),
        Err(failure) => Connects {
            ended: Some(failure.to_string()),
            ..Connects::default()
        },
    };
    let counters = lab.counters();
    let ways = [counters.to_server, counters.to_client];
    let made = connects.milliseconds.len().max(1) + usize::from(early_data);
    let each = |sum: u64| sum as f64 / made as f64;
    Ok(Record {
        peer,
        early_data,
        rtt_ms: options.rtt.get(),
        rate_mbit: options.rate.get(),
        repeat,
        bytes_each: each(ways.iter().map(|way| way.offered_bytes).sum()),
        packets_each: each(ways.iter().map(|way| way.offered_packets).sum()),
        connects,
    })
}

fn text(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "RTT {} ms, {} Mbit/s, no loss; {} new connections in sequence, 64 bytes each way; \
         without resumption, and with early data (0-RTT) where a line says so. Median of the runs \
         (least-most).\n\n",
        options.rtt, options.rate, options.connections,
    );
    let columns = [
        "p50 ms",
        "min ms",
        "max ms",
        "IP bytes both ways",
        "packets",
    ];
    let mut table = Table::of("transport", columns.map(str::to_owned));
    for &peer in &options.peers.0 {
        for early_data in ways(peer) {
            let name = peer.name() + if early_data { ", 0-RTT" } else { "" };
            table.line(name, cells(records, peer, early_data));
        }
    }
    text += &table.markdown();
    text + &endings(
        records
            .iter()
            .map(|record| (record.peer, &record.connects.ended)),
    )
}

fn cells(records: &[Record], peer: Peer, early_data: bool) -> [String; 5] {
    let of = |record: &&Record| (record.peer, record.early_data) == (peer, early_data);
    let runs = || records.iter().filter(of);
    let at = |share: f64| {
        let times = runs().map(|record| {
            let mut times = record.connects.milliseconds.clone();
            percentile(&mut times, share)
        });
        spread(times, 1)
    };
    [
        at(0.5),
        at(0.0),
        at(1.0),
        spread(runs().map(|record| record.bytes_each), 0),
        spread(runs().map(|record| record.packets_each), 1),
    ]
}
