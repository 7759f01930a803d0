//! BBRv3 (draft-ietf-ccwg-bbr, text of August 2026), made to tell random loss from congestion.
//!
//! The model is a pipe: [`Model::bandwidth`] (how fast the bottleneck passes bytes on) and
//! [`Model::min_rtt`] (how long an empty path takes). The states send faster or slower than the
//! model says, to learn what has changed: [`startup`] and [`drain`] once, then the cycle of
//! [`probe_bw`], and [`probe_rtt`] when the round-trip time has not been confirmed for long.
//! [`loss`] decides which losses mean congestion; `docs/decisions/0006` says why and how well.
//! Names are those of the draft.

mod bounds;
mod drain;
mod fall;
mod filter;
mod full_pipe;
mod loss;
mod model;
mod policer;
mod probe_bw;
mod probe_rtt;
mod round;
mod spurious;
mod startup;
mod tally;

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::{
    Acknowledged, Controller, ControllerFactory, Lost, SendLimits, Sent, Snapshot, SpuriousLoss,
};
use crate::time::Instant;
use bounds::Bounds;
use fall::QueueWatch;
use full_pipe::FullPipe;
use loss::LossJudge;
use model::Model;
use policer::Policer;
use probe_bw::ProbeBw;
use probe_rtt::ProbeRtt;
use round::Round;
use spurious::Undo;

/// Makes BBR controllers: the default.
#[derive(Clone, Copy, Debug)]
pub struct Bbr {
    initial_window: u64,
}

impl Default for Bbr {
    fn default() -> Self {
        Self {
            initial_window: INITIAL_WINDOW,
        }
    }
}

impl Bbr {
    /// Datagrams in the first window. Default: 32, paced over the round-trip time that the
    /// handshake has measured; RFC 6928 allows 10 in one burst.
    #[must_use]
    pub fn with_initial_window(mut self, datagrams: u64) -> Self {
        self.initial_window = datagrams.max(MIN_PIPE_WINDOW);
        self
    }
}

impl ControllerFactory for Bbr {
    fn controller(&self, now: Instant, datagram_bytes: u16, seed: u64) -> Box<dyn Controller> {
        Box::new(BbrController::new(
            now,
            datagram_bytes,
            self.initial_window,
            seed,
        ))
    }
}

/// What the flow is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Startup,
    Drain,
    ProbeBw(probe_bw::Phase),
    ProbeRtt,
}

/// BBR for one path.
#[derive(Debug)]
struct BbrController {
    state: State,
    model: Model,
    round: Round,
    full_pipe: FullPipe,
    loss: LossJudge,
    bounds: Bounds,
    drain_since_round: u64,
    probe_bw: ProbeBw,
    probe_rtt: ProbeRtt,
    queue_watch: QueueWatch,
    policer: Option<Box<Policer>>,
    /// What losses have ended, and that these losses were none.
    undo: Option<Undo>,
    resumes: bool,
    datagram: u64,
    initial_window: u64,
    window: u64,
    /// Window to come back to after ProbeRTT.
    prior_window: u64,
    pacing_rate: u64,
    /// A round-trip time has been measured.
    has_rtt: bool,
    rng: SmallRng,
}

