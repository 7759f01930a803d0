//! Deadlines and urgency on links that change and are shared (virtual time).

use std::ops::Range;
use std::time::Duration;

use quantum_proto::Urgency;
use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::scenario::Scenario;
use quantum_sim::scenario::mix::{Mix, MixReport, Source};
use quantum_sim::units::{bdp, mbit, ms, seconds};
use quantum_sim::violation::Violation;

/// Some seeds, so that none is lucky.
const SEEDS: u64 = 5;

/// When the link gets slow.
const CHANGE: Duration = seconds(60);
const END: Duration = seconds(120);

fn slowing() -> Scenario {
    let rate = Schedule::constant(mbit(20)).then(Instant::ORIGIN + CHANGE, mbit(2));
    Scenario::new(rate, ms(50))
        .queue(bdp(mbit(20), ms(50)))
        .lasting(END)
}

fn show(what: &str, report: &MixReport, index: usize, during: Range<Duration>) {
    let source = &report.sources[index];
    let latencies = source.latencies(during.clone());
    let accepted = source.accepted(during.clone());
    println!(
        "{what} {index} {:3}-{:3} s: accepted {accepted}, delivered {} ({:.2}%), p50 {:?} p99 {:?} max {:?}, refused {}, bulk {:.2} Mbit/s",
        during.start.as_secs(),
        during.end.as_secs(),
        latencies.count(),
        latencies.count() as f64 / accepted.max(1) as f64 * 100.0,
        latencies.percentile(0.5),
        latencies.percentile(0.99),
        latencies.percentile(1.0),
        source.refused,
        report.bulk_goodput(during.clone()) / 1e6,
    );
}

#[test]
fn explore() -> Result<(), Violation> {
    let urgent = Source::new(200, ms(10)).urgent(Urgency::new(1));
    let video = Source::new(20_000, ms(10))
        .urgent(Urgency::new(4))
        .within(ms(150));
    for seed in 0..2 {
        for (name, mix) in [
            (
                "bulk",
                Mix::default()
                    .source(urgent.within(ms(100)))
                    .bulk(Urgency::LOWEST),
            ),
            (
                "bulk free",
                Mix::default().source(urgent).bulk(Urgency::LOWEST),
            ),
            (
                "video",
                Mix::default().source(urgent.within(ms(100))).source(video),
            ),
            ("video free", Mix::default().source(urgent).source(video)),
        ] {
            let report = slowing().run_mix(seed, &mix)?;
            for index in 0..report.sources.len() {
                show(name, &report, index, seconds(5)..CHANGE);
                show(name, &report, index, CHANGE..seconds(65));
                show(name, &report, index, seconds(65)..END);
                show(name, &report, index, CHANGE..END);
            }
            println!(
                "{name} sender expired {} late {} missed {} withheld {}",
                report.sender.messages_expired,
                report.sender.messages_late,
                report.receiver.messages_missed,
                report.receiver.messages_withheld
            );
        }
    }
    let _ = SEEDS;
    Ok(())
}
