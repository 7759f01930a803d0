//! Which packets the link loses: drawn by packet, not by time.

use rand::RngExt;

/// How packets are lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// Never.
    #[default]
    None,
    /// Each packet with this probability, independent of the others.
    Random(f64),
    /// Gilbert-Elliott with two states: good loses nothing, bad loses everything.
    Burst {
        /// Share of all packets that is lost, 0 to below 1.
        share: f64,
        /// Mean number of packets that are lost one after the other, at least 1.
        mean_length: f64,
    },
}

impl Loss {
    /// Losses of `percent`, in bursts when their mean length is above 1.
    pub fn percent(percent: f64, mean_length: f64) -> Self {
        let share = (percent / 100.0).clamp(0.0, 0.999);
        if share == 0.0 {
            Self::None
        } else if mean_length > 1.0 {
            Self::Burst { share, mean_length }
        } else {
            Self::Random(share)
        }
    }
}

/// Draws the losses of one direction.
#[derive(Debug)]
pub(crate) struct LossProcess {
    loss: Loss,
    bad: bool,
}

impl LossProcess {
    pub(crate) fn new(loss: Loss) -> Self {
        Self { loss, bad: false }
    }

    /// Whether the next packet is lost.
    pub(crate) fn draw(&mut self, random: &mut impl RngExt) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => random.random_bool(share),
            Loss::Burst { share, mean_length } => {
                let turns = random.random_bool(self.turn_probability(share, mean_length));
                self.bad ^= turns;
                self.bad
            }
        }
    }

    /// The stationary share of the bad state is `enter / (enter + leave)`.
    fn turn_probability(&self, share: f64, mean_length: f64) -> f64 {
        let leave = 1.0 / mean_length.max(1.0);
        let turn = if self.bad {
            leave
        } else {
            leave * share / (1.0 - share)
        };
        turn.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    /// Share of lost packets and mean length of what was lost in a row.
    fn measure(loss: Loss) -> (f64, f64) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut process = LossProcess::new(loss);
        let drawn: Vec<bool> = (0..400_000).map(|_| process.draw(&mut random)).collect();
        let lost = drawn.iter().filter(|lost| **lost).count();
        let bursts = drawn.split(|lost| !lost).filter(|burst| !burst.is_empty());
        let share = lost as f64 / drawn.len() as f64;
        (share, lost as f64 / bursts.count().max(1) as f64)
    }

    #[test]
    fn random_loss_has_its_share_and_no_bursts() {
        let (share, length) = measure(Loss::percent(5.0, 1.0));
        assert!((share - 0.05).abs() < 0.002, "{share}");
        assert!((length - 1.0 / 0.95).abs() < 0.02, "{length}");
    }

    #[test]
    fn bursts_have_their_share_and_length() {
        let (share, length) = measure(Loss::percent(3.0, 3.0));
        assert!((share - 0.03).abs() < 0.002, "{share}");
        assert!((length - 3.0).abs() < 0.15, "{length}");
    }

    #[test]
    fn no_loss_loses_nothing() {
        assert_eq!(measure(Loss::percent(0.0, 3.0)).0, 0.0);
    }
}
