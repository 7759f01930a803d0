//! The protocol's time from tokio's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::protocol::Instant;

/// Counts nanoseconds since the endpoint was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: tokio::time::Instant,
    /// What time of day that was, since the Unix epoch.
    time_of_day: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
            // A clock before 1970 is not set: the epoch is as good as anything.
            time_of_day: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// What time of day [`Instant::ORIGIN`] is, since the Unix epoch.
    pub(crate) fn origin(&self) -> Duration {
        self.time_of_day
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        Instant::ORIGIN + self.origin.elapsed()
    }

    /// The same point on tokio's clock; no later than a year from the origin, so that no
    /// platform's clock overflows.
    pub(crate) fn runtime_time(&self, instant: Instant) -> tokio::time::Instant {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        self.origin + instant.since(Instant::ORIGIN).min(YEAR)
    }
}
