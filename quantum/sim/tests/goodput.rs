//! How much of a link a flow uses, and what it makes others wait (virtual time).

use std::time::Duration;

use quantum_sim::scenario::{Controller, Flow, Report, Scenario, catalogue};
use quantum_sim::units::{bdp, mbit, ms, seconds};
use quantum_sim::violation::Violation;

#[expect(clippy::expect_used, reason = "the name is written here")]
fn run(name: &str, seed: u64) -> Result<Report, Violation> {
    catalogue::find(name)
        .expect("a name of the catalogue")
        .run(seed)
}

/// Some seeds, so that none is lucky.
const SEEDS: u64 = 5;

/// The least of some seeds.
fn of_link(name: &str) -> Result<f64, Violation> {
    let mut least = f64::MAX;
    for seed in 0..SEEDS {
        let report = run(name, seed)?;
        println!("{name} {seed}: {report}");
        least = least.min(report.flows[0].of_link);
    }
    Ok(least)
}

#[test]
fn one_flow_fills_the_link_and_hardly_anybody_waits() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        let report = run("single", seed)?;
        assert!(report.flows[0].of_link >= 0.95, "{report}");
        assert!(report.rtt_p95_ratio <= 1.25, "{report}");
        assert!(report.dropped <= 0.02, "{report}");
    }
    Ok(())
}

#[test]
fn random_loss_is_not_taken_for_congestion() -> Result<(), Violation> {
    assert!(of_link("loss-1")? >= 0.90);
    assert!(of_link("loss-2")? >= 0.90);
    assert!(of_link("loss-5")? >= 0.85);
    assert!(of_link("loss-10")? >= 0.75);
    assert!(of_link("far-loss-5")? >= 0.80);
    Ok(())
}

#[test]
fn loss_in_bursts_is_not_taken_for_congestion() -> Result<(), Violation> {
    assert!(of_link("loss-2-bursts")? >= 0.85);
    Ok(())
}

#[test]
fn a_slow_link_is_filled_too() -> Result<(), Violation> {
    assert!(of_link("dsl")? >= 0.95);
    assert!(of_link("slow")? >= 0.90);
    assert!(of_link("satellite")? >= 0.85);
    Ok(())
}

#[test]
fn a_shallow_buffer_is_used_without_overrunning_it() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        let report = run("shallow", seed)?;
        assert!(report.flows[0].of_link >= 0.90, "{report}");
        assert!(report.dropped <= 0.02, "{report}");
    }
    Ok(())
}

#[test]
fn a_deep_buffer_stays_empty() -> Result<(), Violation> {
    let report = run("deep", 0)?;
    assert!(report.wait_mean <= ms(10), "{report}");
    Ok(())
}

#[test]
fn a_policer_is_found_out() -> Result<(), Violation> {
    assert!(of_link("policer")? >= 0.90);
    Ok(())
}

#[test]
fn bursty_and_jittery_links_are_filled() -> Result<(), Violation> {
    for name in ["aggregation", "jitter", "lte"] {
        assert!(of_link(name)? >= 0.85, "{name}");
    }
    Ok(())
}

#[test]
fn marks_keep_the_queue_short() -> Result<(), Violation> {
    let report = run("ecn", 0)?;
    assert!(report.marked > 0, "{report}");
    assert!(report.flows[0].of_link >= 0.80, "{report}");
    assert!(report.wait_p95 <= ms(15), "{report}");
    Ok(())
}

/// Goodput in the window that starts `after` the step of the rate.
fn after_step(report: &Report, after: Duration) -> f64 {
    let from = seconds(15) + after;
    report.flows[0].goodput_between(from, from + seconds(2)) / 1e6
}

#[test]
fn a_faster_link_is_found_within_three_seconds() -> Result<(), Violation> {
    let report = run("rate-up", 0)?;
    assert!(after_step(&report, seconds(3)) >= 40.0, "{report}");
    Ok(())
}

#[test]
fn a_slower_link_is_found_within_two_seconds() -> Result<(), Violation> {
    let report = run("rate-down", 0)?;
    assert!(after_step(&report, seconds(2)) >= 8.0, "{report}");
    Ok(())
}

#[test]
fn cubic_fills_a_clean_link() -> Result<(), Violation> {
    let scenario = Scenario::new(mbit(50), ms(40))
        .queue(bdp(mbit(50), ms(40)))
        .flow(Flow::new(Controller::Cubic));
    let report = scenario.run(1)?;
    assert!(report.flows[0].of_link >= 0.90, "{report}");
    Ok(())
}
