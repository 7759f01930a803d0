//! How soon data go: the one order of streams and messages (Q-URG).

use std::fmt;

/// How soon data go: 0 first, 7 last. What waits with a smaller number goes before all with a
/// larger one, be it a stream or a message; what has the same number takes turns.
///
/// Numbers and default are those of RFC 9218. A guide: 0 and 1 for what a person waits for, 3 for
/// most, 4 for media, 7 for bulk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Urgency(u8);

impl Urgency {
    /// 0: before everything else.
    pub const HIGHEST: Self = Self(0);
    /// 3: unless another is asked for (RFC 9218 section 4.1).
    pub const DEFAULT: Self = Self(3);
    /// 7: when nothing else waits, and a twentieth of the rate while something does.
    pub const LOWEST: Self = Self(7);

    /// The urgency of this number; more than 7 is 7.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        if number < Self::LOWEST.0 {
            Self(number)
        } else {
            Self::LOWEST
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// What it leaves of `whole` to others: as many 64ths as its number (Q-URG-4).
    pub(crate) const fn reserve(self, whole: u64) -> u64 {
        whole / 64 * self.0 as u64
    }
}

impl Default for Urgency {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urgency {}", self.0)
    }
}

/// What may send, from the most urgent to the least: streams come behind messages of the same
/// urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sender {
    Messages,
    Streams,
}

/// Keeps the last in the order from starving (Q-URG-3).
///
/// Counts what the others send while the last one waits, against what it sends itself.
#[derive(Debug, Default)]
pub(crate) struct StarvationGuard {
    /// Bytes of the others, less so many times its own as it is to wait for.
    owed: u64,
}

impl StarvationGuard {
    /// Whether the last begins the next packet, of `bytes`.
    pub(crate) fn is_due(&self, bytes: u64) -> bool {
        self.owed >= OTHERS * bytes
    }

    /// A packet of up to `bytes` has been filled, `last` of it by the last in the order and `others`
    /// by others while it waited.
    pub(crate) fn on_filled(&mut self, bytes: u64, last: u64, others: u64) {
        let owed = self.owed + others;
        self.owed = owed.saturating_sub(OTHERS * last).min(2 * OTHERS * bytes);
    }

    /// Nobody waits for anybody.
    pub(crate) fn on_uncontended(&mut self) {
        self.owed = 0;
    }
}

/// Datagrams of others between two of the last: it gets a twentieth, 5 % of what leaves.
const OTHERS: u64 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_the_lowest_are_the_lowest() {
        assert_eq!(Urgency::new(6).number(), 6);
        assert_eq!(Urgency::new(7), Urgency::LOWEST);
        assert_eq!(Urgency::new(200), Urgency::LOWEST);
        assert!(Urgency::HIGHEST < Urgency::DEFAULT);
    }

    #[test]
    fn the_less_urgent_leave_more_to_others() {
        assert_eq!(Urgency::HIGHEST.reserve(6400), 0);
        assert_eq!(Urgency::DEFAULT.reserve(6400), 300);
        assert_eq!(Urgency::LOWEST.reserve(6400), 700);
        assert_eq!(Urgency::LOWEST.reserve(u64::MAX), u64::MAX / 64 * 7);
    }

    /// What the last gets of a thousand packets that others could fill.
    fn share(packet: u64, wanted: u64) -> (u64, usize) {
        let mut guard = StarvationGuard::default();
        let (mut last, mut in_a_row, mut longest) = (0, 0, 0);
        for _ in 0..1000 {
            let own = if guard.is_due(packet) { wanted } else { 0 };
            guard.on_filled(packet, own, packet - own);
            last += own;
            in_a_row = if own > 0 { in_a_row + 1 } else { 0 };
            longest = longest.max(in_a_row);
        }
        (last, longest)
    }

    #[test]
    fn the_last_gets_a_twentieth_and_never_two_packets_in_a_row() {
        assert_eq!(share(1200, 1200), (50 * 1200, 1));
    }

    #[test]
    fn little_that_waits_is_no_claim_for_later() {
        let (bytes, _) = share(1200, 100);
        assert!(bytes <= 1000 * 1200 / 20, "{bytes}");
        let mut guard = StarvationGuard::default();
        (0..1000).for_each(|_| guard.on_filled(1200, 0, 1200));
        guard.on_filled(1200, 1200, 0);
        guard.on_filled(1200, 1200, 0);
        assert!(!guard.is_due(1200));
    }
}
