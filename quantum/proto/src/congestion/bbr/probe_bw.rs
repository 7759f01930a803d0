//! The cycle of probing: down, cruise, refill, up (section "ProbeBW").

use std::time::Duration;

use rand::RngExt;

use super::super::Acknowledged;
use super::bounds::{BETA, Latest};
use super::loss::Pace;
use super::spurious::Undo;
use super::{BbrController, State};
use crate::time::Instant;

/// A part of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Slower than the bottleneck, until what `Up` queued is gone.
    Down,
    /// As fast as the bottleneck, until it is time to look for more.
    Cruise,
    /// Much slower, to see whether less is lost.
    Trial,
    /// A round at the full bandwidth, so that `Up` starts with a full pipe.
    Refill,
    /// Faster than the bottleneck was.
    Up,
}

impl Phase {
    /// Section "ProbeBW": 0.90, 1, 1 and 1.25.
    /// A trial has a gain of its own.
    pub(super) fn pacing_gain(self) -> f64 {
        match self {
            Self::Down => 0.90,
            Self::Cruise | Self::Refill | Self::Trial => 1.0,
            Self::Up => 1.25,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Down => "ProbeBW_DOWN",
            Self::Cruise => "ProbeBW_CRUISE",
            Self::Trial => "ProbeBW_TRIAL",
            Self::Refill => "ProbeBW_REFILL",
            Self::Up => "ProbeBW_UP",
        }
    }
}

/// Where in the cycle the flow is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeBw {
    /// When the phase began, in time and rounds.
    since: Instant,
    since_round: u64,
    /// When the cycle began, and when to probe again.
    cycle_since: Instant,
    cycle_round: u64,
    wait: Duration,
    /// Rounds after which a Reno flow of the same share would have grown as much.
    rounds_max: u64,
    /// The largest bandwidth and delivery of the round.
    latest: Latest,
    /// How much the long-term bound grows for each so many bytes, doubled each round of `Up`.
    up_growth: u64,
    up_rounds: u32,
    up_acked: u64,
    /// Losses may still be those of the last probe: they say how much was too much.
    samples_of_probe: bool,
    /// The bandwidth of the last probe is still being measured.
    samples_of_cycle: bool,
    /// The bandwidth has fallen lately: the first probe waits for no longer, the next for longer.
    pub(super) wait_max: Duration,
}

impl ProbeBw {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            since_round: 0,
            cycle_since: now,
            cycle_round: 0,
            wait: WAIT_LEAST,
            rounds_max: ROUNDS_MAX,
            latest: Latest {
                bandwidth: 0,
                inflight: 0,
            },
            up_growth: u64::MAX,
            up_rounds: 0,
            up_acked: 0,
            samples_of_probe: false,
            samples_of_cycle: false,
            wait_max: Duration::MAX,
        }
    }
}

impl BbrController {
    /// Takes the losses and marks of the round to account (section "Responding to Congestion").
    pub(super) fn judge_congestion(&mut self, acked: &Acknowledged) {
        self.update_latest(acked);
        let packets = acked.bytes as f64 / self.datagram as f64;
        self.loss
            .on_arrived(packets, acked.largest, acked.ecn_marked > 0);
        if self.sees_queue(acked) {
            self.loss.on_queue();
        } else {
            self.loss.set_pace(self.pace());
        }
        if !self.round.started() || self.probes_bandwidth() || !self.full_pipe.reached() {
            return;
        }
        let in_round = acked.prior_in_flight.max(acked.bytes) as f64 / self.datagram as f64;
        let lost = self.loss.last_round_lost() as f64;
        if self.loss.is_congestion(lost, in_round) || self.loss.last_round_marked() {
            let current = Latest {
                bandwidth: self.model.bandwidth(),
                inflight: self.window,
            };
            let latest = self.probe_bw.latest;
            self.prior_window = self.window;
            self.bounds.shrink(latest, current);
        }
    }

    fn update_latest(&mut self, acked: &Acknowledged) {
        let Some(sample) = &acked.rate else {
            return;
        };
        let latest = &mut self.probe_bw.latest;
        if self.round.started() {
            *latest = Latest {
                bandwidth: 0,
                inflight: 0,
            };
        }
        latest.bandwidth = latest.bandwidth.max(self.model.latest_rate());
        latest.inflight = latest.inflight.max(sample.delivered);
    }

    /// The packet has waited behind others; or nobody knows.
    pub(super) fn sees_queue(&self, acked: &Acknowledged) -> bool {
        match (acked.rtt, self.model.min_rtt()) {
            (Some(rtt), Some(base)) => rtt > base + base / 8 + Duration::from_millis(1),
            _ => true,
        }
    }

