use super::super::RateSample;
use super::filter::{MaxFilter, RoundMax};
use super::loss::Pace;
use super::probe_bw::Phase;
use super::*;

const START: Instant = Instant::from_nanos(1_000_000_000);

/// An ACK frame that begins a round and shows `rate` bytes per second.
fn acknowledged(delivered: u64, rate: u64, rtt: Duration) -> Acknowledged {
    Acknowledged {
        now: START,
        bytes: 1200,
        lost_bytes: 0,
        prior_in_flight: 12_000,
        bytes_in_flight: 10_800,
        largest: 0,
        largest_sent_at: START.before(rtt),
        rtt: Some(rtt),
        smoothed_rtt: rtt,
        delivered,
        lost: 0,
        rate: Some(RateSample {
            delivery_rate: rate,
            interval: Duration::from_secs(1),
            delivered: rate,
            prior_delivered: delivered,
            lost: 0,
            sent_in_flight: 0,
            app_limited: false,
            rtt,
        }),
        ecn_marked: 0,
        app_limited: false,
    }
}

fn lost(packet_number: u64) -> Lost {
    Lost {
        now: START,
        packet_number,
        bytes: 1200,
        sent_at: START,
        sent_in_flight: 0,
        prior_delivered: 0,
        prior_lost: 0,
        app_limited: false,
        bytes_in_flight: 0,
        lost: 1200,
        continues_run: false,
    }
}

/// Sends packets with the numbers `from..to`, of which every `nth` is lost.
fn pass(judge: &mut LossJudge, from: u64, to: u64, nth: u64) {
    for number in from..to {
        judge.on_sent(number);
        if number % nth == 0 {
            judge.on_lost(&lost(number));
        } else {
            judge.on_arrived(1.0, number, false);
        }
    }
}

/// A judge that has seen one packet in fifty lost at a quiet rate.
fn judge_of_lossy_path() -> LossJudge {
    let mut judge = LossJudge::default();
    judge.set_pace(Some(Pace::Even));
    pass(&mut judge, 1, 4000, 50);
    judge
}

#[test]
fn loss_where_there_was_none_is_congestion_beyond_two_percent_and_chance() {
    let mut judge = LossJudge::default();
    judge.set_pace(Some(Pace::Even));
    pass(&mut judge, 1, 4000, u64::MAX);
    assert!(!judge.is_congestion(20.0, 1000.0));
    assert!(judge.is_congestion(35.0, 1000.0));
}

#[test]
fn random_loss_is_not_congestion() {
    let mut judge = judge_of_lossy_path();
    assert!((judge.baseline() - 0.02).abs() < 0.002);
    assert!(!judge.is_congestion(5.0, 100.0));
    judge.begin_probe();
    pass(&mut judge, 4000, 4500, 50);
    judge.end_probe();
    assert!(!judge.probe_is_congested(4500));
    assert!(judge.probe_is_over(4500));
}

#[test]
fn loss_that_rises_with_the_rate_is_congestion() {
    let mut judge = judge_of_lossy_path();
    judge.begin_probe();
    judge.set_pace(None);
    pass(&mut judge, 4000, 4500, 8);
    assert!(judge.probe_is_congested(4500));
}

#[test]
fn loss_at_a_rate_that_is_not_quiet_teaches_nothing() {
    let mut judge = LossJudge::default();
    pass(&mut judge, 1, 4000, 5);
    assert!(judge.baseline() < f64::EPSILON);
    assert_eq!(judge.forgiven(100_000, 25_000), 0);
}

#[test]
fn no_more_than_the_share_of_the_path_is_forgiven() {
    let judge = judge_of_lossy_path();
    assert_eq!(judge.forgiven(99_000, 1000), 1000);
    let forgiven = judge.forgiven(50_000, 50_000);
    assert!((1800..=2200).contains(&forgiven), "{forgiven}");
}

#[test]
fn maximum_is_kept_for_two_periods() {
    let mut filter = MaxFilter::default();
    filter.update(100);
    filter.advance();
    filter.update(60);
    assert_eq!(filter.max(), 100);
    filter.advance();
    assert_eq!(filter.max(), 60);
    filter.advance();
    assert_eq!(filter.max(), 60, "a period without a value forgets nothing");
}

