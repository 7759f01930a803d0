//! [`Generator`]: minting in order, from any thread.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{Clock, Entropy, Guuid, Tick};

/// Mints ids that are strictly increasing, across threads and whatever the clock does.
///
/// One 64-bit atomic holds the tick of the last id. An id takes the clock's tick if that is
/// greater, and else the last one's successor (RFC 9562 section 6.2, method 3 and "Monotonic Error
/// Checking"). Nobody ever waits: a thread tries again only when another has just minted.
///
/// # Running ahead of the clock
///
/// An id never says less than the clock, but it may say more, in two cases:
///
/// - *The clock stepped back* by some time. Ids stay at that distance, plus one tick for each id
///   minted, until the clock is there again.
/// - *More ids are asked for than the clock has ticks.* A tick is 1/65536 ms, so a burst of `n`
///   ids within one reading of a coarse clock ends `n` / 65,536 ms ahead: 1,000 ids are 15 us. A
///   clock with nanoseconds falls behind only at a sustained 65 million ids per second.
///
/// The time in such an id is late by that distance; order and uniqueness do not suffer (RFC 9562
/// section 6.1, "Altering, Fuzzing, or Smearing", allows times that are not exact).
/// [`Generator::ahead`] tells the distance. The state lives in memory: a process that starts while
/// the clock is behind its own past may mint ids below those of its previous run, unless
/// [`Generator::resume_after`] says where that stopped (RFC 9562 section 6.3).
///
/// # The end of time
///
/// Ticks end in the year 10889. A clock that says so, rightly or not, leaves the generator at
/// [`Tick::MAX`], where ids are told apart by their 58 random bits alone and have no order.
///
/// # Fork
///
/// After a bare `fork` parent and child continue from the same tick. Whether their ids differ is up
/// to the entropy: see [`SystemEntropy`] for what it does and what to call.
///
/// [`SystemEntropy`]: crate::SystemEntropy
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use guuid::{Generator, ManualClock, SeededEntropy};
///
/// static IDS: Generator<ManualClock, SeededEntropy> =
///     Generator::new(ManualClock::new(Duration::from_secs(1)), SeededEntropy::new(1));
///
/// let first = IDS.mint();
/// IDS.clock().rewind(Duration::from_millis(10));
/// let second = IDS.mint();
/// assert!(first < second);
/// assert!(IDS.ahead() >= Duration::from_millis(10));
/// ```
pub struct Generator<C, E> {
    last: Alone<AtomicU64>,
    clock: C,
    entropy: E,
}

/// Keeps what all threads write off the cache lines of what they only read. 128 bytes: some
/// processors fetch 64-byte lines in pairs, others have lines that long.
#[repr(align(128))]
struct Alone<T>(T);

impl<C, E> Generator<C, E> {
    /// A generator that has minted nothing yet.
    #[must_use]
    pub const fn new(clock: C, entropy: E) -> Self {
        Self {
            last: Alone(AtomicU64::new(Tick::ZERO.to_bits())),
            clock,
            entropy,
        }
    }

    /// The clock it reads.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The source of its random bits.
    pub const fn entropy(&self) -> &E {
        &self.entropy
    }

    /// The tick of the last id, [`Tick::ZERO`] before the first.
    #[must_use]
    pub fn last(&self) -> Tick {
        Tick::from_bits(self.last.0.load(Ordering::Relaxed))
    }

    /// From now on ids are greater than `id`: for a process that stored the last id of its previous
    /// run. An id below those already minted changes nothing.
    ///
    /// Only for ids that you minted: one that lies in the future takes the generator there.
    pub fn resume_after(&self, id: Guuid) {
        self.last
            .0
            .fetch_max(id.tick().to_bits(), Ordering::Relaxed);
    }

    /// Takes the next tick, which nobody else will get.
    ///
    /// `Relaxed` is enough. All changes of one atomic have one order, each reads the one before it
    /// and raises it; and a change that happens before another (in the sense of the memory model)
    /// comes before it in that order. No other memory is published through it.
    #[inline]
    fn claim(&self, now: Tick) -> Tick {
        let mut last = self.last.0.load(Ordering::Relaxed);
        loop {
            let next = Tick::from_bits(last).advance(now);
            match self.last.0.compare_exchange_weak(
                last,
                next.to_bits(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return next,
                Err(actual) => last = actual,
            }
        }
    }
}

impl<C: Clock, E: Entropy> Generator<C, E> {
    /// Mints an id, greater than all that this generator minted before.
    #[inline]
    pub fn mint(&self) -> Guuid {
        let random = self.entropy.next_u64();
        let now = Tick::from_unix_time(self.clock.unix_time());
        Guuid::from_tick(self.claim(now), random)
    }

    /// How far the last id lies ahead of the clock: zero in normal operation, see
    /// [above](Generator#running-ahead-of-the-clock) for what else it may be.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        self.last()
            .unix_time()
            .saturating_sub(self.clock.unix_time())
    }
}

impl<C: Default, E: Default> Default for Generator<C, E> {
    fn default() -> Self {
        Self::new(C::default(), E::default())
    }
}

impl<C: fmt::Debug, E: fmt::Debug> fmt::Debug for Generator<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator")
            .field("last", &self.last())
            .field("clock", &self.clock)
            .field("entropy", &self.entropy)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, SeededEntropy};

    fn at(since_1970: Duration) -> Generator<ManualClock, SeededEntropy> {
        Generator::new(ManualClock::new(since_1970), SeededEntropy::new(1))
    }

    #[test]
    fn the_first_id_carries_the_time_of_the_clock() {
        let generator = at(Duration::from_micros(1_645_557_742_000_250));
        let id = generator.mint();
        assert_eq!(id.unix_ms(), 1_645_557_742_000);
        assert_eq!(id.tick().to_bits() & 0xffff, 0x4000);
        assert_eq!(generator.ahead(), Duration::ZERO);
    }

    #[test]
    fn a_burst_under_a_standing_clock_runs_ahead_by_one_tick_per_id() {
        let generator = at(Duration::from_secs(1));
        let first = generator.mint();
        let last = (0..65_536).map(|_| generator.mint()).last().unwrap();
        assert_eq!(last.tick().to_bits() - first.tick().to_bits(), 65_536);
        assert_eq!(generator.ahead(), Duration::from_millis(1));
    }

    #[test]
    fn a_resumed_generator_starts_above_the_stored_id() {
        let stored = at(Duration::from_secs(9)).mint();
        let generator = at(Duration::from_secs(2));
        generator.resume_after(stored);
        assert!(generator.mint() > stored);
        generator.resume_after(Guuid::first_at(0));
        assert!(generator.mint() > stored);
    }

    #[test]
    fn at_the_end_of_time_ids_stay_valid_and_distinct() {
        let generator = at(Duration::ZERO);
        generator.resume_after(Guuid::last_at(u64::MAX));
        let (one, other) = (generator.mint(), generator.mint());
        assert_eq!((one.tick(), other.tick()), (Tick::MAX, Tick::MAX));
        assert_ne!(one, other);
    }
}