    /// How fast the flow is, unless it may be faster than the bottleneck.
    fn pace(&self) -> Option<Pace> {
        match self.state {
            State::Startup => Some(Pace::Rising),
            State::ProbeBw(Phase::Down) => Some(Pace::Slow),
            State::ProbeBw(Phase::Cruise) => Some(Pace::Even),
            _ => None,
        }
    }

    pub(super) fn enter_probe_bw(&mut self, acked: &Acknowledged) {
        self.probe_bw.samples_of_probe = false;
        self.start_down(acked);
    }

    fn set_phase(&mut self, phase: Phase, acked: &Acknowledged) {
        self.state = State::ProbeBw(phase);
        self.probe_bw.since = acked.now;
        self.probe_bw.since_round = self.round.count();
        if phase == Phase::Up || phase == Phase::Refill {
            self.loss.set_pace(None);
        }
    }

    fn start_down(&mut self, acked: &Acknowledged) {
        self.bounds.reset_short_term();
        self.loss.count_from_now();
        self.set_phase(Phase::Down, acked);
        self.round.restart(acked);
        self.probe_bw.samples_of_cycle = true;
        self.probe_bw.cycle_since = acked.now;
        self.probe_bw.cycle_round = self.round.count();
        let random = self.rng.random_range(0.0..1.0);
        let wait = WAIT_LEAST + WAIT_RANDOM.mul_f64(random);
        let wait = wait * if self.is_policed() { POLICED_WAITS } else { 1 };
        let wait_max = self.probe_bw.wait_max;
        self.probe_bw.wait = wait.min(wait_max);
        self.probe_bw.wait_max = wait_max.saturating_mul(2).max(acked.smoothed_rtt * 2);
        let reno = self.inflight(1.0) / self.datagram;
        self.probe_bw.rounds_max = reno.clamp(1, ROUNDS_MAX);
    }

    pub(super) fn start_cruise(&mut self) {
        self.state = State::ProbeBw(Phase::Cruise);
    }

    pub(super) fn start_refill(&mut self, acked: &Acknowledged) {
        self.bounds.reset_short_term();
        self.forget_policer();
        self.undo = None;
        self.probe_bw.up_rounds = 0;
        self.probe_bw.up_acked = 0;
        self.set_phase(Phase::Refill, acked);
        self.round.restart(acked);
    }

    fn start_up(&mut self, acked: &Acknowledged) {
        self.set_phase(Phase::Up, acked);
        self.round.restart(acked);
        self.full_pipe.reset();
        self.probe_bw.samples_of_probe = true;
        self.loss.begin_probe();
        self.raise_slope();
    }

    pub(super) fn update_probe_bw(&mut self, acked: &Acknowledged) {
        let State::ProbeBw(phase) = self.state else {
            return;
        };
        if phase != Phase::Up {
            self.judge_past_probe(acked);
        }
        if self.probe_bw.samples_of_cycle && self.round.started() {
            // The samples of the probe have all come: its bandwidth counts for two cycles.
            self.probe_bw.samples_of_cycle = false;
            if acked.rate.is_some_and(|sample| !sample.app_limited) {
                self.model.advance_bandwidth_filter();
            }
        }
        match phase {
            Phase::Down => {
                if self.is_time_to_probe(acked) {
                    self.start_refill(acked);
                } else if self.is_time_to_cruise(acked) {
                    self.set_phase(Phase::Cruise, acked);
                }
            }
            Phase::Cruise => {
                if self.is_time_to_probe(acked) {
                    self.start_refill(acked);
                }
            }
            Phase::Trial => {}
            Phase::Refill => {
                if self.round.started() {
                    self.start_up(acked);
                }
            }
            Phase::Up => self.update_up(acked),
        }
    }

    fn is_time_to_probe(&self, acked: &Acknowledged) -> bool {
        let probe = &self.probe_bw;
        acked.now.since(probe.cycle_since) >= probe.wait
            || !self.is_policed()
                && self.round.count() - probe.cycle_round >= probe.rounds_max
                && acked.now.since(probe.cycle_since) >= acked.smoothed_rtt * 4
                && self.bounds.inflight_long_term() != u64::MAX
                && self.inflight(1.0) / self.datagram < ROUNDS_MAX
    }

    fn is_time_to_cruise(&self, acked: &Acknowledged) -> bool {
        let headroom = self.bounds.inflight_with_headroom(self.min_window());
        // A pipe smaller than a packet is never emptier than one (the draft's Inflight()).
        let pipe = self.inflight(1.0).max(self.min_window());
        acked.bytes_in_flight <= headroom && acked.bytes_in_flight <= pipe
    }

