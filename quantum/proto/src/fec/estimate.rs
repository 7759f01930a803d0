//! How lossy the path is, and whether losses come in bursts: what repair is worth (Q-FEC-7).

/// Counts of the packets that were settled lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossEstimate {
    packets: u32,
    lost: u32,
    /// Runs of lost packets with nothing delivered between them.
    bursts: u32,
    /// The last packet that was lost.
    last: Option<u64>,
    /// Packets since then.
    since: u32,
}

impl LossEstimate {
    /// A packet arrived.
    pub(crate) fn on_delivered(&mut self) {
        self.on_settled();
        self.since = self.since.saturating_add(1);
        // At the measured rate, so many packets without a burst come by chance once in 22,000 times
        // (e^-10): the path has changed.
        let before = self.packets.saturating_sub(self.since);
        if u64::from(self.since) * u64::from(self.bursts) > 10 * u64::from(before) {
            *self = Self::default();
        }
    }

    /// Packet `number` is lost, and not because a queue was full.
    pub(crate) fn on_lost(&mut self, number: u64) {
        self.on_settled();
        self.lost += 1;
        let continues = self
            .last
            .is_some_and(|last| last.checked_add(1) == Some(number));
        self.bursts += u32::from(!continues);
        self.last = Some(number);
        self.since = 0;
    }

    /// A packet that was lost has arrived after all.
    pub(crate) fn on_spurious(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.bursts = self.bursts.min(self.lost);
    }

    fn on_settled(&mut self) {
        self.packets += 1;
        if self.packets == PACKETS_MAX {
            self.packets /= 2;
            self.lost = self.lost.div_ceil(2);
            self.bursts = self.bursts.div_ceil(2);
        }
    }

    /// Lost packets of a thousand.
    pub(crate) fn per_mille(&self) -> u32 {
        (self.lost * 1000).checked_div(self.packets).unwrap_or(0)
    }

    /// Whether so many packets are lost that any repair is in order.
    pub(crate) fn is_lossy(&self) -> bool {
        self.lost > 0 && self.lost * LOSSLESS > self.packets
    }

    /// Whether packets are lost several in a row.
    pub(crate) fn is_bursty(&self) -> bool {
        self.bursts >= BURSTS_MIN && self.lost * 2 >= self.bursts * 3
    }
}

/// Counts are halved at so many packets: 20 to 40 s at 100 in a second.
const PACKETS_MAX: u32 = 4000;

/// One lost packet in so many, or fewer, is a clean path: repair would cost more than it gains.
const LOSSLESS: u32 = 2000;

/// Bursts that make a mean.
const BURSTS_MIN: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `nth` packet begins a burst of `burst` losses.
    fn estimate(packets: u64, nth: u64, burst: u64) -> LossEstimate {
        let mut estimate = LossEstimate::default();
        for number in 1..=packets {
            if number % nth < burst {
                estimate.on_lost(number);
            } else {
                estimate.on_delivered();
            }
        }
        estimate
    }

    #[test]
    fn a_clean_path_needs_no_repair() {
        assert!(!LossEstimate::default().is_lossy());
        assert!(!estimate(100_000, u64::MAX, 0).is_lossy());
    }

    #[test]
    fn the_share_of_losses_and_their_bursts_are_found() {
        for (nth, burst, per_mille) in [(1000, 1, 1), (100, 1, 10), (20, 1, 50), (100, 3, 30)] {
            let estimate = estimate(50_000, nth, burst);
            assert!(estimate.is_lossy(), "{estimate:?}");
            let measured = estimate.per_mille();
            assert!(
                measured.abs_diff(per_mille) <= 1 + per_mille / 5,
                "{measured}"
            );
            assert_eq!(estimate.is_bursty(), burst > 1, "{estimate:?}");
        }
    }

    #[test]
    fn one_loss_in_ten_thousand_is_a_clean_path() {
        assert!(!estimate(10_000, 10_000, 1).is_lossy());
    }

    #[test]
    fn a_path_that_has_become_clean_is_soon_known_to_be() {
        let mut estimate = estimate(10_000, 100, 1);
        (0..1_100).for_each(|_| estimate.on_delivered());
        assert!(!estimate.is_lossy(), "{estimate:?}");
    }

    #[test]
    fn one_loss_in_two_thousand_is_where_repair_begins() {
        let mut estimate = LossEstimate::default();
        estimate.on_lost(0);
        for packets in 2..=2_100 {
            // Deliveries would soon make it a thing of the past.
            estimate.on_settled();
            assert_eq!(estimate.is_lossy(), packets < 2_000, "{estimate:?}");
        }
        assert_eq!(estimate.per_mille(), 0);
    }

    #[test]
    fn a_burst_is_of_packets_in_a_row_and_three_make_a_pattern() {
        let mut estimate = LossEstimate::default();
        for burst in 1..=3 {
            (0..2).for_each(|at| estimate.on_lost(burst * 100 + at));
            assert_eq!(estimate.is_bursty(), burst == 3, "{estimate:?}");
        }
        for single in 10..13 {
            estimate.on_lost(single * 100);
        }
        assert!(estimate.is_bursty(), "nine packets in six bursts");
        estimate.on_lost(2_000);
        assert!(!estimate.is_bursty(), "{estimate:?}");
    }

    #[test]
    fn the_last_number_of_all_has_none_behind_it() {
        let mut estimate = LossEstimate::default();
        for number in [u64::MAX - 1, u64::MAX, 0] {
            estimate.on_lost(number);
        }
        assert_eq!((estimate.lost, estimate.bursts), (3, 2));
        assert_eq!(estimate.per_mille(), 1_000);
    }

    #[test]
    fn what_is_halved_keeps_its_share() {
        let mut estimate = estimate(u64::from(PACKETS_MAX) - 1, 50, 1);
        let before = estimate;
        estimate.on_delivered();
        assert!(estimate.packets <= before.packets / 2 + 1);
        assert!(estimate.per_mille().abs_diff(before.per_mille()) <= 1);
        assert_eq!(estimate.is_bursty(), before.is_bursty());
    }

    #[test]
    fn reordering_is_no_loss() {
        let mut estimate = LossEstimate::default();
        for number in 0..1_000 {
            estimate.on_lost(number * 10);
            estimate.on_spurious();
        }
        assert!(!estimate.is_lossy(), "{estimate:?}");
    }
}
