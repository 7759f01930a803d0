//! [`Clock`]: time, which comes from outside.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
use alloc::sync::Arc;
#[cfg(target_has_atomic = "64")]
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// Tells the time of day: unix time, which may stand still, jump and step back.
///
/// Not for measuring how long something takes.
pub trait Clock: Send + Sync {
    /// Time since 1970-01-01T00:00:00Z, leap seconds left out, as fine as the clock knows it. Zero
    /// for a time before.
    fn unix_time(&self) -> Duration;

    /// Whole milliseconds since 1970, for records and their expiry.
    #[inline]
    fn unix_ms(&self) -> u64 {
        let now = self.unix_time();
        now.as_secs()
            .saturating_mul(1_000)
            .saturating_add(u64::from(now.subsec_millis()))
    }
}

/// Forwards every method, so that a clock's own `unix_ms` is not lost behind a pointer.
macro_rules! forward_clock {
    ($pointer:ty) => {
        impl<T: Clock + ?Sized> Clock for $pointer {
            #[inline]
            fn unix_time(&self) -> Duration {
                (**self).unix_time()
            }

            #[inline]
            fn unix_ms(&self) -> u64 {
                (**self).unix_ms()
            }
        }
    };
}

forward_clock!(&T);
#[cfg(feature = "alloc")]
forward_clock!(Box<T>);
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
forward_clock!(Arc<T>);

/// A clock that moves only when told to, for tests and simulations. Any thread may move it.
///
/// Counts nanoseconds since 1970 in 64 bits and stops at the last one, in the year 2554.
///
/// ```
/// use core::time::Duration;
/// use guuid::{Clock, ManualClock};
///
/// let clock = ManualClock::new(Duration::from_secs(60));
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(clock.unix_ms(), 60_250);
/// clock.set(Duration::from_secs(30)); // Clocks do step back.
/// assert_eq!(clock.unix_ms(), 30_000);
/// ```
#[cfg(target_has_atomic = "64")]
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

#[cfg(target_has_atomic = "64")]
impl ManualClock {
    /// A clock that says `since_1970` until it is moved.
    #[must_use]
    pub const fn new(since_1970: Duration) -> Self {
        Self {
            nanos: AtomicU64::new(saturating_nanos(since_1970)),
        }
    }

    /// Sets the time since 1970, ahead or back.
    pub fn set(&self, since_1970: Duration) {
        self.nanos
            .store(saturating_nanos(since_1970), Ordering::SeqCst);
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        self.adjust(|nanos| nanos.saturating_add(saturating_nanos(by)));
    }

    /// Moves the clock back, not before 1970.
    pub fn rewind(&self, by: Duration) {
        self.adjust(|nanos| nanos.saturating_sub(saturating_nanos(by)));
    }

    fn adjust(&self, change: impl Fn(u64) -> u64) {
        let mut seen = self.nanos.load(Ordering::SeqCst);
        while let Err(actual) =
            self.nanos
                .compare_exchange_weak(seen, change(seen), Ordering::SeqCst, Ordering::SeqCst)
        {
            seen = actual;
        }
    }
}

#[cfg(target_has_atomic = "64")]
impl Clock for ManualClock {
    fn unix_time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

#[cfg(target_has_atomic = "64")]
const fn saturating_nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stops_at_both_ends() {
        let clock = ManualClock::new(Duration::from_secs(1));
        clock.rewind(Duration::from_secs(2));
        assert_eq!(clock.unix_time(), Duration::ZERO);
        clock.advance(Duration::MAX);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.unix_time(), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn milliseconds_are_those_of_the_time() {
        struct Fixed(Duration);
        impl Clock for Fixed {
            fn unix_time(&self) -> Duration {
                self.0
            }
        }
        assert_eq!(Fixed(Duration::new(2, 999_999)).unix_ms(), 2_000);
        assert_eq!(Fixed(Duration::new(2, 1_000_000)).unix_ms(), 2_001);
        assert_eq!(Fixed(Duration::MAX).unix_ms(), u64::MAX);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_clock_behind_a_pointer_is_the_same_clock() {
        struct OwnMilliseconds;
        impl Clock for OwnMilliseconds {
            fn unix_time(&self) -> Duration {
                Duration::ZERO
            }
            fn unix_ms(&self) -> u64 {
                42
            }
        }
        let shared: Arc<dyn Clock> = Arc::new(OwnMilliseconds);
        assert_eq!(Clock::unix_ms(&shared), 42);
        assert_eq!(Clock::unix_ms(&&OwnMilliseconds), 42);
        assert_eq!(Clock::unix_ms(&Box::new(OwnMilliseconds)), 42);
    }
}
