//! Download on loopback, without the emulator: what a transport's CPU allows.

use std::net::Ipv4Addr;
use std::time::Duration;

use bench_report::{Table, spread};
use clap::Args;
use netlab::namespace::Namespace;
use serde::{Deserialize, Serialize};

use super::bulk::Download;
use super::{Keep, Workload, setup};
use crate::Failure;
use crate::bounded::Within;
use crate::child::{Report, Task};
use crate::identity::Identity;
use crate::output::endings;
use crate::peers::Peer;
use crate::process::Pair;
use crate::runner::{self, Destination, Peers, Repeats};

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
    /// How long each download is measured.
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

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    peer: Peer,
    repeat: u32,
    seconds: f64,
    gigabits_per_second: f64,
    client_cpu_per_gigabyte: f64,
    server_cpu_per_gigabyte: f64,
    download: Download,
}

impl Workload for Options {
    const NAME: &'static str = "loopback";
    const TITLE: &'static str = "Loopback, one connection";
    type Record = Record;

    fn check(&self) -> Result<(), String> {
        runner::check_runs(self.peers.0.len() * self.repeats.get() as usize)
    }

    fn measure(&self, keep: &mut Keep<'_, Record>) -> Result<(), Failure> {
        let identity = Identity::generate()?;
        for repeat in 1..=self.repeats.get() {
            for &peer in &self.peers.0 {
                eprintln!("{} ({repeat} of {})", peer.name(), self.repeats);
                keep(measure(self, &identity, peer, repeat)?)?;
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
    repeat: u32,
) -> Result<Record, Failure> {
    let namespace = Namespace::new()?;
    namespace.raise_loopback()?;
    let seconds = options.seconds.get();
    let setup = setup(peer, Ipv4Addr::LOCALHOST, identity);
    let mut pair = Pair::start(&namespace, &namespace, &setup, Task::Bulk { seconds })?;
    let report = pair.client_report(Duration::from_secs_f64(seconds));
    let server_cpu = match pair.stop_server() {
        Ok(Report::Served { cpu_seconds }) => cpu_seconds,
        _ => f64::NAN,
    };
    let download = match report {
        Ok(Report::Bulk(download)) => download,
        Ok(other) => return Err(format!("the client said {other:?}").into()),
        Err(failure) => Download {
            ended: Some(failure.to_string()),
            ..Download::default()
        },
    };
    let gigabytes = download.bytes as f64 / 1e9;
    Ok(Record {
        peer,
        repeat,
        seconds,
        gigabits_per_second: gigabytes * 8.0 / seconds,
        client_cpu_per_gigabyte: download.cpu_seconds / gigabytes,
        server_cpu_per_gigabyte: server_cpu / gigabytes,
        download,
    })
}

fn text(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "Server to client for {} s, a process each with one current-thread runtime, in a fresh \
         namespace. CPU: user and system time of both. Median (least-most).\n\n",
        options.seconds
    );
    let columns = ["Gbit/s", "CPU-s per GB, both", "client", "server"];
    let mut table = Table::of("transport", columns.map(str::to_owned));
    for &peer in &options.peers.0 {
        let runs = || records.iter().filter(move |record| record.peer == peer);
        let both = |run: &Record| run.client_cpu_per_gigabyte + run.server_cpu_per_gigabyte;
        let cells = [
            spread(runs().map(|run| run.gigabits_per_second), 2),
            spread(runs().map(both), 2),
            spread(runs().map(|run| run.client_cpu_per_gigabyte), 2),
            spread(runs().map(|run| run.server_cpu_per_gigabyte), 2),
        ];
        table.line(peer.name(), cells);
    }
    text += &table.markdown();
    text + &endings(
        records
            .iter()
            .map(|record| (record.peer, &record.download.ended)),
    )
}
