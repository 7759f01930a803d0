//! Paths that change, aggregate, police, reorder and lose.

use std::time::Duration;

use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::units::{BitRate, bdp, mbit, ms, seconds};

use super::course::{DATAGRAM, SEEDS, bandwidth_of, named, run};

const RATE: BitRate = mbit(50);
const RTT: Duration = ms(40);

fn at(time: Duration) -> Instant {
    Instant::ORIGIN + time
}

#[test]
fn startup_fills_a_link_that_aggregates() {
    for seed in SEEDS {
        // The queue holds what the window allows, so that only the model bounds it.
        let scenario = named("aggregation").queue(4 * bdp(RATE, RTT));
        let course = run(&scenario.lasting(seconds(4)), seed);
        let (startup, _) = course.first_in("Startup", Duration::ZERO);
        let found = startup.last().bandwidth as f64 / bandwidth_of(RATE);
        // A sample spans a round trip at least, and errs by a batch of 10 ms at most.
        assert!((0.98..=1.25).contains(&found), "{found}");
        let window = startup.last().window;
        assert!(window > 2 * bdp(RATE, RTT), "{window}");
        let of_link = course.of_link(RATE, seconds(1), seconds(4));
        assert!(of_link >= 0.95, "{of_link}");
    }
}

#[test]
fn aggregation_that_begins_later_stalls_nothing() {
    for seed in SEEDS {
        let aggregate = Schedule::constant(Duration::ZERO).then(at(seconds(10)), ms(20));
        // The queue holds what the window allows, so that only the model bounds it.
        let scenario = named("single").queue(4 * bdp(RATE, RTT));
        let course = run(&scenario.aggregate(aggregate), seed);
        let of_link = course.of_link(RATE, seconds(12), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
        let cruises = course.in_state("ProbeBW_CRUISE", seconds(12));
        let windows = cruises.iter().map(|cruise| cruise.last().window).min();
        // More than before, by about a batch.
        let before = course.in_state("ProbeBW_CRUISE", seconds(5))[0]
            .last()
            .window;
        let batch = RATE.bytes_in(ms(20));
        assert!(
            windows >= Some(before + 9 * batch / 10),
            "{windows:?} {before}"
        );
    }
}

#[test]
fn a_policer_is_obeyed() {
    let rate = mbit(10);
    for seed in SEEDS {
        let course = run(&named("policer"), seed);
        let of_link = course.of_link(rate, seconds(5), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
        let samples = course.samples();
        let lost = samples.last().unwrap().lost - course.at(seconds(5)).lost;
        let passed = rate.bytes_in(seconds(25)) / DATAGRAM;
        assert!(lost * 50 <= passed, "{lost} of {passed}");
    }
}

#[test]
fn a_policer_that_lets_more_pass_is_believed() {
    let rate = Schedule::constant(mbit(10)).then(at(seconds(15)), mbit(40));
    for seed in SEEDS {
        let scenario = named("policer").police(rate.clone(), 100_000);
        let course = run(&scenario.lasting(seconds(45)), seed);
        let of_link = course.of_link(mbit(40), seconds(30), seconds(45));
        assert!(of_link >= 0.90, "{of_link}");
    }
}

#[test]
fn ten_times_the_bandwidth_is_found() {
    // In a short queue Startup and probes lose, which bounds what may be in flight: then the bound
    // has to grow as fast.
    let short = bdp(mbit(10), RTT) / 4;
    for scenario in [named("ten-fold"), named("ten-fold").queue(short)] {
        for seed in SEEDS {
            let course = run(&scenario, seed);
            let of_link = course.of_link(mbit(100), seconds(18), seconds(20));
            assert!(of_link >= 0.9, "{of_link}");
            let (probe, _) = course.first_in("ProbeBW_UP", seconds(15));
            // Six rounds of a quarter more than the last, twice over.
            assert!(probe.lasts() <= 25 * RTT, "{:?}", probe.lasts());
        }
    }
}

#[test]
fn reordering_costs_nothing() {
    for seed in SEEDS {
        let course = run(&named("reordering"), seed);
        // Some were taken for lost before the reordering was known.
        assert!(course.at(seconds(30)).lost > 0);
        let of_link = course.of_link(RATE, seconds(5), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
        let window = course.at(seconds(30)).window;
        assert!(window >= bdp(RATE, RTT), "{window}");
    }
}

#[test]
fn a_silence_that_was_only_late_costs_nothing() {
    for seed in SEEDS {
        let late = Schedule::constant(RTT).then(at(seconds(10)), seconds(1));
        let late = late.then(at(seconds(10) + ms(10)), RTT);
        let course = run(&named("single").rtt(late), seed);
        let lost = course.at(seconds(12)).lost - course.at(seconds(10)).lost;
        assert_eq!(lost, 0);
        let silence = course.goodput(seconds(10) + ms(100), seconds(10) + ms(500));
        assert!(silence < 1.0, "{silence}");
        let of_link = course.of_link(RATE, seconds(11), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
    }
}

#[test]
fn loss_in_a_probe_lowers_the_bound() {
    for seed in SEEDS {
        let scenario = named("shallow").lasting(seconds(14));
        let up_at = run(&scenario, seed).entered("ProbeBW_UP", seconds(8));
        // Not the acknowledgement itself that begins the probe.
        let lossy_at = up_at + Duration::from_nanos(1);
        let lossy = Schedule::constant(0.0).then(at(lossy_at), 0.2);
        let lossy = lossy.then(at(up_at + 2 * RTT), 0.0);
        let course = run(&scenario.loss(lossy), seed);
        let (probe, next) = course.first_in("ProbeBW_UP", seconds(8));
        // Acknowledgements are lost as well.
        assert!(probe.from - up_at <= RTT / 4, "{:?}", probe.from);
        assert_eq!(next.state, "ProbeBW_DOWN");
        assert!(probe.lasts() <= 3 * RTT, "{:?}", probe.lasts());
        let bound = course.at(next.from + 2 * RTT).window;
        // The next probe begins below what was too much.
        let (again, _) = course.first_in("ProbeBW_UP", next.from);
        let again = again.first();
        assert!(again.window < probe.first().window, "{again}");
        // Not by more than CUBIC would.
        assert!(
            bound as f64 >= 0.7 * 0.85 * bdp(RATE, RTT) as f64,
            "{bound}"
        );
    }
}

#[test]
fn a_shorter_path_makes_the_window_smaller() {
    let (longer, steps_at) = (ms(120), seconds(15));
    for seed in SEEDS {
        let course = run(&named("rtt-down").queue(bdp(RATE, longer)), seed);
        let before = course.at(steps_at).window;
        assert!(before > bdp(RATE, longer), "{before}");
        // Ten seconds are the filter's. At the step, 80 ms of data arrive at once: a rate that this
        // pretends counts for two cycles.
        let noticed = course.at(steps_at + seconds(10));
        let found = noticed.bandwidth as f64 / bandwidth_of(RATE);
        assert!((0.98..=1.02).contains(&found), "{found}");
        // The least round-trip time comes down with each cycle, as the burst's queue does.
        assert!(noticed.window <= 3 * before / 4, "{before} {noticed}");
        let of_link = course.of_link(RATE, steps_at + seconds(1), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
    }
}

#[test]
fn a_tenth_of_the_bandwidth_is_found() {
    for seed in SEEDS {
        let course = run(&named("tenth"), seed);
        let of_link = course.of_link(mbit(10), seconds(17), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
        // Two cycles of at most three seconds, and what is under way.
        let found = course.at(seconds(22)).bandwidth as f64 / bandwidth_of(mbit(10));
        assert!(found <= 1.1, "{found}");
        let paced = course.at(seconds(16)).pacing_rate as f64 / bandwidth_of(mbit(100));
        assert!(paced <= 0.5, "{paced}");
    }
}

/// A bound that a probe has set has to grow as fast as the bandwidth that a later one finds.
#[test]
fn ten_times_the_bandwidth_is_found_with_a_queue_of_half_a_product() {
    for seed in SEEDS {
        let scenario = named("ten-fold").queue(bdp(mbit(10), RTT) / 2);
        let course = run(&scenario, seed);
        let of_link = course.of_link(mbit(100), seconds(18), seconds(20));
        assert!(of_link >= 0.9, "{of_link}");
        let (probe, _) = course.first_in("ProbeBW_UP", seconds(15));
        assert!(probe.lasts() <= 25 * RTT, "{:?}", probe.lasts());
    }
}

#[test]
fn a_pipe_smaller_than_a_packet_is_kept_full() {
    for seed in SEEDS {
        let course = run(&named("sub-packet"), seed);
        let rate = mbit(1);
        let later = course
            .samples()
            .iter()
            .filter(|sample| sample.at > seconds(2));
        let windows = later.map(|sample| sample.window).min();
        assert!(windows >= Some(4 * DATAGRAM), "{windows:?}");
        let of_link = course.of_link(rate, seconds(2), seconds(30));
        assert!(of_link >= 0.98, "{of_link}");
        // Only Startup, which begins with more than the queue holds, has lost anything.
        assert_eq!(course.at(seconds(30)).lost, course.at(seconds(2)).lost);
        // No more than the least window waits, and the packet that is under transmission.
        let most = rate.time_for(5 * (DATAGRAM + 28));
        assert!(course.0.wait_p95 <= most, "{}", course.0);
    }
}
