//! CUBIC (RFC 9438) with HyStart++ (RFC 9406) and the loss events of RFC 9002.
//!
//! After a congestion event the window follows a cubic curve of time: fast towards the window at
//! which the event happened, flat around it, faster again beyond. On paths where Reno would be
//! faster it keeps up with Reno. It names no rate of its own: the pacer spreads the window.

use std::time::Duration;

use super::hystart::{HyStart, Phase};
use super::{
    Acknowledged, Controller, ControllerFactory, Lost, SendLimits, Sent, Snapshot, SpuriousLoss,
};
use crate::time::Instant;

/// Makes CUBIC controllers: for paths shared with flows that must be treated as TCP treats them.
#[derive(Clone, Copy, Debug)]
pub struct Cubic {
    initial_window: u64,
}

impl Default for Cubic {
    fn default() -> Self {
        Self {
            initial_window: INITIAL_WINDOW,
        }
    }
}

impl Cubic {
    /// Datagrams in the first window; at least 2. Default: 10 (RFC 6928).
    #[must_use]
    pub fn with_initial_window(mut self, datagrams: u64) -> Self {
        self.initial_window = datagrams.max(MIN_WINDOW);
        self
    }
}

impl ControllerFactory for Cubic {
    fn controller(&self, now: Instant, datagram_bytes: u16, _seed: u64) -> Box<dyn Controller> {
        Box::new(CubicController::new(
            now,
            datagram_bytes,
            self.initial_window,
        ))
    }
}

/// CUBIC for one path.
#[derive(Debug)]
struct CubicController {
    course: Course,
    datagram: f64,
    /// When the last congestion event began: what was sent until then belongs to it.
    recovery_began_at: Option<Instant>,
    /// Nothing sent after the last congestion event has been acknowledged yet.
    recovering: bool,
    undo: Option<Undo>,
}

/// What a congestion event changes, and a spurious one gives back. Windows are bytes, with
/// fractions: an ACK frame may add less than one.
#[derive(Clone, Copy, Debug)]
struct Course {
    window: f64,
    /// `None`: no congestion was ever seen.
    slow_start_threshold: Option<f64>,
    /// W_max: where the curve is flat. `None`: the window at which avoidance begins.
    origin: Option<f64>,
    /// cwnd_prior: the window before the last reduction.
    prior_window: f64,
    avoidance: Option<Avoidance>,
    hystart: HyStart,
}

/// A stage of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Avoidance {
    /// W_max of the stage.
    origin: f64,
    /// K: seconds until the curve reaches `origin`.
    reach: f64,
    /// Time of the stage, without what the application left unused.
    elapsed: Duration,
    counted_at: Instant,
    /// W_est: the window that Reno would have.
    reno_window: f64,
}

/// The state before the last congestion event.
#[derive(Clone, Copy, Debug)]
struct Undo {
    course: Course,
    recovery_began_at: Option<Instant>,
}

impl Course {
    fn in_slow_start(&self) -> bool {
        self.slow_start_threshold
            .is_none_or(|threshold| self.window < threshold)
    }

    fn grow_in_slow_start(&mut self, bytes: u64) {
        let window = self.window + self.hystart.growth(bytes) as f64;
        let most = self.slow_start_threshold.unwrap_or(f64::INFINITY);
        self.window = window.min(most);
    }

    fn begin_avoidance(&self, now: Instant, datagram: f64) -> Avoidance {
        // Section 4.10: after slow start without a known W_max, K is 0.
        let origin = self.origin.unwrap_or(self.window);
        let missing = (origin - self.window).max(0.0);
        Avoidance {
            origin,
            reach: (missing / (SCALE * datagram)).cbrt(),
            elapsed: Duration::ZERO,
            counted_at: now,
            reno_window: self.window,
        }
    }

    /// Sections 4.2 to 4.5.
    fn grow_in_avoidance(&mut self, acked: &Acknowledged, datagram: f64) {
        let mut stage = self
            .avoidance
            .unwrap_or_else(|| self.begin_avoidance(acked.now, datagram));
        stage.elapsed += acked.now.since(stage.counted_at);
        stage.counted_at = acked.now;
        let share = acked.bytes as f64 / self.window;
        stage.reno_window += stage.reno_growth(self.prior_window) * share * datagram;
        if stage.curve(stage.elapsed, datagram) < stage.reno_window {
            self.window = self.window.max(stage.reno_window);
        } else {
            let target = stage
                .curve(stage.elapsed + acked.smoothed_rtt, datagram)
                .clamp(self.window, self.window * TARGET_MAX);
            self.window += (target - self.window) * share.min(1.0);
        }
        self.avoidance = Some(stage);
    }

    /// Sections 4.6 and 4.7.
    fn reduce(&mut self, min_window: f64) {
        let converge = self.origin.is_some_and(|origin| self.window < origin);
        let factor = if converge { (1.0 + BETA) / 2.0 } else { 1.0 };
        self.origin = Some(self.window * factor);
        self.prior_window = self.window;
        self.window = (self.window * BETA).max(min_window);
        self.slow_start_threshold = Some(self.window);
        self.avoidance = None;
        self.hystart.finish();
    }
}

impl Avoidance {
    /// W_cubic (figure 1) in bytes.
    fn curve(&self, elapsed: Duration, datagram: f64) -> f64 {
        let distance = elapsed.as_secs_f64() - self.reach;
        SCALE * datagram * distance.powi(3) + self.origin
    }

