//! The latencies of all runs as Markdown.

use super::{Delivery, Flow, Options, Record, can, late};
use crate::output::endings;
use crate::path::{Burst, Path};
use crate::peers::Peer;
use bench_report::{Table, median, spread};

/// What is measured, and a table for each path and flow.
pub(super) fn page(options: &Options, records: &[Record]) -> String {
    let mut text = format!(
        "One-way latency in ms of messages from client to server, from when each was due to when it \
         was complete. {} Mbit/s of IP packets, queue {} BDP and 64 KiB at least, drop-tail; loss in \
         both directions, after the queue. {} s of messages; a run ends 8 s after the last one was \
         due, and one that had not arrived by then counts with its age. IP bytes on the link for \
         each byte of payload, to the server + back, from the first message on. {} links at once. \
         Median of the runs (least-most). `limit`: the path's delay and the transmission of a \
         packet, and where losses last for a time, the rest of that time.\n",
        options.rate, options.queue, options.seconds, options.parallel,
    );
    for &path in &options.paths {
        for &flow in &options.flows {
            text += &format!("\n## {}: {}\n\n", path.describe(), flow.describe());
            text += &table(options, records, path, flow);
        }
    }
    let error = spread(records.iter().map(|record| record.release_error_us), 0);
    let overrun: u64 = records.iter().map(|record| record.overrun).sum();
    text += &format!(
        "\nThe emulator handed packets over {error} us late on average; it lost {overrun} packets of its own.\n"
    );
    text + &endings(records.iter().map(|record| (record.peer, &record.ended)))
}

/// p99 and p99.9 of each path and flow, in a table for each way to deliver.
pub(super) fn summary(options: &Options, records: &[Record]) -> String {
    let limit = |path, flow| limits(options, path, flow)[2..4].join(" / ");
    let tables = options.delivery.iter().map(|&delivery| {
        let overview = Overview {
            options,
            records,
            delivery,
        };
        let table = overview.table(("limit", &limit), &|runs, _, _| tail(runs));
        let order = match delivery {
            Delivery::Unordered => "Messages that do not wait for each other",
            Delivery::Ordered => "Messages in order, on one stream",
        };
        format!("{order}; p99 / p99.9 in ms:\n\n{table}\n")
    });
    tables.collect()
}

/// How many messages that wait for no other were late, and by how much.
pub(super) fn recovery(options: &Options, records: &[Record]) -> String {
    let overview = Overview {
        options,
        records,
        delivery: Delivery::Unordered,
    };
    let loss = |path: Path, _| path.loss_percent.to_string();
    let late = |runs: &[&Record], path, flow| late::cell(runs, options.own_ms(path, flow));
    let table = overview.table(("loss %", &loss), &late);
    format!(
        "Messages that came {} ms or more later than their path is long, none of them behind \
         another: their share, and by how many ms they were late, p50 / p99:\n\n{table}\n",
        late::LATE_MS
    )
}

/// A table with a line for each path and flow and a column for each transport.
struct Overview<'a> {
    options: &'a Options,
    records: &'a [Record],
    delivery: Delivery,
}

impl Overview<'_> {
    /// `first`: a column that is of no transport.
    fn table(
        &self,
        first: (&str, &dyn Fn(Path, Flow) -> String),
        cell: &dyn Fn(&[&Record], Path, Flow) -> String,
    ) -> String {
        let peers = self.options.peers.0.iter().copied();
        let peers: Vec<Peer> = peers.filter(|peer| can(*peer, self.delivery)).collect();
        let columns = peers.iter().map(|peer| peer.name());
        let columns = [first.0.to_owned()].into_iter().chain(columns);
        let mut table = Table::of("path, flow", columns);
        for &path in &self.options.paths {
            for &flow in &self.options.flows {
                let cells = peers.iter().map(|&peer| {
                    let runs = runs(self.records, peer, self.delivery, path, flow);
                    cell(&runs, path, flow)
                });
                let cells = [first.1(path, flow)].into_iter().chain(cells);
                let name = format!("{}; {}", path.describe(), flow.describe());
                table.line(name, cells);
            }
        }
        table.markdown()
    }
}

