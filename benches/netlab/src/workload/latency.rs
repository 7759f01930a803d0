//! Small messages from client to server: from when each was due to when it is complete.

mod ends;
mod flow;
mod late;
mod outcome;
mod tables;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use netlab::clock::monotonic;
use netlab::counters::Counters;
use netlab::lab::{Lab, LabSettings, SERVER};
use serde::{Deserialize, Serialize};

use super::{Keep, Workload, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{Report, Task};
use crate::identity::Identity;
use crate::path::{Burst, Path};
use crate::peers::{Peer, Setup};
use crate::process::Pair;
use crate::runner::{self, Destination, Megabits, Parallel, Peers, QueueProducts, Repeats};

pub(crate) use ends::{Received, Sent, receive, send};
pub(crate) use flow::{Delivery, Flow, Plan};
pub(crate) use late::{lateness, pooled};
use outcome::{GRACE, Outcome};
pub(crate) use tables::name;

/// The summary of late messages.
const RECOVERY: &str = "-recovery";
/// IPv4 and UDP headers.
const HEADER_BYTES: f64 = 28.0;
/// Between the last arrival and the last look at the counters: acknowledgements are still under way.
const SETTLE: Duration = Duration::from_secs(1);

/// What to measure.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Which transports: `all`, or names with commas between them.
    #[arg(long, default_value = "all")]
    pub(crate) peers: Peers,
    /// How often everything is measured.
    #[arg(long, default_value = "3")]
    repeats: Repeats,
    /// Paths: RTT/LOSS in ms and %, then any of /jitter=MS, /reorder=MS (jitter that changes the
    /// order), /burst=PACKETS, /burst=MSms, /outage=FROM+LENGTH (in ms).
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "10/0.1,50/1,150/2,80/3/jitter=20,80/3/reorder=20,50/3/burst=3,50/3/burst=30ms"
    )]
    pub(crate) paths: Vec<Path>,
    /// Flows: BYTESxHERTZ.
    #[arg(long, value_delimiter = ',', default_value = "200x100,1000x250")]
    pub(crate) flows: Vec<Flow>,
    /// Whether messages wait for those before them.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "unordered,ordered"
    )]
    pub(crate) delivery: Vec<Delivery>,
    /// Rate of the link in Mbit/s of IP packets.
    #[arg(long, default_value = "20")]
    rate: Megabits,
    /// Queue in products of rate and round-trip time, 64 KiB at least.
    #[arg(long, default_value = "1")]
    queue: QueueProducts,
    /// How long messages are sent.
    #[arg(long, default_value = "30")]
    seconds: Within<f64, 1, 600>,
    /// Links at once.
    #[arg(long, default_value = "8")]
    parallel: Parallel,
    /// Seed of the first repeat.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    #[serde(skip)]
    pub(crate) destination: Destination,
}

impl Default for Options {
    fn default() -> Self {
        runner::defaults()
    }
}

impl Options {
    /// Milliseconds that a message takes at least: the path's delay, and the transmission of a packet.
    fn least_ms(&self, path: Path, flow: Flow) -> f64 {
        let bits = (f64::from(flow.bytes) + HEADER_BYTES) * 8.0;
        path.rtt_ms / 2.0 + bits / (self.rate.get() * 1e3)
    }

    /// Milliseconds that a message takes at most while it waits for no queue and nothing is lost.
    pub(crate) fn own_ms(&self, path: Path, flow: Flow) -> f64 {
        self.least_ms(path, flow) + path.jitter_ms
    }
}

struct Job {
    peer: Peer,
    path: Path,
    flow: Flow,
    delivery: Delivery,
    seed: u64,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) peer: Peer,
    pub(crate) delivery: Delivery,
    pub(crate) path: Path,
    pub(crate) flow: Flow,
    rate_mbit: f64,
    seconds: f64,
    parallel: u32,
    seed: u64,
    pub(crate) outcome: Outcome,
    /// IP bytes that the client gave to the link for each byte of messages that were due.
    to_server_per_payload: f64,
    /// IP bytes of the server.
    to_client_per_payload: f64,
    release_error_us: f64,
    /// Not 0: the emulator lost packets by being late.
    overrun: u64,
    /// From the first message on.
    to_server: Counters,
    to_client: Counters,
    /// What the transport counted itself, on both sides.
    client: BTreeMap<String, u64>,
    server: BTreeMap<String, u64>,
    /// When the first message was due, in milliseconds of the link's time.
    pub(crate) first_ms: f64,
    /// Milliseconds of each message, on paths with an outage.
    pub(crate) timeline_ms: Vec<f64>,
    /// Why it ended before its time.
    ended: Option<String>,
}

impl Workload for Options {
    const NAME: &'static str = "latency";
    const TITLE: &'static str = "Latency of messages";
    const SUMMARIES: &'static [&'static str] = &["", RECOVERY];
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        let runs = cells(self).len() * self.peers.0.len();
        runner::check_runs(runs * self.repeats.get() as usize)?;
        if jobs(self).is_empty() {
            return Err("none of these transports can deliver without order".into());
        }
        Ok(())
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        let measure = |job: &Job| measure(self, &identity, job);
        runner::run(jobs(self), self.parallel, measure, keep)
    }

    fn page(&self, records: &[Record]) -> String {
        tables::page(self, records)
    }

    fn summaries(&self, records: &[Record]) -> Vec<(&'static str, String)> {
        vec![
            ("", tables::summary(self, records)),
            (RECOVERY, tables::recovery(self, records)),
        ]
    }
}