    fn update_up(&mut self, acked: &Acknowledged) {
        self.raise_long_term(acked);
        if self.is_held_by_bound(acked) {
            // The bound limits the bandwidth, and is being raised.
            self.full_pipe.excuse(self.model.latest_rate());
        }
        let elapsed = self.round.count() - self.probe_bw.since_round;
        if self.is_probe_too_much(acked) {
            self.end_up(acked);
            self.undo = Some(Undo::Up);
            return;
        }
        // Enough is in flight, and a queue says that it is no longer the sender who limits.
        let queue = self.model.shows_queue(16);
        let enough = acked.prior_in_flight >= self.inflight(1.25);
        if self.full_pipe.now() || (elapsed >= 1 && enough && queue && !self.still_grows(acked)) {
            self.end_up(acked);
        }
    }

    /// The probe has found more than was known.
    fn still_grows(&self, acked: &Acknowledged) -> bool {
        acked.rate.is_some()
            && self.model.latest_rate() as f64 >= self.model.bandwidth() as f64
            && self.model.bandwidth_grew()
    }

    fn end_up(&mut self, acked: &Acknowledged) {
        self.loss.end_probe();
        self.start_down(acked);
    }

    /// What the probe lost shows only a round trip after it.
    fn judge_past_probe(&mut self, acked: &Acknowledged) {
        if self.probe_bw.samples_of_probe {
            let over = self.loss.probe_is_over(acked.largest);
            self.lower_if_too_much(acked);
            self.probe_bw.samples_of_probe &= !over;
        }
    }

    /// A round of the probe lost more than the path does by itself: so much is too much.
    fn is_probe_too_much(&mut self, acked: &Acknowledged) -> bool {
        self.round.started() && self.probe_bw.samples_of_probe && self.lower_if_too_much(acked)
    }

    fn lower_if_too_much(&mut self, acked: &Acknowledged) -> bool {
        let marked = self.round.started() && self.loss.last_round_marked();
        let too_much =
            marked || self.loss.probe_is_congested(acked.largest) || self.long_probe_loses(acked);
        if too_much {
            let queue = self
                .model
                .queueing_delay()
                .is_some_and(|(queue, base)| queue > base / 8);
            if !queue {
                self.loss.distrust();
                self.recall_policer(acked);
            }
            self.lower_long_term(acked);
        }
        too_much
    }

    /// A probe that the application limits can last for long: only its last round counts.
    fn long_probe_loses(&self, acked: &Acknowledged) -> bool {
        let limited = acked.rate.is_some_and(|rate| rate.app_limited);
        let in_round = acked.prior_in_flight.max(acked.bytes) as f64 / self.datagram as f64;
        limited
            && self.state == State::ProbeBw(Phase::Up)
            && self.round.started()
            && self
                .loss
                .is_congestion(self.loss.last_round_lost() as f64, in_round)
    }

    fn lower_long_term(&mut self, acked: &Acknowledged) {
        self.probe_bw.samples_of_probe = false;
        if acked.rate.is_some_and(|rate| rate.app_limited) {
            // What the application had to send says nothing of how much is too much.
            return;
        }
        let sent = acked
            .rate
            .map_or(acked.prior_in_flight, |rate| rate.sent_in_flight);
        let least = (self.inflight(1.0).min(self.window) as f64 * BETA) as u64;
        self.prior_window = self.window;
        self.bounds
            .limit_inflight(sent.max(least).max(self.min_window()));
    }

    /// The flow uses what the long-term bound allows, but for what a datagram is too large for.
    fn is_held_by_bound(&self, acked: &Acknowledged) -> bool {
        self.window >= self.bounds.inflight_long_term()
            && acked.prior_in_flight + 2 * self.datagram >= self.window
    }

    /// Section "Probing for More inflight": slowly first, then doubled each round.
    fn raise_long_term(&mut self, acked: &Acknowledged) {
        if !self.is_held_by_bound(acked) {
            return;
        }
        self.bounds
            .allow_inflight(acked.rate.map_or(0, |rate| rate.sent_in_flight));
        self.probe_bw.up_acked += acked.bytes;
        if self.probe_bw.up_acked >= self.probe_bw.up_growth {
            let steps = self.probe_bw.up_acked / self.probe_bw.up_growth.max(1);
            self.probe_bw.up_acked -= steps * self.probe_bw.up_growth;
            self.bounds.grow_inflight(steps * self.datagram);
        }
        if self.round.started() {
            self.raise_slope();
        }
    }

    fn raise_slope(&mut self) {
        let growth = 1u64 << self.probe_bw.up_rounds.min(30);
        self.probe_bw.up_rounds += 1;
        self.probe_bw.up_growth = (self.window / growth).max(1);
    }
}

/// BBR.UpCwndGain.
pub(super) const UP_WINDOW_GAIN: f64 = 2.25;

/// Probe again after two seconds, and a random second more.
const WAIT_LEAST: Duration = Duration::from_secs(2);
const WAIT_RANDOM: Duration = Duration::from_secs(1);

/// A policer is probed for less often.
const POLICED_WAITS: u32 = 4;

/// Section "Time Scale for Bandwidth Probing": 63 rounds at most.
const ROUNDS_MAX: u64 = 63;
