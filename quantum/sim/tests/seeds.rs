//! A few seeds of the simulation, some of them twice.

use quantum_sim::campaign::Campaign;

#[test]
fn seeds_keep_to_the_rules_and_mean_the_same_each_time() {
    let campaign = Campaign {
        first_seed: 0,
        seeds: 200,
        twice: 20,
        jobs: 2,
    };
    let summary = campaign.run(|failure| {
        println!("seed {} failed {}", failure.seed, failure.violation);
        println!("{}", failure.replay_line());
    });
    assert_eq!(summary.failures.len(), 0);
    assert_eq!(summary.passed, 200);
}