/// Transports take turns inside each cell, so that a slow minute hits all of them. Those that only
/// deliver in order are left out of the rest.
fn jobs(options: &Options) -> Vec<Job> {
    let mut jobs = Vec::new();
    for seed in (options.seed..).take(options.repeats.get() as usize) {
        for (path, flow, delivery) in cells(options) {
            let peers = options.peers.0.iter().copied();
            let peers = peers.filter(|peer| can(*peer, delivery));
            jobs.extend(peers.map(|peer| Job {
                peer,
                path,
                flow,
                delivery,
                seed,
            }));
        }
    }
    jobs
}

fn cells(options: &Options) -> Vec<(Path, Flow, Delivery)> {
    let mut cells = Vec::new();
    for &path in &options.paths {
        for &flow in &options.flows {
            cells.extend(options.delivery.iter().map(|&way| (path, flow, way)));
        }
    }
    cells
}

fn can(peer: Peer, delivery: Delivery) -> bool {
    delivery == Delivery::Ordered || peer.has_messages()
}

fn measure(options: &Options, identity: &Identity, job: &Job) -> Result<Record, Failure> {
    let [to_server, to_client] = job.path.links(options.rate.get(), options.queue.get());
    let lab = Lab::new(&LabSettings {
        to_server,
        to_client,
        seed: job.seed,
        ..LabSettings::default()
    })?;
    let messages = f64::from(job.flow.hertz) * options.seconds.get();
    let plan = Plan {
        flow: job.flow,
        delivery: job.delivery,
        messages: messages as u32,
        origin: lab.origin,
    };
    let run = follow(&lab, &setup(job.peer, SERVER, identity), plan)?;
    Ok(record(options, job, plan, run))
}

/// What a run left behind.
struct Run {
    first: u64,
    to_server: Counters,
    to_client: Counters,
    overrun: u64,
    sent: Sent,
    received: Received,
}

fn follow(lab: &Lab, setup: &Setup, plan: Plan) -> Result<Run, Failure> {
    let tasks = [Task::Receive(plan), Task::Send(plan)];
    let mut pair = Pair::start_with(&lab.server, &lab.client, setup, tasks)?;
    let (first, mut failed) = match pair.client_report(ends::CONNECT) {
        Ok(Report::Begins { first }) => (first, None),
        Ok(other) => return Err(format!("the client said {other:?}").into()),
        Err(failure) => (0, Some(failure.to_string())),
    };
    let before = lab.counters();
    if failed.is_none() {
        let end = first + plan.offset(plan.messages) + GRACE;
        let left = Duration::from_nanos(end.saturating_sub(monotonic()));
        match pair.server_says(left) {
            Some(Report::Complete) => sleep(SETTLE),
            Some(Report::Failed(why)) => failed = Some(why),
            _ => {}
        }
    }
    let after = lab.counters();
    let mut sent = sent(&mut pair);
    sent.ended = failed.or(sent.ended);
    Ok(Run {
        first,
        to_server: after.to_server.since(&before.to_server),
        to_client: after.to_client.since(&before.to_client),
        overrun: after.overrun,
        sent,
        received: received(&mut pair),
    })
}

fn sent(pair: &mut Pair) -> Sent {
    let ended = match pair.stop_client() {
        Ok(Report::Sent(sent)) => return sent,
        Ok(other) => format!("the client said {other:?}"),
        Err(failure) => failure.to_string(),
    };
    Sent {
        ended: Some(ended),
        ..Sent::default()
    }
}

fn received(pair: &mut Pair) -> Received {
    let ended = match pair.stop_server() {
        Ok(Report::Received(received)) => return received,
        Ok(other) => format!("the server said {other:?}"),
        Err(failure) => failure.to_string(),
    };
    Received {
        ended: Some(ended),
        ..Received::default()
    }
}

fn record(options: &Options, job: &Job, plan: Plan, run: Run) -> Record {
    let arrivals = &run.received.arrivals;
    let latencies = outcome::latencies(plan, run.first, arrivals);
    let outcome = Outcome::new(&latencies, outcome::duplicates(arrivals));
    let payload = f64::from(plan.messages) * f64::from(plan.flow.bytes);
    let timeline = matches!(job.path.burst, Burst::Outage { .. });
    let timeline = latencies.iter().filter(|_| timeline);
    Record {
        peer: job.peer,
        delivery: job.delivery,
        path: job.path,
        flow: job.flow,
        rate_mbit: options.rate.get(),
        seconds: options.seconds.get(),
        parallel: options.parallel.get(),
        seed: job.seed,
        first_ms: run.first.saturating_sub(plan.origin) as f64 / 1e6,
        timeline_ms: timeline.map(|(time, _)| *time).collect(),
        outcome,
        to_server_per_payload: run.to_server.offered_bytes as f64 / payload,
        to_client_per_payload: run.to_client.offered_bytes as f64 / payload,
        release_error_us: run.to_server.release_error_mean().as_secs_f64() * 1e6,
        overrun: run.overrun,
        to_server: run.to_server,
        to_client: run.to_client,
        client: run.sent.counts,
        server: run.received.counts,
        ended: run.sent.ended.or(run.received.ended),
    }
}
