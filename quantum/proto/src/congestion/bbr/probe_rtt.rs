//! ProbeRTT: half a pipe for a moment, to see the path without a queue (section "ProbeRTT").

use std::time::Duration;

use super::super::{Acknowledged, Sent};
use super::probe_bw::Phase;
use super::{BbrController, State};
use crate::time::Instant;

/// When to look at the round-trip time again.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeRtt {
    /// Until when the pipe is kept half empty.
    done_at: Option<Instant>,
    round_done: bool,
    /// The smallest sample since it began.
    smallest: Option<Duration>,
    idle_restart: bool,
    unconfirmed: Unconfirmed,
}

/// What was seen since the smallest round-trip time was measured or confirmed.
#[derive(Clone, Copy, Debug, Default)]
struct Unconfirmed {
    since: Option<Instant>,
    smallest: Option<Duration>,
    /// At some time it was not the application that limited the flow.
    busy: bool,
}

impl Unconfirmed {
    fn update(&mut self, acked: &Acknowledged, since: Instant) {
        if self.since != Some(since) {
            *self = Self {
                since: Some(since),
                ..Self::default()
            };
        }
        self.busy |= acked.rate.is_some_and(|sample| !sample.app_limited);
        if let Some(rtt) = acked.rtt {
            self.smallest = Some(self.smallest.map_or(rtt, |known| known.min(rtt)));
        }
    }

    /// An application that sends little keeps the pipe less than full: probing would only make it
    /// wait to see what has been seen.
    fn suffices(&self) -> Option<Duration> {
        self.smallest.filter(|_| !self.busy)
    }
}

impl ProbeRtt {
    pub(super) fn new(_now: Instant) -> Self {
        Self {
            done_at: None,
            round_done: false,
            smallest: None,
            idle_restart: false,
            unconfirmed: Unconfirmed::default(),
        }
    }
}

impl BbrController {
    pub(super) fn update_probe_rtt(&mut self, acked: &Acknowledged) {
        let mut due = self.model.min_rtt_is_older_than(INTERVAL, acked.now);
        let unconfirmed = &mut self.probe_rtt.unconfirmed;
        unconfirmed.update(acked, self.model.min_rtt_at());
        if let Some(rtt) = unconfirmed.suffices().filter(|_| due) {
            self.model.replace_min_rtt(acked.now, rtt);
            due = false;
        }
        if due && self.state != State::ProbeRtt && !self.probe_rtt.idle_restart {
            self.enter_probe_rtt();
        }
        if self.state == State::ProbeRtt {
            self.hold_probe_rtt(acked);
        }
        if acked.bytes > 0 {
            self.probe_rtt.idle_restart = false;
        }
    }

    fn enter_probe_rtt(&mut self) {
        self.prior_window = self.window;
        self.state = State::ProbeRtt;
        self.probe_rtt = ProbeRtt {
            smallest: None,
            done_at: None,
            round_done: false,
            ..self.probe_rtt
        };
    }

    fn hold_probe_rtt(&mut self, acked: &Acknowledged) {
        match self.probe_rtt.done_at {
            None if acked.bytes_in_flight <= self.probe_rtt_window() => {
                self.probe_rtt.done_at = Some(acked.now + LENGTH);
                self.probe_rtt.round_done = false;
                self.round.restart(acked);
            }
            None => {}
            Some(done_at) => {
                if let Some(rtt) = acked.rtt {
                    let smallest = self.probe_rtt.smallest.map_or(rtt, |known| known.min(rtt));
                    self.probe_rtt.smallest = Some(smallest);
                }
                self.probe_rtt.round_done |= self.round.started();
                if self.probe_rtt.round_done && acked.now >= done_at {
                    self.leave_probe_rtt(acked);
                }
            }
        }
    }

    fn leave_probe_rtt(&mut self, acked: &Acknowledged) {
        if let Some(rtt) = self.probe_rtt.smallest {
            self.model.replace_min_rtt(acked.now, rtt);
        }
        self.bounds.reset_short_term();
        self.window = self.window.max(self.prior_window);
        if self.full_pipe.reached() {
            self.enter_probe_bw(acked);
            self.start_cruise();
        } else {
            self.state = State::Startup;
        }
    }

    /// What may be in flight meanwhile.
    pub(super) fn probe_rtt_window(&self) -> u64 {
        self.inflight(WINDOW_GAIN).max(self.min_window())
    }

    /// Section "Restarting From Idle": idleness drained the queue, and what is sent now is paced.
    pub(super) fn restart_from_idle(&mut self, sent: &Sent) {
        self.probe_rtt.idle_restart = true;
        if let State::ProbeBw(phase) = self.state {
            let rate = self.bandwidth();
            if rate > 0 && phase != Phase::Up {
                self.pacing_rate = rate;
            }
        }
        let _ = sent;
    }
}

/// BBR.ProbeRTTInterval.
const INTERVAL: Duration = Duration::from_secs(5);

/// BBR.ProbeRTTDuration.
const LENGTH: Duration = Duration::from_millis(200);

/// BBR.ProbeRTTCwndGain.
pub(super) const WINDOW_GAIN: f64 = 0.5;
