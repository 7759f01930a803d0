//! The protocol's time from tokio's clock.

use std::time::Duration;

use crate::protocol::Instant;

/// Counts nanoseconds since the endpoint was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
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
