//! One-way latency of small reliable messages on lossy paths, and what it costs (virtual time).
//!
//! The scenarios and the targets are those of the lab (`benches/netlab`): what it measures with real
//! packets has to be good here first.

use std::time::Duration;

use quantum_proto::stats::Statistics;
use quantum_sim::scenario::Scenario;
use quantum_sim::scenario::mix::{Mix, Source};
use quantum_sim::units::{mbit, ms, seconds};
use quantum_sim::violation::Violation;

const LENGTH: Duration = seconds(30);

/// Of so many runs the median counts.
const SEEDS: u64 = 9;

/// The headers of IPv4 and UDP.
const HEADERS: u64 = 28;

/// A flow, and how many percent repairs may add to it.
struct Flow {
    bytes: usize,
    interval: Duration,
    added_max: f64,
}

/// Below 256 kbit/s.
const SPARSE: Flow = Flow {
    bytes: 200,
    interval: ms(10),
    added_max: 100.0,
};

const MEDIA: Flow = Flow {
    bytes: 1_000,
    interval: ms(4),
    added_max: 30.0,
};

fn link(rtt: u64, loss: f64) -> Scenario {
    Scenario::new(mbit(20), ms(rtt)).loss(loss).lasting(LENGTH)
}

/// Medians of some runs.
#[derive(Debug)]
struct Figures {
    p99: Duration,
    p999: Duration,
    /// IP bytes, both ways, for each byte of payload.
    cost: f64,
}

fn measure(scenario: &Scenario, flow: &Flow) -> Result<Figures, Violation> {
    let (mut p99, mut p999, mut cost) = (Vec::new(), Vec::new(), 0.0);
    for seed in 0..SEEDS {
        let mix = Mix::default().source(Source::new(flow.bytes, flow.interval));
        let report = scenario.run_mix(seed, &mix)?;
        let latencies = report.sources[0].latencies(seconds(0)..LENGTH);
        p99.push(latencies.percentile(0.99));
        p999.push(latencies.percentile(0.999));
        let payload = report.sources[0].accepted(seconds(0)..LENGTH) * flow.bytes;
        let bytes = ip_bytes(&report.sender) + ip_bytes(&report.receiver);
        cost += bytes as f64 / payload as f64 / SEEDS as f64;
    }
    Ok(Figures {
        p99: median(p99),
        p999: median(p999),
        cost,
    })
}

fn ip_bytes(statistics: &Statistics) -> u64 {
    statistics.bytes_sent + statistics.datagrams_sent * HEADERS
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Measures the flow with and without repairs, and holds it to p99 and p99.9, in milliseconds.
fn check(scenario: &Scenario, flow: &Flow, p99: u64, p999: u64) -> Result<(), Violation> {
    let without = measure(&scenario.clone().without_repairs(), flow)?;
    let with = measure(scenario, flow)?;
    let added = (with.cost / without.cost - 1.0) * 100.0;
    println!(
        "{} bytes: {with:?}, +{added:.1} %, without repairs {without:?}",
        flow.bytes
    );
    assert!(with.p99 <= ms(p99) && with.p999 <= ms(p999), "{with:?}");
    assert!(added <= flow.added_max, "{added:.1} %");
    Ok(())
}

#[test]
fn isolated_losses_cost_an_interval_between_messages() -> Result<(), Violation> {
    check(&link(50, 0.01), &SPARSE, 35, 43)?;
    check(&link(50, 0.01), &MEDIA, 31, 43)?;
    check(&link(150, 0.02), &SPARSE, 88, 96)?;
    check(&link(150, 0.02), &MEDIA, 89, 107)
}

#[test]
fn jitter_with_and_without_reordering_does_not_hide_losses() -> Result<(), Violation> {
    let jitter = link(80, 0.03).jitter(ms(20));
    check(&jitter, &SPARSE, 68, 82)?;
    check(&jitter, &MEDIA, 70, 92)?;
    let reorders = link(80, 0.03).jitter_reordering(ms(20));
    check(&reorders, &SPARSE, 72, 90)?;
    check(&reorders, &MEDIA, 76, 100)
}

#[test]
fn a_near_and_nearly_clean_path_is_no_slower_than_the_best_peer() -> Result<(), Violation> {
    check(&link(10, 0.001), &SPARSE, 6, 20)?;
    check(&link(10, 0.001), &MEDIA, 6, 20)
}

/// One burst in sixteen hits nine packets or more. What repairs may cost does not bring back as many
/// before their acknowledgements are missing.
#[test]
fn bursts_cost_no_more_than_a_round_trip() -> Result<(), Violation> {
    let bursts = link(50, 0.03).in_bursts(3.0);
    check(&bursts, &SPARSE, 68, 105)?;
    check(&bursts, &MEDIA, 79, 98)
}

/// What is lost is sent again: that makes a flow larger, and repairs are for it all the same.
#[test]
fn a_sparse_flow_is_repaired_however_much_of_it_is_lost() -> Result<(), Violation> {
    let scenario = link(50, 0.3);
    let without = measure(&scenario.clone().without_repairs(), &SPARSE)?;
    let with = measure(&scenario, &SPARSE)?;
    println!("{with:?}, without repairs {without:?}");
    assert!(with.p99 <= ms(110) && with.p999 <= ms(180), "{with:?}");
    assert!(with.p99 * 3 < without.p99 * 2, "{without:?}");
    Ok(())
}
