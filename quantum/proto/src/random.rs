//! Randomness that others must not be able to guess, for what is drawn rarely.

use std::convert::Infallible;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};

/// A generator that is small at rest, as there is one for each connection: a seed. Each draw makes
/// a generator of it and leaves another seed behind, so that the state tells nothing of what was
/// drawn before.
pub(crate) struct RareRng([u8; 32]);

impl RareRng {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    fn draw<T>(&mut self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        let mut generator = StdRng::from_seed(self.0);
        generator.fill_bytes(&mut self.0);
        draw(&mut generator)
    }
}

impl TryRng for RareRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(StdRng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(StdRng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|generator| generator.fill_bytes(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::RngExt;

    use super::*;

    #[test]
    fn draws_differ_and_depend_on_the_seed_alone() {
        let draws = |seed| {
            let mut rng = RareRng::new([seed; 32]);
            let words = (0..500).map(|_| rng.random::<u64>());
            words.collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        let all: BTreeSet<u64> = draws(1).into_iter().chain(draws(2)).collect();
        assert_eq!(all.len(), 1_000);
    }

    #[test]
    fn what_was_drawn_is_not_the_next_seed() {
        let mut rng = RareRng::new([7; 32]);
        let drawn: [u8; 32] = rng.random();
        assert_ne!(drawn, rng.0);
        assert_ne!(rng.0, [7; 32]);
    }
}
