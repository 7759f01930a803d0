//! Losses that were none: back to where they led away from
//! (section "Handling a Spurious Loss Recovery").

use super::super::{Acknowledged, SpuriousLoss};
use super::probe_bw::Phase;
use super::{BbrController, State};

/// A search for more bandwidth that losses have ended (BBR.undo_state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    Startup,
    Up,
}

impl BbrController {
    pub(super) fn take_back_loss(&mut self, spurious: &SpuriousLoss) {
        self.loss.on_spurious(spurious);
        if !spurious.whole_event {
            return;
        }
        self.bounds.undo();
        self.window = self.window.max(self.prior_window);
        // What was sent after the search has not ended it.
        self.resumes = spurious.packet_number < self.loss.counted_from();
    }

    /// Goes on with the search.
    pub(super) fn resume_search(&mut self, acked: &Acknowledged) {
        if !std::mem::take(&mut self.resumes) || self.state == State::ProbeRtt {
            return;
        }
        match self.undo.take() {
            Some(Undo::Startup) => {
                self.full_pipe.set_unreached();
                self.state = State::Startup;
            }
            Some(Undo::Up) if self.state != State::ProbeBw(Phase::Up) => self.start_refill(acked),
            _ => {}
        }
    }
}
