//! Startup: twice as fast each round, until the pipe is full (section "Startup").

use super::super::Acknowledged;
use super::{BbrController, State};

impl BbrController {
    pub(super) fn update_startup(&mut self, acked: &Acknowledged) {
        self.full_pipe.update(acked, &self.model, &self.round);
        if self.state != State::Startup {
            return;
        }
        if self.round.started() {
            self.loss.on_startup_round(!self.full_pipe.stalls());
        }
        self.leave_startup_on_loss(acked);
        if self.full_pipe.reached() {
            self.state = State::Drain;
        }
    }

    /// Section "Exiting Startup Based on Packet Loss": much loss over a round, in many places, and
    /// the bandwidth does not double any more. A radio link loses as much before the pipe is full, and
    /// an application that sends little does not fill it.
    fn leave_startup_on_loss(&mut self, acked: &Acknowledged) {
        let limited = acked.rate.is_none_or(|sample| sample.app_limited);
        if !self.round.started() || limited {
            return;
        }
        let packets = acked.prior_in_flight.max(acked.bytes) as f64 / self.datagram as f64;
        let lost = self.loss.last_round_lost();
        let much = self.loss.is_congestion(lost as f64, packets) && lost >= FULL_LOSS_COUNT;
        if (much && self.full_pipe.stalls()) || self.loss.last_round_marked() {
            let bound = self
                .inflight(1.0)
                .max(acked.rate.map_or(0, |rate| rate.delivered));
            self.bounds.limit_inflight(bound);
            self.full_pipe.set_reached();
        }
    }
}

/// BBR.StartupPacingGain: 4 ln 2.
pub(super) const PACING_GAIN: f64 = 2.773;

/// BBR.StartupFullLossCnt.
const FULL_LOSS_COUNT: u64 = 6;
