//! The clock by which locks are granted and expire.
//!
//! It is the system's, but it never goes back and never stands still: when the system's is set back,
//! it goes on from where it was, as fast as the time that passes. A lease that was over stays over,
//! and one that was granted before the clock was set back ends when it should.

use std::sync::Arc;
use std::time::Instant;

use guuid::Clock;
use parking_lot::Mutex;
use statesync_core::Timestamp;

/// What is asked for the time; see the module.
pub(crate) struct LeaseClock {
    clock: Arc<dyn Clock + Send + Sync>,
    mark: Mutex<Mark>,
}

/// A time, and when it was.
struct Mark {
    time_ms: u64,
    at: Instant,
}

impl LeaseClock {
    /// One that follows `clock`.
    pub(crate) fn following(clock: Arc<dyn Clock + Send + Sync>) -> Self {
        let mark = Mark {
            time_ms: clock.unix_ms(),
            at: Instant::now(),
        };
        Self {
            clock,
            mark: Mutex::new(mark),
        }
    }

    /// The present time, which is not before `seen`, nor before what it ever answered.
    pub(crate) fn now(&self, seen: Timestamp) -> Timestamp {
        let mut mark = self.mark.lock();
        let passed = u64::try_from(mark.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let going_on = mark.time_ms.saturating_add(passed);
        let ahead = self.clock.unix_ms().max(seen.0);
        if ahead > going_on {
            *mark = Mark {
                time_ms: ahead,
                at: Instant::now(),
            };
        }
        Timestamp(going_on.max(ahead))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guuid::ManualClock;

    use super::*;

    #[test]
    fn the_clock_goes_on_when_the_system_s_is_set_back() {
        let manual = Arc::new(ManualClock::new(Duration::from_secs(1_000)));
        let clock = LeaseClock::following(manual.clone());
        let start = clock.now(Timestamp(0));
        assert!(start >= Timestamp(1_000_000));
        manual.set(Duration::from_secs(5_000));
        let ahead = clock.now(Timestamp(0));
        assert!(ahead >= Timestamp(5_000_000));
        manual.set(Duration::from_secs(10));
        let after = clock.now(Timestamp(0));
        assert!(after >= ahead);
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now(Timestamp(0)) > after, "it does not stand still");
        assert!(clock.now(Timestamp(9_000_000)) >= Timestamp(9_000_000));
        assert!(clock.now(Timestamp(0)) >= Timestamp(9_000_000));
    }
}
