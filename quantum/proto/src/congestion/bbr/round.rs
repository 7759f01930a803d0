//! Rounds: from a packet's departure to its acknowledgement
//! (section "BBR.round_count: Tracking Packet-Timed Round Trips").

use super::super::{Acknowledged, Sent};

/// Counts packet-timed round trips.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// Bytes delivered when the packet left that ends the round.
    next_delivered: u64,
    count: u64,
    started: bool,
    /// The sender had nothing to send.
    app_limited: bool,
}

impl Round {
    pub(super) fn on_sent(&mut self, sent: &Sent) {
        self.app_limited = sent.app_limited;
    }

    pub(super) fn update(&mut self, acked: &Acknowledged) {
        let prior = acked.rate.as_ref().map(|rate| rate.prior_delivered);
        self.started = prior.is_some_and(|prior| prior >= self.next_delivered);
        if self.started {
            self.next_delivered = acked.delivered;
            self.count += 1;
        }
    }

    /// The acknowledgement at hand begins a round.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The round ends with what is sent from now on.
    pub(super) fn restart(&mut self, acked: &Acknowledged) {
        self.next_delivered = acked.delivered;
        self.started = false;
    }
}
