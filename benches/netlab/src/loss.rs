//! Which packets the link loses: drawn for each packet, or for each moment.

use std::time::Duration;

use rand::RngExt;

use crate::link::nanoseconds;

/// How packets are lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// Never.
    #[default]
    None,
    /// Each packet with this probability, independent of the others.
    Random(f64),
    /// Gilbert-Elliott with two states, by packet: good loses nothing, bad loses everything. More
    /// packets make a burst shorter in time.
    Burst {
        /// Share of all packets that is lost, 0 to below 1.
        share: f64,
        /// Mean number of packets that are lost one after the other, at least 1.
        mean_length: f64,
    },
    /// The same two states, by time: both last exponentially distributed times, whatever is sent.
    /// The same seed makes the same bursts for every transport.
    TimedBurst {
        /// Share of the time in which everything is lost, 0 to below 1.
        share: f64,
        /// Mean time in which everything is lost; at least a microsecond.
        mean_length: Duration,
    },
    /// Everything that is sent in one span of time.
    Outage {
        /// When it begins, from the beginning of the link.
        from: Duration,
        /// How long it lasts.
        length: Duration,
    },
}

/// The shortest mean of a [`Loss::TimedBurst`], so that silence costs a bounded number of draws.
const MEAN_LENGTH_MIN: Duration = Duration::from_micros(1);

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
    /// Until when the state lasts, if it is one of time.
    until: u64,
}

impl LossProcess {
    pub(crate) fn new(loss: Loss) -> Self {
        let bad = false;
        let until = 0;
        Self { loss, bad, until }
    }

    /// Whether the packet that is sent at `now` is lost. Time, in nanoseconds since the beginning of
    /// the link, does not go back.
    pub(crate) fn draw(&mut self, now: u64, random: &mut impl RngExt) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => random.random_bool(share),
            Loss::Burst { share, mean_length } => {
                let turns = random.random_bool(self.turn_probability(share, mean_length));
                self.bad ^= turns;
                self.bad
            }
            Loss::TimedBurst { share, mean_length } => {
                self.advance(now, share, mean_length, random);
                self.bad
            }
            Loss::Outage { from, length } => {
                let from = nanoseconds(from);
                (from..from.saturating_add(nanoseconds(length))).contains(&now)
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

    /// Goes through the states up to the one at `now`.
    fn advance(&mut self, now: u64, share: f64, mean_length: Duration, random: &mut impl RngExt) {
        let bad_mean = nanoseconds(mean_length.max(MEAN_LENGTH_MIN)) as f64;
        let good_mean = bad_mean * (1.0 - share) / share;
        let mut bad = self.bad;
        while self.until <= now {
            // Nothing was drawn yet at time 0, and the first state is good.
            bad = self.until > 0 && !bad;
            let mean = if bad { bad_mean } else { good_mean };
            let length = -mean * (1.0 - random.random::<f64>()).ln();
            self.until = self.until.saturating_add(length as u64).saturating_add(1);
        }
        self.bad = bad;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    /// One packet each millisecond. Share of lost packets and mean length of what was lost in a row.
    fn measure(loss: Loss) -> (f64, f64) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut process = LossProcess::new(loss);
        let packets = (0..400_000).map(|number| number * MILLISECOND);
        let drawn: Vec<bool> = packets.map(|at| process.draw(at, &mut random)).collect();
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

    #[test]
    fn timed_bursts_have_their_share_and_length() {
        let mean_length = Duration::from_millis(30);
        let (share, length) = measure(Loss::TimedBurst {
            share: 0.03,
            mean_length,
        });
        assert!((share - 0.03).abs() < 0.004, "{share}");
        // Sampled once each millisecond, bursts between two samples are not seen.
        assert!((length - 30.0).abs() < 4.0, "{length}");
    }

    /// When a link is bad, as packets see it that are sent every `spacing` for a minute.
    fn bad_milliseconds(spacing: u64) -> Vec<u64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
        let mut process = LossProcess::new(Loss::TimedBurst {
            share: 0.1,
            mean_length: Duration::from_millis(20),
        });
        let packets = (0..60_000 / spacing).map(|number| number * spacing);
        let lost = packets.filter(|at| process.draw(at * MILLISECOND, &mut random));
        lost.collect()
    }

    #[test]
    fn more_packets_do_not_shorten_a_timed_burst() {
        let (dense, sparse) = (bad_milliseconds(1), bad_milliseconds(10));
        let seen: Vec<u64> = dense.into_iter().filter(|at| at % 10 == 0).collect();
        assert!(!sparse.is_empty());
        assert_eq!(seen, sparse);
    }

    #[test]
    fn an_outage_loses_what_is_sent_in_it() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut process = LossProcess::new(Loss::Outage {
            from: Duration::from_millis(10),
            length: Duration::from_millis(5),
        });
        let lost = (0..30).filter(|at| process.draw(at * MILLISECOND, &mut random));
        assert_eq!(lost.collect::<Vec<_>>(), [10, 11, 12, 13, 14]);
    }
}
