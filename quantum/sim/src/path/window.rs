//! When a fault is at work.

use std::fmt;

use quantum_proto::time::Instant;

/// When a fault is at work: a run is rough first and calm at the end, so that what is left can
/// be asked to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    until: Instant,
}

impl Active {
    /// From the beginning for ever.
    #[must_use]
    pub const fn always() -> Self {
        Self::until(Instant::DISTANT)
    }

    /// From the beginning until `end`.
    #[must_use]
    pub const fn until(end: Instant) -> Self {
        Self { until: end }
    }

    /// Whether it is at work now.
    #[must_use]
    pub fn includes(self, now: Instant) -> bool {
        now < self.until
    }
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.until == Instant::DISTANT {
            return Ok(());
        }
        let seconds = self.until.since(Instant::ORIGIN).as_secs_f64();
        write!(f, " until {seconds:.3}s")
    }
}
