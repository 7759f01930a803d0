//! Packet numbers left out on purpose: whoever acknowledges one of them acknowledges packets it
//! never received (RFC 9000 section 21.4).

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rand::Rng;

/// The shortest gap between two skipped numbers, in packets.
const GAP_MIN: u64 = 16;

/// Skipped numbers that are remembered: at least a dozen windows.
const SKIPPED_MAX: usize = 32;

/// Which packet numbers are left out.
#[derive(Debug, Default)]
pub(crate) struct Skips {
    /// The next number to leave out; 0: not drawn yet.
    next: u64,
    skipped: VecDeque<u64>,
}

impl Skips {
    /// The number to use instead of `number`: itself, or the one after it. The gap to the next
    /// skip is drawn from half to twice the window, so that it fits the flow as it is now.
    pub(crate) fn apply(
        &mut self,
        number: u64,
        window_packets: impl Fn() -> u64,
        random: &mut (impl Rng + ?Sized),
    ) -> u64 {
        if self.next == 0 {
            self.next = number.saturating_add(gap(window_packets(), random));
        }
        if number < self.next {
            return number;
        }
        if self.skipped.len() == SKIPPED_MAX {
            self.skipped.pop_front();
        }
        self.skipped.push_back(number);
        self.next = (number + 1).saturating_add(gap(window_packets(), random));
        number + 1
    }

    /// Whether `range` claims a number that was never sent.
    pub(crate) fn any_in(&self, range: &RangeInclusive<u64>) -> bool {
        let at = self
            .skipped
            .partition_point(|number| number < range.start());
        self.skipped
            .get(at)
            .is_some_and(|number| number <= range.end())
    }
}

fn gap(window_packets: u64, random: &mut (impl Rng + ?Sized)) -> u64 {
    let low = window_packets / 2;
    let span = (window_packets.saturating_mul(2) - low).saturating_add(1);
    GAP_MIN
        .saturating_add(low)
        .saturating_add(random.next_u64() % span)
}
