//! Flows whose application has less to send than the link carries, or nothing for a while.

use std::time::Duration;

use quantum_proto::time::Instant;
use quantum_sim::path::schedule::Schedule;
use quantum_sim::scenario::{Controller, Flow, Scenario};
use quantum_sim::units::{BitRate, mbit, ms, seconds};

use super::course::{Course, SEEDS, bandwidth_of, run};

const RATE: BitRate = mbit(50);
const RTT: Duration = ms(40);
/// What a modest application writes.
const LITTLE: BitRate = mbit(10);

fn at(time: Duration) -> Instant {
    Instant::ORIGIN + time
}

/// One flow with an application of its own.
fn writing(rate: impl Into<Schedule<BitRate>>) -> Scenario {
    let flow = Flow::new(Controller::Bbr).writing(rate);
    Scenario::new(RATE, RTT).flow(flow)
}

/// All it can until `time`, then so much.
fn all_until(time: Duration, rate: BitRate) -> Schedule<BitRate> {
    Schedule::constant(BitRate::UNLIMITED).then(at(time), rate)
}

/// When a flow that sends all it can enters this state.
fn entered(state: &str, after: Duration, seed: u64) -> Duration {
    let scenario = writing(BitRate::UNLIMITED).lasting(after + seconds(6));
    run(&scenario, seed).entered(state, after)
}

/// Everything that was written arrived, within a second.
fn assert_keeps_up(course: &Course, rate: BitRate, from: Duration, to: Duration) {
    let got = course.goodput(from, to);
    assert!(got >= 0.97 * rate.0 as f64, "{got}");
}

#[test]
fn startup_survives_loss_while_the_application_limits() {
    for seed in SEEDS {
        let lossy = Schedule::constant(0.0).then(at(seconds(2)), 0.05);
        let course = run(&writing(LITTLE).loss(lossy), seed);
        assert_keeps_up(&course, LITTLE, seconds(2), seconds(30));
        assert_eq!(course.states(seconds(0), seconds(30)), ["Startup"]);
    }
}

#[test]
fn without_loss_a_probe_waits_for_the_application() {
    for seed in SEEDS {
        let course = run(&writing(LITTLE), seed);
        assert_eq!(course.states(seconds(0), seconds(30)), ["Startup"]);
        assert_keeps_up(&course, LITTLE, seconds(1), seconds(30));

        let up_at = entered("ProbeBW_UP", seconds(5), seed);
        let course = run(&writing(all_until(up_at, LITTLE)), seed);
        let settled = up_at + seconds(1);
        assert_eq!(course.states(settled, seconds(30)), ["ProbeBW_UP"]);
        assert_keeps_up(&course, LITTLE, settled, seconds(30));
        let kept = course.at(seconds(30)).bandwidth as f64 / bandwidth_of(RATE);
        assert!((0.98..=1.02).contains(&kept), "{kept}");
    }
}

#[test]
fn a_pause_in_refill_is_no_loss_of_bandwidth() {
    for seed in SEEDS {
        let refill_at = entered("ProbeBW_REFILL", seconds(5), seed);
        let resumes = refill_at + 3 * RTT;
        let rate = all_until(refill_at, mbit(2)).then(at(resumes), BitRate::UNLIMITED);
        let course = run(&writing(rate), seed);
        let (refill, next) = course.first_in("ProbeBW_REFILL", seconds(5));
        assert_eq!(refill.from, refill_at);
        assert_eq!(next.state, "ProbeBW_UP");
        for sample in course
            .samples()
            .iter()
            .filter(|sample| sample.at > refill_at)
        {
            let known = sample.bandwidth as f64 / bandwidth_of(RATE);
            assert!((0.98..=1.02).contains(&known), "{sample}");
        }
        let of_link = course.of_link(RATE, resumes + ms(200), seconds(30));
        assert!(of_link >= 0.98, "{of_link}");
    }
}
