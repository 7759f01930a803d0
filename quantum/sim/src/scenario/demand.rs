//! Applications that write at a rate of their own.

use std::time::Duration;

use quantum_proto::time::Instant;

use crate::path::schedule::Schedule;
use crate::units::BitRate;

/// How often such an application writes.
const WRITES_EVERY: Duration = Duration::from_millis(1);
/// So many bytes it writes before they can leave: some bursts of a fast flow, so that only the rate
/// limits it.
const AHEAD: u64 = 64 << 10;

/// What an application has to write.
pub(super) struct Demand {
    rate: Schedule<BitRate>,
    due: u64,
    updated: Instant,
}

impl Demand {
    pub(super) fn new(rate: Schedule<BitRate>, starts_at: Instant) -> Self {
        Self {
            rate,
            due: 0,
            updated: starts_at,
        }
    }

    /// Bytes to write now, with so many already waiting to be sent. What cannot be written in time
    /// is given up, but for a burst.
    pub(super) fn due(&mut self, now: Instant, unsent: u64) -> u64 {
        while let Some(change) = self.rate.next_change(self.updated) {
            if change > now {
                break;
            }
            self.advance(change);
        }
        if now.since(self.updated) >= WRITES_EVERY {
            self.advance(now);
        }
        self.due.min(AHEAD.saturating_sub(unsent))
    }

    /// The rate does not change between the last time and `to`.
    fn advance(&mut self, to: Instant) {
        let more = self.rate.at(self.updated).bytes_in(to.since(self.updated));
        self.due = self.due.saturating_add(more).min(AHEAD);
        self.updated = to;
    }

    /// So many bytes were written.
    pub(super) fn take(&mut self, bytes: u64) {
        self.due = self.due.saturating_sub(bytes);
    }

    /// When there is more to write.
    pub(super) fn next_at(&self) -> Option<Instant> {
        match self.rate.at(self.updated) {
            BitRate(0) => self.rate.next_change(self.updated),
            _ => Some(self.updated + WRITES_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{mbit, ms, seconds};

    fn at(time: Duration) -> Instant {
        Instant::ORIGIN + time
    }

    #[test]
    fn what_is_due_follows_the_rate() {
        let rate = Schedule::constant(mbit(8)).then(at(ms(10)), mbit(16));
        let mut demand = Demand::new(rate, at(ms(0)));
        assert_eq!(demand.due(at(ms(4)), 0), 4000);
        demand.take(4000);
        assert_eq!(demand.due(at(ms(12)), 0), 6000 + 4000);
        assert_eq!(demand.next_at(), Some(at(ms(13))));
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let rate = Schedule::constant(BitRate(0)).then(at(seconds(5)), mbit(8));
        let mut demand = Demand::new(rate, at(ms(0)));
        assert_eq!(demand.due(at(seconds(1)), 0), 0);
        assert_eq!(demand.next_at(), Some(at(seconds(5))));
        assert_eq!(demand.due(at(seconds(5)), 0), 0);
        assert_eq!(demand.due(at(seconds(5) + ms(1)), 0), 1000);
    }

    #[test]
    fn no_more_than_a_burst_waits_to_be_sent() {
        let mut demand = Demand::new(Schedule::constant(BitRate::UNLIMITED), at(ms(0)));
        assert_eq!(demand.due(at(ms(1)), 0), AHEAD);
        assert_eq!(demand.due(at(ms(1)), AHEAD - 100), 100);
        assert_eq!(demand.due(at(ms(1)), 2 * AHEAD), 0);
    }
}
