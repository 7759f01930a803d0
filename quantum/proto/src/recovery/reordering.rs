//! How late a packet may be before it counts as lost: adapts to the reordering of the path
//! (RFC 9002 section 6.1 for the start, RFC 8985 section 6.2 for the idea).

use std::time::Duration;

use super::rtt::{GRANULARITY, RttEstimator};
use crate::time::Instant;

/// Packets that must be acknowledged above one that is lost (RFC 9002 section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;

/// The packet threshold never rises above this: beyond, time decides.
const PACKET_THRESHOLD_MAX: u64 = 64;

/// The wider window is forgotten after so many loss events that were all real
/// (RFC 8985 section 6.2, step 4).
const CLEAN_EVENTS: u32 = 16;

/// The tolerance of one path.
#[derive(Clone, Debug)]
pub(crate) struct Reordering {
    packet_threshold: u64,
    /// Steps of a quarter of the smallest round trip by which the window is wider.
    steps: u32,
    stepped_at: Option<Instant>,
    seen: bool,
    clean_events: u32,
}

impl Reordering {
    pub(crate) fn new() -> Self {
        Self {
            packet_threshold: PACKET_THRESHOLD,
            steps: 0,
            stepped_at: None,
            seen: false,
            clean_events: 0,
        }
    }

    /// A packet was acknowledged after one that was sent later.
    pub(crate) fn on_reordered(&mut self) {
        self.seen = true;
    }

    /// A packet that was given up arrived, `distance` numbers behind the newest.
    pub(crate) fn on_spurious(&mut self, now: Instant, distance: u64, rtt: &RttEstimator) {
        self.seen = true;
        self.clean_events = 0;
        self.packet_threshold = self
            .packet_threshold
            .max(distance.saturating_add(1).min(PACKET_THRESHOLD_MAX));
        // One step for each round trip, however many packets it delayed.
        let due = self
            .stepped_at
            .is_none_or(|at| now.since(at) >= rtt.smoothed());
        if due && self.window(rtt) < rtt.smoothed() {
            self.steps = self.steps.saturating_add(1);
            self.stepped_at = Some(now);
        }
    }

    /// A loss event ended, and nothing of it arrived after all.
    pub(crate) fn on_clean_event(&mut self) {
        self.clean_events = self.clean_events.saturating_add(1);
        if self.clean_events >= CLEAN_EVENTS {
            *self = Self::new();
        }
    }

    /// Packets that must be acknowledged above one that is lost. `outstanding`: ack-eliciting
    /// packets before the acknowledgement, where few of them may be followed by no more
    /// (RFC 5827 section 3.2, as long as the path keeps the order).
    pub(crate) fn packet_threshold(&self, outstanding: Option<u64>) -> u64 {
        match outstanding {
            Some(few) if few <= PACKET_THRESHOLD && !self.seen => few.saturating_sub(1).max(1),
            _ => self.packet_threshold,
        }
    }

    /// After which time a packet is lost if a later one has arrived (RFC 9002 section 6.1.2:
    /// nine eighths of the round trip, then more by what was learnt).
    pub(crate) fn loss_delay(&self, rtt: &RttEstimator) -> Duration {
        let longest = rtt.smoothed().max(rtt.latest());
        (longest + (longest / 8).max(self.window(rtt))).max(GRANULARITY)
    }

    fn window(&self, rtt: &RttEstimator) -> Duration {
        (rtt.min() / 4)
            .saturating_mul(self.steps)
            .min(rtt.smoothed())
    }
}