impl BbrController {
    fn new(now: Instant, datagram_bytes: u16, initial_window: u64, seed: u64) -> Self {
        let datagram = u64::from(datagram_bytes);
        let window = initial_window * datagram;
        Self {
            state: State::Startup,
            model: Model::new(now),
            round: Round::default(),
            full_pipe: FullPipe::default(),
            loss: LossJudge::default(),
            bounds: Bounds::default(),
            drain_since_round: 0,
            probe_bw: ProbeBw::new(now),
            queue_watch: QueueWatch::default(),
            policer: None,
            probe_rtt: ProbeRtt::default(),
            undo: None,
            resumes: false,
            datagram,
            initial_window,
            window,
            prior_window: 0,
            // Nothing is known: the window goes out within a millisecond (section "Initialization").
            pacing_rate: (window * 1000).max(1),
            has_rtt: false,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// How fast to send in relation to the bandwidth.
    fn pacing_gain(&self) -> f64 {
        match self.state {
            State::Startup => startup::PACING_GAIN,
            State::Drain => drain::PACING_GAIN,
            State::ProbeBw(probe_bw::Phase::Trial) => self.trial_gain(),
            State::ProbeBw(phase) => phase.pacing_gain(),
            State::ProbeRtt => 1.0,
        }
    }

    /// How much to keep in flight in relation to the bandwidth-delay product.
    fn window_gain(&self) -> f64 {
        match self.state {
            State::ProbeBw(probe_bw::Phase::Up) => probe_bw::UP_WINDOW_GAIN,
            State::ProbeRtt => probe_rtt::WINDOW_GAIN,
            _ => WINDOW_GAIN,
        }
    }

    /// The bandwidth to act on: short-term bounds hold between probes.
    fn bandwidth(&self) -> u64 {
        self.model
            .bandwidth()
            .min(self.bounds.bandwidth_short_term())
    }

    /// The bandwidth-delay product, `gain` times over. Before anything is known, the first window.
    fn inflight(&self, gain: f64) -> u64 {
        match self.model.min_rtt() {
            Some(rtt) if self.model.bandwidth() > 0 => {
                (bytes_in(self.bandwidth(), rtt) as f64 * gain) as u64
            }
            _ => self.initial_window * self.datagram,
        }
    }

    fn min_window(&self) -> u64 {
        MIN_PIPE_WINDOW * self.datagram
    }

    fn probes_bandwidth(&self) -> bool {
        matches!(self.state, State::Startup)
            || matches!(
                self.state,
                State::ProbeBw(probe_bw::Phase::Up | probe_bw::Phase::Refill)
            )
    }

    /// Section "Updating the Model and State upon ACK", in the draft's order.
    fn update_model_and_state(&mut self, acked: &Acknowledged) {
        self.round.update(acked);
        self.loss.on_round(self.round.started());
        self.model.update(acked, &self.round, &self.loss);
        self.follow_fall(acked);
        self.judge_congestion(acked);
        self.watch_policer(acked);
        self.resume_search(acked);
        self.update_startup(acked);
        self.update_drain(acked);
        self.update_probe_bw(acked);
        self.update_probe_rtt(acked);
    }

    fn update_pacing_rate(&mut self, acked: &Acknowledged) {
        if !self.has_rtt
            && let Some(rtt) = acked.rtt
        {
            // What was assumed before the first sample must not last (noq #800).
            self.has_rtt = true;
            let nominal = rate_of(self.initial_window * self.datagram, rtt);
            self.pacing_rate = (nominal as f64 * startup::PACING_GAIN) as u64;
        }
        let bandwidth = self.bandwidth();
        if bandwidth == 0 {
            return;
        }
        let margin = 1.0 - self.pacing_margin();
        let rate = (bandwidth as f64 * self.pacing_gain() * margin) as u64;
        // A flight of which next to nothing arrived shows next to no bandwidth. With less than a datagram
        // in a round trip the flow would not learn better.
        let rate = rate.max(rate_of(self.datagram, acked.smoothed_rtt));
        // Section "Pacing Rate": before the pipe is full, only upwards.
        if self.full_pipe.reached() || rate > self.pacing_rate {
            self.pacing_rate = rate.max(1);
        }
    }

    /// The draft always paces one percent below the bandwidth, so that queues drain. A queue that is
    /// not there needs no draining: the margin follows the queueing delay.
    fn pacing_margin(&self) -> f64 {
        if !matches!(
            self.state,
            State::ProbeBw(
                probe_bw::Phase::Down | probe_bw::Phase::Cruise | probe_bw::Phase::Refill
            )
        ) {
            return 0.0;
        }
        let Some((queue, base)) = self.model.queueing_delay() else {
            return PACING_MARGIN;
        };
        let free = base / 32 + Duration::from_micros(500);
        // Where a packet takes longer than the path, one before this one is no queue.
        let packet = time_of(self.datagram, self.bandwidth());
        let queue = if packet > base {
            queue.saturating_sub(packet)
        } else {
            queue
        };
        let steps = queue.as_nanos() / free.as_nanos().max(1);
        f64::from(
            u32::try_from(steps)
                .unwrap_or(u32::MAX)
                .min(PACING_MARGINS_MAX),
        ) * PACING_MARGIN
    }

    /// Section "Congestion Window".
    fn update_window(&mut self, acked: &Acknowledged) {
        let target = self.inflight(self.window_gain())
            + self.model.extra_acked()
            + 3 * self
                .quantum()
                .min(self.inflight(0.25).max(2 * self.datagram));
        if self.full_pipe.reached() {
            self.window = (self.window + acked.bytes).min(target);
        } else if self.window < target || acked.delivered < self.initial_window * self.datagram {
            self.window += acked.bytes;
        }
        self.window = self.window.max(self.min_window());
        if self.state == State::ProbeRtt {
            self.window = self.window.min(self.probe_rtt_window());
        }
        self.window = self.window.min(self.window_bound()).max(self.min_window());
    }

    /// What long- and short-term bounds leave (section "Bounding cwnd Based on Recent Congestion").
    fn window_bound(&self) -> u64 {
        let long_term = match self.state {
            State::ProbeBw(probe_bw::Phase::Cruise) | State::ProbeRtt => {
                self.bounds.inflight_with_headroom(self.min_window())
            }
            State::ProbeBw(_) => self.bounds.inflight_long_term(),
            State::Startup | State::Drain => u64::MAX,
        };
        long_term.min(self.bounds.inflight_short_term())
    }

    /// Section "Send Quantum": a millisecond's worth.
    fn quantum(&self) -> u64 {
        (self.pacing_rate / 1000).clamp(2 * self.datagram, QUANTUM_MAX)
    }
}

impl Controller for BbrController {
    fn on_sent(&mut self, sent: &Sent) {
        self.round.on_sent(sent);
        self.loss.on_sent(sent.packet_number);
        if sent.after_idle {
            self.restart_from_idle(sent);
        }
    }

    fn on_acknowledged(&mut self, acked: &Acknowledged) {
        self.update_model_and_state(acked);
        self.update_pacing_rate(acked);
        self.update_window(acked);
    }

    fn on_lost(&mut self, lost: &Lost) {
        self.loss.on_lost(lost);
        self.note_loss(lost.packet_number);
    }

    fn on_persistent_congestion(&mut self, _now: Instant) {
        self.prior_window = self.window;
        self.window = self.min_window();
    }

    fn on_spurious_loss(&mut self, spurious: &SpuriousLoss) {
        self.take_back_loss(spurious);
    }

    fn on_datagram_size(&mut self, bytes: u16) {
        self.datagram = u64::from(bytes);
        self.window = self.window.max(self.min_window());
    }

    fn limits(&self) -> SendLimits {
        SendLimits {
            window: self.window,
            pacing_rate: Some(self.pacing_rate),
            quantum: self.quantum(),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let state = match self.state {
            State::Startup => "Startup",
            State::Drain => "Drain",
            State::ProbeBw(phase) => phase.name(),
            State::ProbeRtt => "ProbeRTT",
        };
        Snapshot {
            name: "bbr",
            state,
            bandwidth: Some(self.model.bandwidth()),
            slow_start_threshold: None,
        }
    }
}

/// Bytes that pass at `rate` bytes per second in `time`.
fn bytes_in(rate: u64, time: Duration) -> u64 {
    let bytes = u128::from(rate) * time.as_nanos() / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// How long `bytes` take at `rate` bytes per second.
fn time_of(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Bytes per second.
fn rate_of(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// draft-ietf-ccwg-bbr section "Congestion Window": BBR.DefaultCwndGain.
const WINDOW_GAIN: f64 = 2.0;

/// BBR.PacingMarginPercent.
const PACING_MARGIN: f64 = 0.01;

/// A queue that persists is drained by so many margins at most.
const PACING_MARGINS_MAX: u32 = 13;

/// BBR.MinPipeCwnd, in datagrams.
const MIN_PIPE_WINDOW: u64 = 4;

/// Datagrams. RFC 6928 allows 10 at once; paced at the measured rate, 32 load a path less than
/// that, and content delivery has used such windows for years.
const INITIAL_WINDOW: u64 = 32;

/// Section "Send Quantum": 64 kB.
const QUANTUM_MAX: u64 = 64_000;

#[cfg(test)]
mod tests;
