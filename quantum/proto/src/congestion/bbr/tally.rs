//! How many packets were lost, of how many, and how much of that is chance.

/// Packets of one kind, and those of them that were lost. Old ones fade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    packets: f64,
    lost: f64,
    /// Losses without another one right before.
    bursts: f64,
    /// The packet number of the last loss.
    last_lost: u64,
}

impl Tally {
    /// So many packets, of which `lost` single ones were lost.
    pub(super) fn of(packets: f64, lost: f64) -> Self {
        Self {
            packets,
            lost,
            bursts: lost,
            last_lost: 0,
        }
    }

    pub(super) fn on_arrived(&mut self, packets: f64) {
        self.packets += packets;
        self.fade();
    }

    pub(super) fn on_lost(&mut self, number: u64) {
        self.packets += 1.0;
        self.lost += 1.0;
        if self.last_lost == 0 || number.abs_diff(self.last_lost) > 1 {
            self.bursts += 1.0;
        }
        self.last_lost = number;
        self.fade();
    }

    /// A loss that was none.
    pub(super) fn on_spurious(&mut self) {
        self.lost = (self.lost - 1.0).max(0.0);
    }

    pub(super) fn packets(&self) -> f64 {
        self.packets
    }

    pub(super) fn lost(&self) -> f64 {
        self.lost
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            lost: self.lost + other.lost,
            bursts: self.bursts + other.bursts,
            last_lost: 0,
        }
    }

    /// The share that is lost. A few packets prove nothing: they are drowned by packets that
    /// arrived.
    pub(super) fn share(&self) -> f64 {
        self.lost / (self.packets + PRIOR_PACKETS)
    }

    /// Nobody loses more than `all` packets do, of which these are a part: fewer were lost than was
    /// thought, but for a deviation.
    pub(super) fn bound_by(&mut self, all: &Self) {
        let most = all.lost / all.packets.max(1.0);
        let chance = most * (1.0 - most).max(0.0) * (2.0 * all.burst() - 1.0);
        let most = (most + (chance / all.packets.max(1.0)).sqrt()) * self.packets;
        if self.lost > most {
            self.bursts *= most / self.lost;
            self.lost = most;
        }
    }

    /// How many are lost in a row, on average.
    fn burst(&self) -> f64 {
        ((self.lost + 1.0) / (self.bursts + 1.0)).clamp(1.0, BURST_MAX)
    }

    /// Whether `lost` of `packets` are a larger share than this one by more than `margin` and what
    /// `deviations` of the difference explain.
    ///
    /// The test for two proportions, with their common estimate. Losses that come in bursts of `b`
    /// scatter more than independent ones, by `2b - 1` in variance; and two bursts may always
    /// happen, however few the packets.
    pub(super) fn is_exceeded(
        &self,
        lost: f64,
        packets: f64,
        margin: f64,
        deviations: f64,
    ) -> bool {
        let known = self.packets + PRIOR_PACKETS;
        let burst = self.burst();
        let common = (lost + self.lost) / (packets + known);
        let scatter = common * (1.0 - common).max(0.0) * (2.0 * burst - 1.0);
        let deviation = (scatter * (1.0 / packets + 1.0 / known)).sqrt();
        let excess = (lost - BURSTS_BY_CHANCE * burst) / packets - self.share();
        excess > margin + deviations * deviation
    }

    fn fade(&mut self) {
        if self.packets > MEMORY_PACKETS {
            let fade = MEMORY_PACKETS / self.packets;
            self.packets *= fade;
            self.lost *= fade;
            self.bursts *= fade;
        }
    }
}

/// Packets that are remembered: some seconds of a fast flow.
const MEMORY_PACKETS: f64 = 4000.0;

/// Packets that are taken to have arrived before anything was seen.
const PRIOR_PACKETS: f64 = 20.0;

/// Longer bursts are outages.
const BURST_MAX: f64 = 8.0;

/// What may happen in any sample.
const BURSTS_BY_CHANCE: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(packets: u64, lost_every: u64, in_a_row: u64) -> Tally {
        let mut tally = Tally::default();
        for number in 1..=packets {
            if number % lost_every < in_a_row {
                tally.on_lost(number);
            } else {
                tally.on_arrived(1.0);
            }
        }
        tally
    }

    #[test]
    fn the_same_share_is_not_exceeded_whatever_the_number() {
        let known = tally(2000, 50, 1);
        for packets in [1.0, 10.0, 100.0, 1000.0] {
            assert!(!known.is_exceeded(packets * 0.02, packets, 0.0, 3.0));
        }
    }

    #[test]
    fn a_single_loss_proves_nothing() {
        assert!(!tally(2000, 5000, 1).is_exceeded(1.0, 1.0, 0.02, 3.0));
    }

    #[test]
    fn many_more_losses_than_known_exceed_it() {
        let known = tally(1000, 5000, 1);
        assert!(known.is_exceeded(15.0, 150.0, 0.02, 3.0));
        assert!(!tally(1000, 10, 1).is_exceeded(15.0, 150.0, 0.02, 3.0));
    }

    #[test]
    fn nothing_is_exceeded_while_little_is_known() {
        assert!(!Tally::default().is_exceeded(6.0, 40.0, 0.02, 3.0));
        assert!(Tally::default().is_exceeded(150.0, 200.0, 0.02, 3.0));
    }

    #[test]
    fn a_part_loses_no_larger_share_than_all() {
        let mut part = tally(250, 6, 1);
        part.bound_by(&tally(1000, 10, 1));
        assert!(part.lost() / part.packets() < 0.11);
        let mut low = tally(250, 50, 1);
        low.bound_by(&tally(1000, 10, 1));
        assert_eq!(low, tally(250, 50, 1));
    }

    #[test]
    fn losses_in_bursts_scatter_more() {
        let (lone, bursty) = (tally(2000, 50, 1), tally(2000, 250, 5));
        assert!((lone.share() - bursty.share()).abs() < 0.001);
        assert!(lone.is_exceeded(18.0, 150.0, 0.02, 3.0));
        assert!(!bursty.is_exceeded(18.0, 150.0, 0.02, 3.0));
    }
}
