//! Randomness from a seed.
//!
//! Our own few lines rather than a crate's: a seed in a failure report has to mean the same run
//! after every update of a dependency. xoshiro256++ (Blackman, Vigna 2019), seeded by splitmix64.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A stream of random values that a seed determines.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Self {
            state: std::array::from_fn(|_| mix(&mut mixer)),
        }
    }

    /// A stream of its own, so that what one part draws does not shift what another sees.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.bits())
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A value below `bound`; zero if that is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: biased by less than 2^-32 for the bounds used here.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A value within `range`.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let span = range.end().saturating_sub(*range.start());
        range
            .start()
            .saturating_add(self.below(span.saturating_add(1)))
    }

    /// An index into something of `length`; zero if that is zero.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// At least 0, below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A duration of at most `longest`.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.within(0..=nanoseconds(longest)))
    }

    /// A duration between the two.
    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        shortest + self.up_to(longest.saturating_sub(shortest))
    }

    /// A value between the two whose logarithm is uniform: as often 1-10 as 10-100.
    pub fn logarithmic(&mut self, least: u64, most: u64) -> u64 {
        let (low, high) = ((least.max(1) as f64).ln(), (most.max(1) as f64).ln());
        let value = (low + (high - low) * self.unit()).exp() as u64;
        value.clamp(least, most)
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let value = self.bits().to_le_bytes();
            chunk.copy_from_slice(value.get(..chunk.len()).unwrap_or_default());
        }
    }
}

fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_others_do_not() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn values_stay_within_their_bounds() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            assert!((3..=9).contains(&random.within(3..=9)));
            assert!((10..=1000).contains(&random.logarithmic(10, 1000)));
            assert!(random.unit() < 1.0);
        }
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn chances_come_true_as_often_as_they_say() {
        let mut random = Random::new(2);
        let hits = (0..100_000).filter(|_| random.chance(0.3)).count();
        assert!((29_000..31_000).contains(&hits), "{hits}");
    }
}