    /// Section 4.3: datagrams by which Reno's window grows in a round trip.
    fn reno_growth(&self, prior_window: f64) -> f64 {
        if self.reno_window >= prior_window {
            1.0
        } else {
            3.0 * (1.0 - BETA) / (1.0 + BETA)
        }
    }
}

impl CubicController {
    fn new(now: Instant, datagram_bytes: u16, initial_window: u64) -> Self {
        let datagram = f64::from(datagram_bytes);
        Self {
            course: Course {
                window: initial_window as f64 * datagram,
                slow_start_threshold: None,
                origin: None,
                prior_window: 0.0,
                avoidance: None,
                hystart: HyStart::new(now),
            },
            datagram,
            recovery_began_at: None,
            recovering: false,
            undo: None,
        }
    }

    fn min_window(&self) -> f64 {
        MIN_WINDOW as f64 * self.datagram
    }

    /// Sent before the last congestion event was noticed.
    fn is_of_last_event(&self, sent_at: Instant) -> bool {
        self.recovery_began_at.is_some_and(|began| sent_at <= began)
    }

    /// A packet sent at `sent_at` was lost or marked. One reduction a round (RFC 9002 section
    /// 7.3.2).
    fn on_congestion(&mut self, now: Instant, sent_at: Instant) {
        if self.is_of_last_event(sent_at) {
            return;
        }
        self.undo = Some(Undo {
            course: self.course,
            recovery_began_at: self.recovery_began_at,
        });
        self.recovery_began_at = Some(now);
        self.recovering = true;
        self.course.reduce(self.min_window());
    }

    fn watch_round_trips(&mut self, acked: &Acknowledged) {
        let watches = self.course.slow_start_threshold.is_none();
        if watches && self.course.hystart.on_acknowledged(acked) {
            self.course.slow_start_threshold = Some(self.course.window);
        }
    }

    fn grow(&mut self, acked: &Acknowledged) {
        if is_underused(acked, self.course.window) {
            // Section 5.8: time that the application left unused does not count.
            if let Some(stage) = &mut self.course.avoidance {
                stage.counted_at = acked.now;
            }
        } else if self.course.in_slow_start() {
            self.course.grow_in_slow_start(acked.bytes);
        } else {
            self.course.grow_in_avoidance(acked, self.datagram);
        }
    }
}

/// The window was not what held the sender back (RFC 9002 section 7.8). A sender that is slow but
/// never without data keeps less than half of the window in flight.
fn is_underused(acked: &Acknowledged, window: f64) -> bool {
    acked.app_limited || (acked.prior_in_flight as f64) < window / 2.0
}

impl Controller for CubicController {
    fn on_sent(&mut self, sent: &Sent) {
        if sent.after_idle
            && let Some(stage) = &mut self.course.avoidance
        {
            stage.counted_at = stage.counted_at.max(sent.now);
        }
    }

    fn on_acknowledged(&mut self, acked: &Acknowledged) {
        if acked.ecn_marked > 0 {
            self.on_congestion(acked.now, acked.largest_sent_at);
            // A mark is never spurious.
            self.undo = None;
        }
        if self.is_of_last_event(acked.largest_sent_at) {
            return;
        }
        self.recovering = false;
        self.watch_round_trips(acked);
        self.grow(acked);
    }

    fn on_lost(&mut self, lost: &Lost) {
        self.on_congestion(lost.now, lost.sent_at);
    }

    /// RFC 9002 section 7.6.2, RFC 9438 section 4.8.
    fn on_persistent_congestion(&mut self, _now: Instant) {
        self.course.window = self.min_window();
        self.course.origin = None;
        self.course.avoidance = None;
        self.course.hystart.finish();
        self.recovery_began_at = None;
        self.recovering = false;
        self.undo = None;
    }

    /// RFC 9438 section 4.9.
    fn on_spurious_loss(&mut self, spurious: &SpuriousLoss) {
        if !spurious.whole_event {
            return;
        }
        let Some(undo) = self.undo.take() else {
            return;
        };
        let window = self.course.window.max(undo.course.window);
        self.course = undo.course;
        self.course.window = window;
        self.recovery_began_at = undo.recovery_began_at;
        self.recovering = false;
    }

    fn on_datagram_size(&mut self, bytes: u16) {
        self.datagram = f64::from(bytes);
        self.course.window = self.course.window.max(self.min_window());
    }

    fn limits(&self) -> SendLimits {
        SendLimits {
            window: self.course.window as u64,
            pacing_rate: None,
            quantum: (QUANTUM as f64 * self.datagram) as u64,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let state = if self.recovering {
            "Recovery"
        } else if !self.course.in_slow_start() {
            "CongestionAvoidance"
        } else if self.course.hystart.phase() == Phase::Conservative {
            "ConservativeSlowStart"
        } else {
            "SlowStart"
        };
        Snapshot {
            name: "cubic",
            state,
            bandwidth: None,
            slow_start_threshold: self.course.slow_start_threshold.map(|bytes| bytes as u64),
        }
    }
}

/// RFC 9438 section 4.6: beta_cubic.
const BETA: f64 = 0.7;

/// RFC 9438 section 5.1: C, in datagrams per second cubed.
const SCALE: f64 = 0.4;

/// RFC 9438 section 4.2: the target is at most one and a half windows.
const TARGET_MAX: f64 = 1.5;

/// Datagrams (RFC 6928 section 2).
const INITIAL_WINDOW: u64 = 10;

/// Datagrams (RFC 9002 section 7.2: kMinimumWindow).
const MIN_WINDOW: u64 = 2;

/// Datagrams: the burst that RFC 9002 section 7.7 allows.
const QUANTUM: u64 = 10;

#[cfg(test)]
mod tests;
