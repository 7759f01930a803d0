//! When a phase ends, with nothing out of the ordinary.

use std::time::Duration;

use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::units::{bdp, mbit, ms, seconds};

use super::course::{DATAGRAM, SEEDS, bandwidth_of, named, run};

/// Link of most scenarios.
const RATE: quantum_sim::units::BitRate = mbit(50);
const RTT: Duration = ms(40);

#[test]
fn startup_ends_on_a_plateau() {
    for (name, rate) in [
        ("single", mbit(50)),
        ("single-far", mbit(50)),
        ("dsl", mbit(8)),
        ("fast", mbit(500)),
    ] {
        for seed in SEEDS {
            let course = run(&named(name).lasting(seconds(4)), seed);
            let (startup, drain) = course.first_in("Startup", Duration::ZERO);
            assert_eq!(startup.from, course.phases()[0].from, "{name}");
            assert_eq!(drain.state, "Drain", "{name}");
            let found = drain.first().bandwidth as f64 / bandwidth_of(rate);
            assert!((0.98..=1.02).contains(&found), "{name}: {found}");
        }
    }
}

#[test]
fn drain_ends_with_the_queue() {
    for seed in SEEDS {
        let course = run(&named("single").lasting(seconds(2)), seed);
        let (drain, next) = course.first_in("Drain", Duration::ZERO);
        let half = bandwidth_of(RATE) / 2.0;
        assert!((drain.first().pacing_rate as f64 / half - 1.0).abs() < 0.03);
        // A queue of one BDP is drained at half the rate in two round trips.
        assert!(drain.lasts() <= 3 * RTT, "{:?}", drain.lasts());
        assert!(next.state.starts_with("ProbeBW"), "{}", next.state);
        assert!(next.first().in_flight <= bdp(RATE, RTT) + DATAGRAM);
    }
}

#[test]
fn a_probe_ends_on_a_plateau() {
    for seed in SEEDS {
        let course = run(&named("single"), seed);
        let probes = course.in_state("ProbeBW_UP", Duration::ZERO);
        assert!(probes.len() >= 8, "{}", probes.len());
        for probe in &probes {
            // Three rounds without growth, each with the queue that the probe makes, and one to see
            // them.
            assert!(probe.lasts() <= 4 * (RTT + RTT / 4), "{:?}", probe.lasts());
            assert_eq!(probe.first().lost, probe.last().lost, "by loss");
        }
        let next = probes.iter().map(|probe| course.at(probe.to).state);
        assert!(next.into_iter().all(|state| state == "ProbeBW_DOWN"));
    }
}

#[test]
fn down_ends_with_the_queue() {
    for seed in SEEDS {
        let course = run(&named("single"), seed);
        let phases = course.phases();
        let pairs = phases
            .windows(2)
            .filter(|pair| pair[0].state == "ProbeBW_DOWN");
        let pairs: Vec<_> = pairs.collect();
        assert!(pairs.len() >= 8);
        for pair in pairs {
            let (down, next) = (&pair[0], &pair[1]);
            let slow = bandwidth_of(RATE) * 0.90 * 1.01;
            let paced = down.last().pacing_rate as f64;
            assert!(paced <= slow, "{paced} {slow}");
            assert_eq!(next.state, "ProbeBW_CRUISE");
            assert!(next.first().in_flight <= bdp(RATE, RTT) + DATAGRAM);
        }
    }
}

#[test]
fn down_ends_in_time() {
    let slower = mbit(37);
    for seed in SEEDS {
        // The queue holds what the window allows: nothing is lost that would slow the flow down.
        let scenario = named("single")
            .queue(4 * bdp(RATE, RTT))
            .lasting(seconds(16));
        let down_at = run(&scenario, seed).entered("ProbeBW_DOWN", seconds(5));
        let rate = Schedule::constant(RATE).then(Instant::ORIGIN + down_at, slower);
        let course = run(&scenario.rate(rate), seed);
        let (down, next) = course.first_in("ProbeBW_DOWN", seconds(5));
        assert_eq!(down.from, down_at);
        // Nine tenths of the old rate, less the margin for a queue, are too much for the link.
        assert_eq!(next.state, "ProbeBW_REFILL");
        assert!(down.lasts() >= seconds(2), "{:?}", down.lasts());
        assert!(down.lasts() <= seconds(3) + 3 * RTT, "{:?}", down.lasts());
        // The bandwidth of then counts for two cycles of three seconds and a ProbeRTT.
        let found = course.at(down_at + seconds(8)).bandwidth as f64 / bandwidth_of(slower);
        assert!((0.98..=1.03).contains(&found), "{found}");
    }
}

/// Without a probe the path is not seen without a queue: what was taken for one is its own length.
#[test]
fn probe_rtt_finds_a_longer_path() {
    let (longer, after) = (ms(60), seconds(10));
    for seed in SEEDS {
        let rtt = Schedule::constant(RTT).then(Instant::ORIGIN + after, longer);
        let course = run(&named("single").rtt(rtt), seed);
        let (probe, next) = course.first_in("ProbeRTT", Duration::ZERO);
        assert!(probe.from >= after, "{:?}", probe.from);
        assert!(probe.from <= after + seconds(6), "{:?}", probe.from);
        let least = probe.samples.iter().map(|sample| sample.in_flight).min();
        assert!(least.unwrap() <= bdp(RATE, RTT) / 2 + DATAGRAM);
        assert!(probe.lasts() >= ms(200), "{:?}", probe.lasts());
        // The pipe is emptied within a round trip, then 200 ms and a round trip to be seen.
        assert!(probe.lasts() <= ms(200) + 3 * longer, "{:?}", probe.lasts());
        assert_eq!(next.state, "ProbeBW_CRUISE");
        let again = course.in_state("ProbeRTT", probe.to);
        assert!(again.is_empty(), "{again:?}");
        let of_link = course.of_link(RATE, probe.to + seconds(1), seconds(30));
        assert!(of_link >= 0.98, "{of_link}");
    }
}
