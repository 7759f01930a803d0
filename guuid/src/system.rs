//! The system's clock and entropy: the one file that reads them.

use core::cell::Cell;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::{Rng, SeedableRng, TryRng, rngs::StdRng, rngs::SysRng};

use crate::{Clock, Entropy, Generator, Guuid};

impl Guuid {
    /// A new id, from the clock and the entropy of the system and the generator that the whole
    /// process shares: greater than all that `now` returned before, on any thread.
    ///
    /// # Panics
    ///
    /// If the operating system has no random bits: see [`SystemEntropy`].
    #[inline]
    #[must_use]
    pub fn now() -> Self {
        PROCESS_WIDE.mint()
    }

    /// When the id was minted, to the millisecond.
    #[must_use]
    pub fn system_time(self) -> SystemTime {
        // 48 bits of milliseconds fit into the SystemTime of every platform.
        UNIX_EPOCH + Duration::from_millis(self.unix_ms())
    }
}

impl Generator<SystemClock, SystemEntropy> {
    /// The generator behind [`Guuid::now`].
    #[must_use]
    pub fn process_wide() -> &'static Self {
        &PROCESS_WIDE
    }
}

static PROCESS_WIDE: Generator<SystemClock, SystemEntropy> =
    Generator::new(SystemClock, SystemEntropy);

/// The clock of the system, [`SystemTime`]. Before 1970 it reads zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn unix_time(&self) -> Duration {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the clock"
        )]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// Random bits of the operating system.
///
/// [`fill`](Entropy::fill) asks it each time, so that what serves as a secret was never kept in
/// the memory of the process. [`next_u64`](Entropy::next_u64), for ids, takes from a block of
/// 2 KiB that each thread keeps: the operating system gives a fresh key for each block, ChaCha12
/// expands it, the key is dropped, and a word is erased when it is handed out.
///
/// # Fork and snapshots
///
/// A process that forks, and a machine that is restored from a snapshot twice, exist twice, with
/// the same block in each. Until the block is used up (at most 256 words), both draw the same
/// words in the same order; ids are then equal if also their ticks are. After a bare `fork`, call
/// [`SystemEntropy::discard_block`] in the child. `std::process::Command` is no such case.
///
/// # Panics
///
/// If the operating system has no random bits to give. On current systems that means a sandbox
/// that forbids the call; to go on with bits that can be guessed would be worse.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl SystemEntropy {
    /// Forgets the block of the current thread: the next word comes from a fresh one.
    pub fn discard_block(&self) {
        BLOCK.with(|block| {
            block.words.iter().for_each(|word| word.set(0));
            block.next.set(BLOCK_WORDS);
        });
    }
}

impl Entropy for SystemEntropy {
    #[inline]
    fn fill(&self, destination: &mut [u8]) {
        fill_from_operating_system(destination);
    }

    #[inline]
    fn next_u64(&self) -> u64 {
        BLOCK.with(Block::take)
    }
}

/// Random words that one thread has in store. Nothing in it needs dropping, so a thread that is
/// coming to its end can still mint.
struct Block {
    words: [Cell<u64>; BLOCK_WORDS],
    next: Cell<usize>,
}

impl Block {
    #[inline]
    fn take(&self) -> u64 {
        let next = self.next.get();
        match self.words.get(next) {
            Some(word) => {
                self.next.set(next + 1);
                word.take()
            }
            None => self.refill(),
        }
    }

    /// Takes the first word of a fresh block.
    #[cold]
    #[inline(never)]
    fn refill(&self) -> u64 {
        let mut key = [0; 32];
        fill_from_operating_system(&mut key);
        let mut stream = StdRng::from_seed(key);
        self.words
            .iter()
            .for_each(|word| word.set(stream.next_u64()));
        self.next.set(1);
        self.words[0].take()
    }
}

fn fill_from_operating_system(destination: &mut [u8]) {
    #[expect(
        clippy::panic,
        reason = "entropy is infallible by contract; a weak id is no way out"
    )]
    if let Err(error) = SysRng.try_fill_bytes(destination) {
        panic!("the operating system gives no random bits: {error}");
    }
}

std::thread_local! {
    static BLOCK: Block = const {
        Block { words: [const { Cell::new(0) }; BLOCK_WORDS], next: Cell::new(BLOCK_WORDS) }
    };
}

/// 2 KiB: large enough that the system call for its key (270 ns where this was measured) costs
/// each id about 1 ns, small enough for one per thread.
const BLOCK_WORDS: usize = 256;

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, vec::Vec};

    use super::*;

    #[test]
    fn words_do_not_repeat_over_blocks_and_threads() {
        let words = || {
            (0..3 * BLOCK_WORDS)
                .map(|_| SystemEntropy.next_u64())
                .collect::<Vec<_>>()
        };
        let mut all = words();
        all.extend(std::thread::spawn(words).join().unwrap());
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_word_is_erased_when_it_is_taken() {
        SystemEntropy.next_u64();
        BLOCK.with(|block| {
            let next = block.next.get();
            assert!(block.words[..next].iter().all(|word| word.get() == 0));
            assert!(block.words[next..].iter().any(|word| word.get() != 0));
        });
    }

    #[test]
    fn a_discarded_block_is_not_used_again() {
        SystemEntropy.next_u64();
        let kept = BLOCK.with(|block| block.words[block.next.get()].get());
        SystemEntropy.discard_block();
        assert!(BLOCK.with(|block| block.words.iter().all(|word| word.get() == 0)));
        assert_ne!(SystemEntropy.next_u64(), kept);
    }

    #[test]
    fn filled_bytes_differ_each_time() {
        let (mut one, mut other) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut one);
        SystemEntropy.fill(&mut other);
        assert_ne!(one, other);
    }

    #[test]
    fn an_id_converts_to_the_time_of_its_millisecond() {
        let id = Guuid::first_at(1_645_557_742_000);
        assert_eq!(
            id.system_time(),
            UNIX_EPOCH + Duration::from_secs(1_645_557_742)
        );
        assert!(Guuid::last_at(u64::MAX).system_time() > id.system_time());
    }

    #[test]
    fn a_thread_at_its_end_can_still_mint() {
        struct MintsWhenDropped;
        impl Drop for MintsWhenDropped {
            fn drop(&mut self) {
                assert!(Guuid::now() < Guuid::now());
            }
        }
        std::thread_local! { static LAST: MintsWhenDropped = const { MintsWhenDropped }; }
        let thread = std::thread::spawn(|| LAST.with(|_| Guuid::now()));
        assert!(thread.join().unwrap() < Guuid::now());
    }
}
