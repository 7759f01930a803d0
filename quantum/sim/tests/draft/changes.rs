//! Paths that change, aggregate, police, reorder and lose.

use std::time::Duration;

use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::units::{BitRate, bdp, mbit, ms, seconds};

use super::course::{SEEDS, bandwidth_of, named, run};

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
        let window = course.at(seconds(2)).window;
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
        assert!(windows > Some(2 * bdp(RATE, RTT)), "{windows:?}");
    }
}

#[test]
fn ten_times_the_bandwidth_is_found() {
    for seed in SEEDS {
        let course = run(&named("ten-fold"), seed);
        let of_link = course.of_link(mbit(100), seconds(18), seconds(20));
        assert!(of_link >= 0.9, "{of_link}");
        let (probe, _) = course.first_in("ProbeBW_UP", seconds(15));
        // Six rounds of a quarter more than the last, twice over.
        assert!(probe.lasts() <= 25 * RTT, "{:?}", probe.lasts());
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
        let scenario = named("shallow").lasting(seconds(12));
        // As many draws as with losses.
        let clean = Schedule::constant(0.0).then(at(seconds(12)), 0.0);
        let up_at = run(&scenario.clone().loss(clean), seed).entered("ProbeBW_UP", seconds(8));
        let lossy = Schedule::constant(0.0).then(at(up_at), 0.2);
        let lossy = lossy.then(at(up_at + 2 * RTT), 0.0);
        let course = run(&scenario.loss(lossy), seed);
        let (probe, next) = course.first_in("ProbeBW_UP", seconds(8));
        // Acknowledgements are lost as well.
        assert!(probe.from - up_at <= RTT / 4, "{:?}", probe.from);
        assert_eq!(next.state, "ProbeBW_DOWN");
        assert!(probe.lasts() <= 3 * RTT, "{:?}", probe.lasts());
        let bound = course.at(next.from + 2 * RTT).window;
        assert!(bound < probe.first().window, "{bound}");
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
        // At the step, 80 ms of data arrive at once. A rate that this pretends counts for two cycles.
        let noticed = course.at(steps_at + seconds(8));
        let found = noticed.bandwidth as f64 / bandwidth_of(RATE);
        assert!((0.98..=1.02).contains(&found), "{found}");
        // Two products, and one for such bursts.
        let most = 3 * (bdp(RATE, RTT) + RATE.bytes_in(ms(1)));
        assert!(noticed.window <= most, "{noticed}");
        let of_link = course.of_link(RATE, steps_at + seconds(1), seconds(30));
        assert!(of_link >= 0.95, "{of_link}");
    }
}
