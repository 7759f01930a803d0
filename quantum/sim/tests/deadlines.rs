//! Deadlines and urgency on a link that gets slow (virtual time).

use std::ops::Range;
use std::time::Duration;

use quantum_proto::Urgency;
use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::scenario::Scenario;
use quantum_sim::scenario::mix::{Mix, MixReport, Source, SourceReport};
use quantum_sim::units::{bdp, mbit, ms, seconds};
use quantum_sim::violation::Violation;

/// Some seeds, so that none is lucky.
const SEEDS: u64 = 5;

/// When the link drops to a tenth of its rate.
const CHANGE: Duration = seconds(60);
/// When the sender has found out.
const SETTLED: Duration = seconds(65);
const END: Duration = seconds(120);

/// What a person waits for.
const DEADLINE: Duration = ms(100);

/// Small urgent messages beside a stream that takes what there is.
fn urgent_beside_bulk(seed: u64) -> Result<MixReport, Violation> {
    let urgent = Source::new(200, ms(10))
        .urgent(Urgency::new(1))
        .within(DEADLINE);
    run(seed, &Mix::default().source(urgent).bulk(Urgency::LOWEST))
}

fn run(seed: u64, mix: &Mix) -> Result<MixReport, Violation> {
    let rate = Schedule::constant(mbit(20)).then(Instant::ORIGIN + CHANGE, mbit(2));
    let scenario = Scenario::new(rate, ms(50))
        .queue(bdp(mbit(20), ms(50)))
        .lasting(END);
    scenario.run_mix(seed, mix)
}

fn show(report: &MixReport) {
    let source = &report.sources[0];
    for during in [
        seconds(5)..CHANGE,
        CHANGE..SETTLED,
        SETTLED..END,
        CHANGE..END,
    ] {
        let latencies = source.latencies(during.clone());
        println!(
            "{:?}: {} accepted, {} delivered, p50 {:?}, p99 {:?}, most {:?}; bulk {:.2} Mbit/s",
            during.start,
            source.accepted(during.clone()),
            latencies.count(),
            latencies.percentile(0.5),
            latencies.percentile(0.99),
            latencies.percentile(1.0),
            report.bulk_goodput(during.clone()) / 1e6,
        );
    }
}

/// Of the messages accepted in this time, those that came in time.
fn share(source: &SourceReport, during: Range<Duration>) -> f64 {
    let delivered = source.latencies(during.clone()).count();
    delivered as f64 / source.accepted(during) as f64
}

#[test]
fn nothing_is_delivered_late_when_the_link_drops_to_a_tenth() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        let report = urgent_beside_bulk(seed)?;
        println!("seed {seed}");
        show(&report);
        let source = &report.sources[0];
        let most = source.latencies(seconds(0)..END).percentile(1.0);
        assert!(most <= DEADLINE, "{most:?}");
        let before = source.latencies(seconds(5)..CHANGE);
        assert_eq!(before.count(), source.accepted(seconds(5)..CHANGE));
        let (before, after) = (
            before.percentile(0.99),
            source.latencies(CHANGE..END).percentile(0.99),
        );
        assert!(after < before * 6 / 5, "{after:?} after {before:?}");
        // The queue has to empty once.
        assert!(share(source, CHANGE..SETTLED) >= 0.8);
        assert!(share(source, SETTLED..END) >= 0.99);
        // Each is accounted for; some are still under way.
        let (sender, receiver) = (&report.sender, &report.receiver);
        let missed = receiver.messages_missed + receiver.messages_withheld;
        let accepted = source.accepted(seconds(0)..END) as u64;
        let delivered = source.latencies(seconds(0)..END).count() as u64;
        assert!(delivered + missed <= accepted && delivered + missed + 60 >= accepted);
        assert!(sender.messages_expired + sender.messages_late <= missed + 60);
    }
    Ok(())
}

/// Media that do not adapt: the sender is never without data that are worth nothing soon, and never has
/// more than the link took before.
#[test]
fn what_is_too_much_for_the_link_fills_it_with_what_comes_in_time() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        let media = Source::new(1_000, Duration::from_micros(500)).within(DEADLINE);
        let report = run(seed, &Mix::default().source(media))?;
        println!("seed {seed}");
        show(&report);
        let source = &report.sources[0];
        let most = source.latencies(seconds(0)..END).percentile(1.0);
        assert!(most <= DEADLINE, "{most:?}");
        assert!(share(source, seconds(5)..CHANGE) >= 0.999);
        // 2 of 16 Mbit/s, headers taken off.
        assert!(share(source, SETTLED..END) >= 0.105);
    }
    Ok(())
}
