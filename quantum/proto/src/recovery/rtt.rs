//! Round-trip time of one path (RFC 9002 section 5).

use std::time::Duration;

use crate::time::Instant;

/// Timer granularity (RFC 9002 section 6.1.2).
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);

/// What is known about the round-trip time of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RttEstimator {
    latest: Duration,
    travelled: Duration,
    smoothed: Duration,
    variation: Duration,
    min: Duration,
    first_sample_at: Option<Instant>,
}

impl RttEstimator {
    /// Nothing measured: `initial` is the guess (RFC 9002 section 6.2.2).
    pub(crate) fn new(initial: Duration) -> Self {
        Self {
            latest: initial,
            travelled: initial,
            smoothed: initial,
            variation: initial / 2,
            min: initial,
            first_sample_at: None,
        }
    }

    /// Takes a sample in; `ack_delay` is what the peer says it held the acknowledgement back, as
    /// far as it is to be believed. Gives the sample with the delay taken off.
    pub(crate) fn on_sample(
        &mut self,
        now: Instant,
        latest: Duration,
        ack_delay: Duration,
    ) -> Duration {
        self.latest = latest;
        self.travelled = latest;
        if self.first_sample_at.is_none() {
            self.first_sample_at = Some(now);
            self.min = latest;
            self.smoothed = latest;
            self.variation = latest / 2;
            return latest;
        }
        self.min = self.min.min(latest);
        self.travelled = latest.saturating_sub(ack_delay).max(self.min);
        let adjusted = latest
            .checked_sub(ack_delay)
            .filter(|adjusted| *adjusted >= self.min)
            .unwrap_or(latest);
        self.variation = (self.variation * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
        adjusted
    }

    /// The path may have changed under us: the smallest round trip is learnt anew
    /// (RFC 9002 section 5.2).
    pub(crate) fn on_persistent_congestion(&mut self) {
        self.min = self.latest;
    }

    /// The last sample, acknowledgement delay included.
    pub(crate) fn latest(&self) -> Duration {
        self.latest
    }

    /// The last sample without the acknowledgement delay.
    pub(crate) fn travelled(&self) -> Duration {
        self.travelled
    }

    /// The weighted mean.
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// The mean deviation.
    pub(crate) fn variation(&self) -> Duration {
        self.variation
    }

    /// The smallest sample; the initial guess before any.
    pub(crate) fn min(&self) -> Duration {
        self.min
    }

    /// When the first sample was taken.
    pub(crate) fn first_sample_at(&self) -> Option<Instant> {
        self.first_sample_at
    }

    /// Probe timeout without the peer's acknowledgement delay (RFC 9002 section 6.2.1).
    pub(crate) fn probe_timeout(&self) -> Duration {
        self.smoothed + (self.variation * 4).max(GRANULARITY)
    }
}
