//! Drain: half as fast, until the queue that Startup built is gone (section "Drain").

use super::super::Acknowledged;
use super::{BbrController, State};

impl BbrController {
    pub(super) fn update_drain(&mut self, acked: &Acknowledged) {
        if self.state == State::Drain && acked.bytes_in_flight <= self.inflight(1.0) {
            self.enter_probe_bw(acked);
        }
    }
}

/// BBR.DrainPacingGain.
pub(super) const PACING_GAIN: f64 = 0.5;
