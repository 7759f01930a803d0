//! Download from server to client: bytes read in the seconds after connecting, slow start included.

use std::time::Duration;

use bench_report::{Table, spread};
use clap::Args;
use netlab::counters::Counters;
use netlab::lab::{Lab, LabSettings, SERVER};
use netlab::link::LinkSettings;
use netlab::loss::Loss;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Keep, Workload, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{CHUNK, DOWNLOAD, Report, Task, cpu_seconds, request};
use crate::identity::Identity;
use crate::output::endings;
use crate::peers::{self, Peer, Setup, Stream};
use crate::process::Pair;
use crate::runner::{
    self, Destination, Megabits, Milliseconds, Parallel, Peers, Percent, QueueProducts, Repeats,
    Seconds,
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(30);
/// Share of a packet of 1500 bytes that is payload of a QUIC-like transport at best.
const PAYLOAD: f64 = 1452.0 / 1500.0;

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
    /// Round-trip times in milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "40,100")]
    pub(crate) rtt: Vec<Milliseconds>,
    /// Losses in percent, in both directions.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2,5,10")]
    pub(crate) loss: Vec<Percent>,
    /// Mean number of packets lost in a row; 1 is independent loss.
    #[arg(long, default_value = "1")]
    burst: Within<f64, 1, 1_000>,
    /// Rate of the link in Mbit/s of IP packets.
    #[arg(long, default_value = "50")]
    pub(crate) rate: Megabits,
    /// Queue in products of rate and round-trip time.
    #[arg(long, default_value = "1")]
    queue: QueueProducts,
    /// How long the download is measured.
    #[arg(long, default_value = "15")]
    seconds: Seconds,
    /// Links at once.
    #[arg(long, default_value = "4")]
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

/// What the client saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Download {
    pub(crate) bytes: u64,
    /// Bytes of each second.
    pub(crate) timeline: Vec<u64>,
    /// CPU seconds of the client.
    pub(crate) cpu_seconds: f64,
    /// Why it ended before its time.
    pub(crate) ended: Option<String>,
}

/// The client: downloads for `seconds`.
pub(crate) async fn download(setup: &Setup, seconds: f64) -> Result<Download, Failure> {
    let mut dialer = peers::dialer(setup).await?;
    let mut stream = timeout(CONNECT, dialer.connect()).await??;
    let cpu_before = cpu_seconds();
    let mut seen = Download::default();
    let ended = read_for(&mut stream, seconds, &mut seen).await;
    seen.ended = ended.err().map(|failure| failure.to_string());
    seen.cpu_seconds = cpu_seconds() - cpu_before;
    Ok(seen)
}

async fn read_for(stream: &mut Stream, seconds: f64, seen: &mut Download) -> Result<(), Failure> {
    let start = Instant::now();
    let deadline = start + Duration::from_secs_f64(seconds);
    stream.write_all(&request(DOWNLOAD)).await?;
    stream.flush().await?;
    let mut buffer = vec![0; CHUNK];
    while Instant::now() < deadline {
        let Ok(read) = timeout_at(deadline, stream.read(&mut buffer)).await else {
            break;
        };
        let length = read? as u64;
        if length == 0 {
            return Err("the server ended the stream".into());
        }
        seen.bytes += length;
        let second = start.elapsed().as_secs() as usize;
        if seen.timeline.len() <= second {
            seen.timeline.resize(second + 1, 0);
        }
        seen.timeline[second] += length;
    }
    Ok(())
}

struct Job {
    peer: Peer,
    rtt_ms: f64,
    loss_percent: f64,
    seed: u64,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) peer: Peer,
    pub(crate) rtt_ms: f64,
    pub(crate) loss_percent: f64,
    burst: f64,
    rate_mbit: f64,
    seconds: f64,
    parallel: u32,
    seed: u64,
    pub(crate) goodput_percent: f64,
    last_third_percent: f64,
    queue_drop_percent: f64,
    queue_delay_ms: f64,
    queue_delay_max_ms: f64,
    release_error_us: f64,
    /// Not 0: the emulator lost packets by being late.
    overrun: u64,
    download: Download,
    to_client: Counters,
    to_server: Counters,
}

impl Workload for Options {
    const NAME: &'static str = "bulk";
    const TITLE: &'static str = "Bulk download over a lossy link";
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        let cells = self.rtt.len() * self.loss.len() * self.peers.0.len();
        runner::check_runs(cells * self.repeats.get() as usize)
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        let measure = |job: &Job| measure(self, &identity, job);
        runner::run(jobs(self), self.parallel, measure, keep)
    }

    fn page(&self, records: &[Record]) -> String {
        tables(self, records)
    }
}

/// Transports take turns inside each cell, so that a slow minute hits all of them.
fn jobs(options: &Options) -> Vec<Job> {
    let mut jobs = Vec::new();
    for seed in (options.seed..).take(options.repeats.get() as usize) {
        for &rtt in &options.rtt {
            for &loss in &options.loss {
                let peers = options.peers.0.iter();
                jobs.extend(peers.map(|&peer| Job {
                    peer,
                    rtt_ms: rtt.get(),
                    loss_percent: loss.get(),
                    seed,
                }));
            }
        }
    }
    jobs
}

/// The same link in both directions.
fn link(options: &Options, job: &Job) -> LinkSettings {
    let rate = options.rate.get() * 1e6;
    let queue = rate / 8.0 * job.rtt_ms / 1e3 * options.queue.get();
    LinkSettings {
        rate: Some(rate as u64),
        delay: Duration::from_secs_f64(job.rtt_ms / 2e3),
        queue: Some(queue as u64),
        loss: Loss::percent(job.loss_percent, options.burst.get()),
        ..LinkSettings::default()
    }
}

