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

#[test]
fn two_flows_share_alike() -> Result<(), Violation> {
    for seed in 0..3 {
        let report = run("two", seed)?;
        assert!(report.jain >= 0.95, "{seed}: {report}");
    }
    Ok(())
}

#[test]
fn distance_is_no_advantage() -> Result<(), Violation> {
    assert!(run("two-far", 0)?.jain >= 0.90);
    Ok(())
}

#[test]
fn four_flows_share_alike() -> Result<(), Violation> {
    assert!(run("four", 0)?.jain >= 0.90);
    Ok(())
}

#[test]
fn neither_bbr_nor_cubic_starves_the_other() -> Result<(), Violation> {
    let report = run("vs-cubic", 0)?;
    let total: f64 = report.flows.iter().map(|flow| flow.goodput).sum();
    for flow in &report.flows {
        assert!(flow.goodput >= total / 3.0, "{report}");
    }
    Ok(())
}

#[test]
fn two_cubic_flows_share_alike() -> Result<(), Violation> {
    assert!(run("two-cubic", 0)?.jain >= 0.90);
    Ok(())
}
