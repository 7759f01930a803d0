//! Drain: half as fast, until the queue that Startup built is gone (section "Drain").

use super::super::Acknowledged;
use super::{BbrController, State};

impl BbrController {
    pub(super) fn enter_drain(&mut self) {
        self.state = State::Drain;
        self.drain_since_round = self.round.count();
    }

    /// Others may keep the queue filled: then the bandwidth was overestimated, and only the next
    /// cycle shows by how much.
    pub(super) fn update_drain(&mut self, acked: &Acknowledged) {
        if self.state != State::Drain {
            return;
        }
        let rounds = self.round.count() - self.drain_since_round;
        if acked.bytes_in_flight <= self.inflight(1.0).max(self.min_window()) || rounds > ROUNDS_MAX
        {
            self.enter_probe_bw(acked);
        }
    }
}

/// BBR.DrainPacingGain.
pub(super) const PACING_GAIN: f64 = 0.5;

/// The constant in CheckDrainDone().
const ROUNDS_MAX: u64 = 3;