fn measure(options: &Options, identity: &Identity, job: &Job) -> Result<Record, Failure> {
    let link = link(options, job);
    let lab = Lab::new(&LabSettings {
        to_server: link,
        to_client: link,
        seed: job.seed,
        ..LabSettings::default()
    })?;
    let setup = setup(job.peer, SERVER, identity);
    let seconds = options.seconds.get();
    let pair = Pair::start(&lab.server, &lab.client, &setup, Task::Bulk { seconds })?;
    let download = match pair.client_report(Duration::from_secs_f64(seconds)) {
        Ok(Report::Bulk(download)) => download,
        Ok(other) => return Err(format!("the client said {other:?}").into()),
        Err(failure) => Download {
            ended: Some(failure.to_string()),
            ..Download::default()
        },
    };
    let counters = lab.counters();
    drop(pair);
    let percent =
        |bytes: u64, seconds: f64| bytes as f64 * 8.0 / (options.rate.get() * 1e4) / seconds;
    let last: Vec<u64> = last_third(&download.timeline, seconds).to_vec();
    Ok(Record {
        peer: job.peer,
        rtt_ms: job.rtt_ms,
        loss_percent: job.loss_percent,
        burst: options.burst.get(),
        rate_mbit: options.rate.get(),
        seconds,
        parallel: options.parallel.get(),
        seed: job.seed,
        goodput_percent: percent(download.bytes, seconds),
        last_third_percent: percent(last.iter().sum(), (seconds / 3.0).floor().max(1.0)),
        queue_drop_percent: counters.to_client.queue_drop_share() * 100.0,
        queue_delay_ms: counters.to_client.queue_delay_mean().as_secs_f64() * 1e3,
        queue_delay_max_ms: counters.to_client.queue_delay_max().as_secs_f64() * 1e3,
        release_error_us: counters.to_client.release_error_mean().as_secs_f64() * 1e6,
        overrun: counters.overrun,
        download,
        to_client: counters.to_client,
        to_server: counters.to_server,
    })
}

/// The last third of the whole seconds; those after a connection ended are missing.
fn last_third(timeline: &[u64], seconds: f64) -> &[u64] {
    let whole = seconds.floor() as usize;
    let from = whole - (seconds / 3.0).floor().max(1.0).min(whole as f64) as usize;
    let until = timeline.len().min(whole);
    timeline.get(from..until).unwrap_or_default()
}

/// Share of a link that a QUIC-like transport can fill at best.
pub(crate) fn limit_percent(loss_percent: f64) -> f64 {
    PAYLOAD * (100.0 - loss_percent)
}

type Cell = fn(&[&Record]) -> String;

fn tables(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "{} Mbit/s of IP packets, queue {} BDP, drop-tail; loss in both directions, after the queue, \
         mean burst {}. {} s from connecting on, {} links at once. Median (least-most).\n",
        options.rate, options.queue, options.burst, options.seconds, options.parallel,
    );
    let goodput: Cell = |cell| spread(cell.iter().map(|record| record.goodput_percent), 1);
    let last: Cell = |cell| spread(cell.iter().map(|record| record.last_third_percent), 1);
    let queue: Cell = |cell| {
        let delay = spread(cell.iter().map(|record| record.queue_delay_ms), 1);
        let drops = spread(cell.iter().map(|record| record.queue_drop_percent), 1);
        format!("{delay} / {drops}")
    };
    for rtt in options.rtt.iter().map(|rtt| rtt.get()) {
        text +=
            &format!("\n## RTT {rtt} ms\n\nGoodput in % of the link's rate, start included:\n\n");
        text += &table(options, records, rtt, goodput, true);
        text += "\nMean queue delay in ms / share of sent packets that the queue dropped in %:\n\n";
        text += &table(options, records, rtt, queue, false);
        text += "\nGoodput of the last third (may pass 100: what waited behind a gap counts when read):\n\n";
        text += &table(options, records, rtt, last, false);
    }
    let error = records.iter().map(|record| record.release_error_us);
    let error = spread(error, 0);
    let overrun: u64 = records.iter().map(|record| record.overrun).sum();
    text += &format!(
        "\nThe emulator handed packets over {error} us late on average; it lost {overrun} packets of its own.\n"
    );
    text += &endings(
        records
            .iter()
            .map(|record| (record.peer, &record.download.ended)),
    );
    text
}

fn table(options: &Options, records: &[Record], rtt: f64, cell: Cell, limit: bool) -> String {
    let mut table = Table::of(
        "transport",
        options.loss.iter().map(|loss| format!("{loss} %")),
    );
    if limit {
        let share = |loss: &Percent| format!("{:.1}", limit_percent(loss.get()));
        table.line("limit".into(), options.loss.iter().map(share));
    }
    for &peer in &options.peers.0 {
        let cells = options.loss.iter().map(|loss| {
            let of = |record: &&Record| {
                (record.peer, record.rtt_ms, record.loss_percent) == (peer, rtt, loss.get())
            };
            cell(&records.iter().filter(of).collect::<Vec<_>>())
        });
        table.line(peer.name(), cells);
    }
    table.markdown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_third_is_whole_seconds_of_the_plan() {
        let timeline: Vec<u64> = (0..15).collect();
        assert_eq!(last_third(&timeline, 15.0), [10, 11, 12, 13, 14]);
        assert_eq!(last_third(&timeline[..12], 15.0), [10, 11]);
        assert!(last_third(&timeline[..3], 15.0).is_empty());
        assert_eq!(last_third(&[7, 8], 2.0), [8]);
    }
}
