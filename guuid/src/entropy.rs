//! [`Entropy`]: random bits, which come from outside.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
use alloc::sync::Arc;
#[cfg(target_has_atomic = "64")]
use core::sync::atomic::{AtomicU64, Ordering};

/// A source of random bits. It never fails: a source that cannot go on must stop the program, not
/// hand out bits that somebody can guess.
///
/// In production a source must be cryptographic (RFC 9562 section 6.9).
pub trait Entropy: Send + Sync {
    /// Fills the whole slice with bits that may serve as a secret: tokens, keys, nonces.
    fn fill(&self, destination: &mut [u8]);

    /// 64 bits for ids, jitter and the like, which need to be unpredictable but are no secrets.
    ///
    /// A source may have a faster way to these than [`Entropy::fill`].
    #[inline]
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Forwards every method, so that a source's own `next_u64` is not lost behind a pointer.
macro_rules! forward_entropy {
    ($pointer:ty) => {
        impl<T: Entropy + ?Sized> Entropy for $pointer {
            #[inline]
            fn fill(&self, destination: &mut [u8]) {
                (**self).fill(destination);
            }

            #[inline]
            fn next_u64(&self) -> u64 {
                (**self).next_u64()
            }
        }
    };
}

forward_entropy!(&T);
#[cfg(feature = "alloc")]
forward_entropy!(Box<T>);
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
forward_entropy!(Arc<T>);

/// The same bits for the same seed, for tests and simulations. **Not for production**: who sees
/// one value knows all that follow.
///
/// The generator is SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014). Threads may share it; then the sequence is the same, but which thread gets
/// which part of it is not.
///
/// ```
/// use guuid::{Entropy, SeededEntropy};
///
/// let (left, right) = (SeededEntropy::new(42), SeededEntropy::new(42));
/// assert_eq!(left.next_u64(), right.next_u64());
/// ```
#[cfg(target_has_atomic = "64")]
#[derive(Debug)]
pub struct SeededEntropy {
    state: AtomicU64,
}

#[cfg(target_has_atomic = "64")]
impl SeededEntropy {
    /// A source that depends on nothing but `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }
}

#[cfg(target_has_atomic = "64")]
impl Entropy for SeededEntropy {
    fn fill(&self, destination: &mut [u8]) {
        for chunk in destination.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    fn next_u64(&self) -> u64 {
        let state = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed);
        let mut mixed = state.wrapping_add(GOLDEN_GAMMA);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// SplitMix64's step: 2^64 divided by the golden ratio, made odd.
#[cfg(target_has_atomic = "64")]
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_entropy_is_splitmix64() {
        // The first outputs of the authors' C program for this seed.
        let entropy = SeededEntropy::new(1_234_567);
        let outputs = [entropy.next_u64(), entropy.next_u64(), entropy.next_u64()];
        assert_eq!(
            outputs,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn filled_bytes_are_the_words_in_order() {
        let (bytes, words) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let mut filled = [0; 11];
        bytes.fill(&mut filled);
        assert_eq!(filled[..8], words.next_u64().to_le_bytes());
        assert_eq!(filled[8..], words.next_u64().to_le_bytes()[..3]);
    }

    #[test]
    fn a_source_that_only_fills_gives_words_too() {
        struct Ones;
        impl Entropy for Ones {
            fn fill(&self, destination: &mut [u8]) {
                destination.fill(1);
            }
        }
        assert_eq!(Ones.next_u64(), 0x0101_0101_0101_0101);
    }
}
