//! A few seeds of the simulation, some of them twice.

use quantum_sim::campaign::{Campaign, run_seed};

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

/// Each of them stalled or ended badly once.
#[test]
fn seeds_that_once_broke_a_rule_keep_to_it() {
    let seeds = [
        208_299, // Only packets somewhat shorter than full ones were left for a narrower path.
        221_146, // A new address allowed too little for a challenge.
        228_991, 232_741,
        30_108_486, // Acknowledgements were remembered for as long as one packet stayed outstanding.
        42_019_970, // An acknowledgement that waited for keys made the end of the handshake wait too.
        7_015_825, // Handshake packets that waited for keys made a probe timeout, and the end, last.
        51_018_114, // A token vouched for a host whose port had changed since.
        517_591,   // An honest key update came "too soon" for who had not measured the path.
        // A client that moved and only listened asked but once whether it is heard; data used up what
        // an unproven address may get, and nothing was left to ask it.
        10_069_017, 10_106_352, 10_107_042, 10_109_249, 10_109_472,
        // Early data, refused: a stream beyond the new limits said that it is blocked.
        10_076_960, 10_078_769, 10_106_614,
        // Early data, refused: such a stream held all of the send window, and the one before it none.
        20_004_400,
        // Early data, refused: messages that need not arrive were given up and sent again at once.
        10_204_115,
    ];
    for seed in seeds {
        if let Err(violation) = run_seed(seed, false) {
            panic!("seed {seed} failed {violation}");
        }
    }
}
