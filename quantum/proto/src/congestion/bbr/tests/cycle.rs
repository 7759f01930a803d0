//! From state to state, an acknowledgement each round.

use super::*;

const DATAGRAM: u64 = 1200;
const RTT: Duration = Duration::from_millis(40);
/// Bytes per second.
const RATE: u64 = 1_000_000;
/// Bytes in flight that fill a link of this rate and round-trip time.
const BDP: u64 = 40_000;

/// A controller, and the path that it is told of.
struct Flow {
    bbr: BbrController,
    now: Instant,
    number: u64,
    delivered: u64,
    app_limited: bool,
}

impl Flow {
    fn new() -> Self {
        Self {
            bbr: BbrController::new(START, 1200, INITIAL_WINDOW, 7),
            now: START,
            number: 0,
            delivered: 0,
            app_limited: false,
        }
    }

    /// A flow that knows the link and has reached this phase.
    fn in_phase(phase: Phase) -> Self {
        let mut flow = Self::new();
        flow.rounds(8, RATE, RTT, BDP);
        assert!(flow.bbr.full_pipe.reached());
        flow.until(|bbr| bbr.state == State::ProbeBw(phase));
        flow
    }

    /// Full rounds of the link until something is so.
    fn until(&mut self, reached: impl Fn(&BbrController) -> bool) {
        for _ in 0..200 {
            if reached(&self.bbr) {
                return;
            }
            self.round(RATE, RTT, BDP);
        }
        panic!("still in {:?}", self.bbr.state);
    }

    fn rounds(&mut self, count: usize, rate: u64, rtt: Duration, in_flight: u64) {
        for _ in 0..count {
            self.round(rate, rtt, in_flight);
        }
    }

    /// A round trip in which so much was in flight: all of it is acknowledged at once.
    fn round(&mut self, rate: u64, rtt: Duration, in_flight: u64) {
        let acked = self.next_round(rate, rtt, in_flight);
        self.bbr.on_acknowledged(&acked);
    }

    fn next_round(&mut self, rate: u64, rtt: Duration, in_flight: u64) -> Acknowledged {
        let sent_at = self.now;
        self.now += rtt;
        let prior_delivered = self.delivered;
        self.delivered += in_flight;
        for _ in 0..in_flight.div_ceil(DATAGRAM) {
            self.number += 1;
            self.bbr.on_sent(&Sent {
                now: sent_at,
                packet_number: self.number,
                bytes: DATAGRAM,
                bytes_in_flight: in_flight,
                after_idle: false,
                app_limited: self.app_limited,
            });
        }
        Acknowledged {
            now: self.now,
            bytes: in_flight,
            prior_in_flight: in_flight,
            bytes_in_flight: in_flight,
            largest: self.number,
            largest_sent_at: sent_at,
            delivered: self.delivered,
            rate: Some(RateSample {
                delivery_rate: rate,
                interval: rtt,
                delivered: bytes_in(rate, rtt),
                prior_delivered,
                lost: 0,
                sent_in_flight: in_flight,
                app_limited: self.app_limited,
                rtt,
            }),
            ..acknowledged(self.delivered, rate, rtt)
        }
    }

    /// The newest packets are declared lost.
    fn lose(&mut self, packets: u64) {
        for number in self.number - packets..self.number {
            self.bbr.on_lost(&lost(number));
        }
    }

    /// All of them arrive after all.
    fn find_again(&mut self, numbers: std::ops::Range<u64>) {
        for number in numbers.clone() {
            self.bbr.on_spurious_loss(&SpuriousLoss {
                now: self.now,
                packet_number: number,
                bytes: DATAGRAM,
                sent_at: START,
                whole_event: number + 1 == numbers.end,
            });
        }
    }

    fn phase(&self) -> State {
        self.bbr.state
    }

    fn bound(&self) -> u64 {
        self.bbr.bounds.inflight_long_term()
    }
}

const DOWN: State = State::ProbeBw(Phase::Down);
const REFILL: State = State::ProbeBw(Phase::Refill);
const UP: State = State::ProbeBw(Phase::Up);

#[test]
fn a_probe_that_fills_its_bound_but_for_a_datagram_raises_it_and_ends() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.bbr.bounds.limit_inflight(BDP);
    flow.bbr.window = BDP;
    let mut bounds = Vec::new();
    for _ in 0..40 {
        // A whole datagram did not fit any more, and the link carries no more than before.
        let in_flight = (flow.bbr.window - DATAGRAM / 2).min(2 * BDP);
        flow.round(RATE, RTT, in_flight);
        if flow.phase() != UP {
            break;
        }
        bounds.push(flow.bound());
    }
    assert_eq!(flow.phase(), DOWN, "{bounds:?}");
    assert!(bounds.last() > Some(&(BDP + BDP / 4)), "{bounds:?}");
}

