//! Download on loopback, without the emulator: what a transport's CPU allows.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Args;
use netlab::namespace::Namespace;
use serde::Serialize;

use super::bulk::Download;
use super::setup;
use crate::Failure;
use crate::child::{Report, Task};
use crate::identity::Identity;
use crate::output::{Output, Table, endings};
use crate::peers::Peer;
use crate::process::Pair;
use crate::runner::Common;
use crate::statistics::spread;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// How long each download is measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// One run.
#[derive(Debug, Serialize)]
struct Record {
    peer: Peer,
    repeat: u32,
    seconds: f64,
    gigabits_per_second: f64,
    client_cpu_per_gigabyte: f64,
    server_cpu_per_gigabyte: f64,
    download: Download,
}

/// Measures, prints and writes. Runs never overlap.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let identity = Identity::generate()?;
    let mut output = Output::open("loopback", &options.common)?;
    let mut records = Vec::new();
    for repeat in 1..=options.common.repeats {
        for &peer in &options.common.peers.0 {
            eprintln!("{} ({repeat} of {})", peer.name(), options.common.repeats);
            let record = measure(options, &identity, peer, repeat)?;
            output.record(&record)?;
            records.push(record);
        }
    }
    output.finish("Loopback, one connection", &text(options, &records))
}

fn measure(
    options: &Options,
    identity: &Identity,
    peer: Peer,
    repeat: u32,
) -> Result<Record, Failure> {
    let namespace = Namespace::new()?;
    namespace.raise_loopback()?;
    let seconds = options.seconds;
    let setup = setup(peer, Ipv4Addr::LOCALHOST, identity);
    let pair = Pair::start(&namespace, &namespace, &setup, Task::Bulk { seconds })?;
    let report = pair.client_report(Duration::from_secs_f64(seconds));
    let server_cpu = pair.stop_server().unwrap_or(f64::NAN);
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
    let mut table = Table::new(columns.map(str::to_owned));
    for &peer in &options.common.peers.0 {
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
