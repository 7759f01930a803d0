//! Measured durations and their percentiles.

use std::time::Duration;

/// Durations, kept to the microsecond.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    microseconds: Vec<u32>,
}

impl Samples {
    /// Adds one.
    pub fn add(&mut self, duration: Duration) {
        let value = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        self.microseconds.push(value);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.microseconds.len()
    }

    /// Their mean; zero if there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let sum: u64 = self.microseconds.iter().copied().map(u64::from).sum();
        Duration::from_micros(sum / self.microseconds.len().max(1) as u64)
    }

    /// The value that `share` (0 to 1) of them do not exceed; zero if there are none.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.microseconds.clone();
        sorted.sort_unstable();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        let value = sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0);
        Duration::from_micros(u64::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile(0.5), Duration::ZERO);
        for value in [4, 1, 3, 2] {
            samples.add(Duration::from_millis(value));
        }
        assert_eq!(samples.percentile(0.5), Duration::from_millis(2));
        assert_eq!(samples.percentile(1.0), Duration::from_millis(4));
        assert_eq!(samples.mean(), Duration::from_micros(2500));
    }
}
