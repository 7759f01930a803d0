//! Flows that share a link (virtual time).

use quantum_sim::scenario::{Report, catalogue};
use quantum_sim::violation::Violation;

#[expect(clippy::expect_used, reason = "the name is written here")]
fn run(name: &str, seed: u64) -> Result<Report, Violation> {
    let report = catalogue::find(name)
        .expect("a name of the catalogue")
        .run(seed)?;
    println!("{name} {seed}: {report}");
    Ok(report)
}

/// Some seeds, so that none is lucky.
const SEEDS: u64 = 5;

/// Jain's index: the mean and the least of some seeds.
fn fairness(name: &str) -> Result<(f64, f64), Violation> {
    let (mut sum, mut least) = (0.0, 1.0_f64);
    for seed in 0..SEEDS {
        let jain = run(name, seed)?.jain;
        sum += jain;
        least = least.min(jain);
    }
    Ok((sum / SEEDS as f64, least))
}

#[test]
fn two_flows_share_alike() -> Result<(), Violation> {
    let (_, least) = fairness("two")?;
    assert!(least >= 0.95, "{least}");
    Ok(())
}

#[test]
fn distance_is_no_advantage() -> Result<(), Violation> {
    let (mean, least) = fairness("two-far")?;
    assert!(mean >= 0.90 && least >= 0.80, "{mean} {least}");
    Ok(())
}

#[test]
fn who_comes_late_gets_a_share() -> Result<(), Violation> {
    let (mean, least) = fairness("late-joiner")?;
    assert!(mean >= 0.90 && least >= 0.80, "{mean} {least}");
    Ok(())
}

#[test]
fn four_flows_share_alike() -> Result<(), Violation> {
    let (mean, least) = fairness("four")?;
    assert!(mean >= 0.90 && least >= 0.80, "{mean} {least}");
    Ok(())
}

#[test]
fn neither_bbr_nor_cubic_starves_the_other() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        let report = run("vs-cubic", seed)?;
        let total: f64 = report.flows.iter().map(|flow| flow.goodput).sum();
        for flow in &report.flows {
            assert!(flow.goodput >= total / 3.0, "{report}");
        }
    }
    Ok(())
}

#[test]
fn two_cubic_flows_share_alike() -> Result<(), Violation> {
    assert!(run("two-cubic", 0)?.jain >= 0.90);
    Ok(())
}