#[test]
fn a_bound_grows_faster_each_round_of_a_probe() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.bbr.bounds.limit_inflight(BDP);
    flow.bbr.window = BDP;
    let mut steps = Vec::new();
    for _ in 0..4 {
        let before = flow.bound();
        flow.round(RATE, RTT, flow.bbr.window);
        steps.push(flow.bound() - before);
    }
    assert!(steps.windows(2).all(|pair| pair[1] >= pair[0]), "{steps:?}");
    assert!(steps[3] >= 8 * DATAGRAM, "{steps:?}");
}

#[test]
fn a_queue_of_others_does_not_end_a_probe_that_its_bound_holds() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.bbr.bounds.limit_inflight(2 * BDP);
    flow.bbr.window = 2 * BDP;
    flow.round(RATE, 2 * RTT, 2 * BDP);
    flow.round(RATE, 2 * RTT, 2 * BDP);
    assert_eq!(flow.phase(), UP);
    assert!(flow.bound() > 2 * BDP);
}

#[test]
fn drain_ends_after_four_rounds_if_the_queue_stays() {
    let mut flow = Flow::new();
    for _ in 0..8 {
        flow.round(RATE, RTT, 2 * BDP);
        if flow.phase() == State::Drain {
            break;
        }
    }
    assert_eq!(flow.phase(), State::Drain);
    flow.rounds(3, RATE, RTT, 2 * BDP);
    assert_eq!(flow.phase(), State::Drain);
    flow.round(RATE, RTT, 2 * BDP);
    assert_eq!(flow.phase(), DOWN);
}

#[test]
fn losses_that_were_none_give_a_probe_back() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.round(RATE, RTT, BDP);
    assert_eq!(flow.phase(), UP);
    flow.lose(15);
    let first = flow.number - 15;
    flow.round(RATE, RTT, BDP);
    assert_eq!(flow.phase(), DOWN);
    assert!(flow.bound() < u64::MAX);
    flow.find_again(first..first + 15);
    flow.round(RATE, RTT, BDP);
    assert_eq!(flow.phase(), REFILL);
    assert_eq!(flow.bound(), u64::MAX);
}

#[test]
fn losses_that_were_none_give_startup_back() {
    let mut flow = Flow::new();
    flow.rounds(3, RATE, RTT, BDP);
    flow.lose(20);
    let first = flow.number - 20;
    flow.round(RATE, RTT, BDP);
    flow.round(RATE, RTT, 4 * BDP);
    assert_ne!(flow.phase(), State::Startup);
    flow.find_again(first..first + 20);
    flow.round(RATE, RTT, BDP);
    assert_eq!(flow.phase(), State::Startup);
}

#[test]
fn a_probe_that_the_application_limits_goes_on_without_loss() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.app_limited = true;
    flow.rounds(50, RATE / 4, RTT, BDP / 4);
    assert_eq!(flow.phase(), UP);
    assert_eq!(flow.bbr.model.bandwidth(), RATE);
}

#[test]
fn loss_ends_a_probe_that_the_application_limits_and_bounds_nothing() {
    let mut flow = Flow::in_phase(Phase::Up);
    flow.app_limited = true;
    flow.rounds(3, RATE / 4, RTT, BDP / 4);
    flow.lose(6);
    flow.round(RATE / 4, RTT, BDP / 4);
    assert_eq!(flow.phase(), DOWN);
    assert_eq!(flow.bound(), u64::MAX);
}

#[test]
fn idleness_takes_the_place_of_probe_rtt() {
    let mut flow = Flow::in_phase(Phase::Cruise);
    flow.now += Duration::from_secs(10);
    flow.bbr.on_sent(&Sent {
        now: flow.now,
        packet_number: flow.number,
        bytes: DATAGRAM,
        bytes_in_flight: 0,
        after_idle: true,
        app_limited: true,
    });
    assert_eq!(flow.bbr.pacing_rate, flow.bbr.model.bandwidth());
    // The path has become longer meanwhile: that does not have to be looked for.
    let longer = RTT + RTT / 2;
    flow.rounds(20, RATE, longer, BDP);
    assert_eq!(flow.bbr.model.min_rtt(), Some(longer));
    assert!(matches!(flow.phase(), State::ProbeBw(_)));
}