/// `p99 / p99.9`, medians of the runs.
fn tail(runs: &[&Record]) -> String {
    let middle = |value: fn(&Record) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(|run| value(run)).collect();
        median(&mut values)
    };
    let p99 = middle(|run| run.outcome.p99_ms);
    let p999 = middle(|run| run.outcome.p999_ms);
    format!("{p99:.1} / {p999:.1}")
}

fn runs(
    records: &[Record],
    peer: Peer,
    delivery: Delivery,
    path: Path,
    flow: Flow,
) -> Vec<&Record> {
    let of = |record: &&Record| {
        let cell = (record.peer, record.delivery, record.path, record.flow);
        cell == (peer, delivery, path, flow)
    };
    records.iter().filter(of).collect()
}

fn table(options: &Options, records: &[Record], path: Path, flow: Flow) -> String {
    let columns = [
        "p50",
        "p95",
        "p99",
        "p99.9",
        "max",
        "not delivered",
        "IP bytes/payload",
    ];
    let mut table = Table::of("transport", columns.map(str::to_owned));
    table.line("limit".into(), limits(options, path, flow));
    for &delivery in &options.delivery {
        let peers = options.peers.0.iter().copied();
        for peer in peers.filter(|peer| can(*peer, delivery)) {
            let runs = runs(records, peer, delivery, path, flow);
            table.line(name(peer, delivery), cells(&runs));
        }
    }
    table.markdown()
}

/// A line's name: what delivers in order says so.
pub(crate) fn name(peer: Peer, delivery: Delivery) -> String {
    let order = match delivery {
        Delivery::Unordered => "",
        Delivery::Ordered => ", ordered",
    };
    peer.name() + order
}

fn cells(runs: &[&Record]) -> [String; 7] {
    let of = |value: fn(&Record) -> f64, digits| spread(runs.iter().map(|run| value(run)), digits);
    let there = of(|run| run.to_server_per_payload, 2);
    let back = of(|run| run.to_client_per_payload, 2);
    [
        of(|run| run.outcome.p50_ms, 1),
        of(|run| run.outcome.p95_ms, 1),
        of(|run| run.outcome.p99_ms, 1),
        of(|run| run.outcome.p999_ms, 1),
        of(|run| run.outcome.max_ms, 0),
        of(|run| f64::from(run.outcome.undelivered), 0),
        format!("{there} + {back}"),
    ]
}

fn limits(options: &Options, path: Path, flow: Flow) -> Vec<String> {
    let jitter = match path.jitter_ms {
        0.0 => String::new(),
        most => format!(" + 0-{most}"),
    };
    let at = |share: f64| {
        let least = options.least_ms(path, flow) + rest_of_burst(path, share);
        format!("{least:.1}{jitter}")
    };
    let percentiles = [0.5, 0.95, 0.99, 0.999].map(at);
    let others = ["", "", ""].map(str::to_owned);
    percentiles.into_iter().chain(others).collect()
}

/// Milliseconds until a burst in which a message falls is over, at `share` of all messages: no copy of
/// it arrives before. Bursts by packets are over as soon as enough copies are sent.
fn rest_of_burst(path: Path, share: f64) -> f64 {
    let Burst::Milliseconds(mean) = path.burst else {
        return 0.0;
    };
    // The rest of an exponentially distributed time is distributed alike.
    let hit = path.loss_percent / 100.0;
    (mean * (hit / (1.0 - share)).ln()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_in_time_bound_what_can_be_reached() {
        let path: Path = "50/3/burst=30ms".parse().unwrap();
        assert_eq!(rest_of_burst(path, 0.95), 0.0);
        assert!((rest_of_burst(path, 0.99) - 32.96).abs() < 0.01);
        assert!((rest_of_burst(path, 0.999) - 102.04).abs() < 0.01);
        let packets: Path = "50/3/burst=3".parse().unwrap();
        assert_eq!(rest_of_burst(packets, 0.999), 0.0);
    }
}