#[test]
fn maximum_of_rounds_forgets_after_so_many_rounds() {
    let mut filter = RoundMax::<3>::default();
    filter.update(9);
    filter.advance();
    filter.update(4);
    filter.advance();
    assert_eq!(filter.max(), 9);
    filter.advance();
    assert_eq!(filter.max(), 4);
}

/// Samples of the round-trip time that are enough for a round.
const SAMPLES: usize = 8;

/// Rounds that deliver at `rates`, with round-trip times in milliseconds; whether the pipe is full.
fn full_after(rounds: &[(u64, u64)]) -> bool {
    let mut model = Model::new(START);
    let mut round = Round::default();
    let mut full_pipe = FullPipe::default();
    for (count, &(rate, rtt)) in (1_u64..).zip(rounds) {
        let acked = acknowledged(count * 1_000_000, rate, Duration::from_millis(rtt));
        round.update(&acked);
        model.update(&acked, &round, &LossJudge::default());
        full_pipe.update(&acked, &model, &round);
        for _ in 0..SAMPLES {
            model.update(&acked, &Round::default(), &LossJudge::default());
        }
    }
    full_pipe.reached()
}

#[test]
fn pipe_is_full_after_three_rounds_without_growth() {
    assert!(!full_after(&[(100, 40), (100, 40), (100, 40)]));
    assert!(full_after(&[(100, 40), (100, 40), (124, 40), (100, 40)]));
}

#[test]
fn pipe_is_not_full_while_the_rate_grows_by_a_quarter() {
    let grows = [(100, 40), (125, 40), (157, 40), (197, 40), (247, 40)];
    assert!(!full_after(&grows));
}

#[test]
fn queue_shortens_the_wait_for_a_full_pipe() {
    assert!(full_after(&[(100, 40), (100, 70), (100, 70)]));
}

/// The margin in `state` behind a queue of so many microseconds on a path of 40 ms.
fn margin(state: State, queue: u64) -> f64 {
    let mut bbr = BbrController::new(START, 1200, INITIAL_WINDOW, 7);
    let base = Duration::from_millis(40);
    let acked = acknowledged(0, 1_000_000, base + Duration::from_micros(queue));
    for _ in 0..SAMPLES {
        bbr.model
            .update(&acked, &Round::default(), &LossJudge::default());
    }
    let mut round = Round::default();
    round.update(&acked);
    bbr.model.update(&acked, &round, &LossJudge::default());
    bbr.model.replace_min_rtt(START, base);
    bbr.state = state;
    bbr.pacing_margin()
}

#[test]
fn pacing_margin_follows_the_queue() {
    let cruise = State::ProbeBw(Phase::Cruise);
    let steps = [
        (0, 0.0),
        (1700, 0.0),
        (1800, 0.01),
        (3600, 0.02),
        (90_000, 0.13),
    ];
    for (queue, expected) in steps {
        let margin = margin(cruise, queue);
        assert!((margin - expected).abs() < 1e-9, "{queue} us: {margin}");
    }
    let probing = margin(State::ProbeBw(Phase::Up), 90_000);
    assert!(probing.abs() < 1e-9, "a probe must not hold back");
}

#[test]
fn pacing_margin_without_a_measurement_is_that_of_the_draft() {
    let mut bbr = BbrController::new(START, 1200, INITIAL_WINDOW, 7);
    bbr.state = State::ProbeBw(Phase::Cruise);
    assert!((bbr.pacing_margin() - PACING_MARGIN).abs() < 1e-9);
}

#[test]
fn a_flow_of_which_nothing_arrives_still_sends_a_datagram_in_a_round_trip() {
    let mut bbr = BbrController::new(START, 1200, INITIAL_WINDOW, 7);
    bbr.full_pipe.set_reached();
    bbr.state = State::ProbeBw(Phase::Cruise);
    let rtt = Duration::from_millis(100);
    bbr.on_acknowledged(&acknowledged(32, 46, rtt));
    assert_eq!(bbr.limits().pacing_rate, Some(12_000));
}
