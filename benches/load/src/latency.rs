//! Latencies of many operations, and what is told of them.

use std::time::Duration;

use crate::sample::Sample;

/// Latencies in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        self.0
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The latency, in milliseconds, that `share` (0 to 1) of the operations did not exceed: a measured
    /// value.
    pub(crate) fn ms(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        let at = self.0.get(rank.saturating_sub(1));
        at.map_or(f64::NAN, |&micros| f64::from(micros) / 1000.0)
    }

    /// Adds the usual figures to `sample`.
    pub(crate) fn tell(mut self, sample: Sample) -> Sample {
        let shares = [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)];
        let told = shares.into_iter().fold(sample, |sample, (name, share)| {
            sample.with(name, self.ms(share))
        });
        let max = self.ms(1.0);
        told.with("max_ms", max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        for micros in micros {
            latencies.note(Duration::from_micros(micros));
        }
        latencies
    }

    #[test]
    fn a_percentile_is_the_first_value_that_enough_do_not_exceed() {
        let mut hundred = of((1..=100).rev().map(|ms| ms * 1000));
        assert_eq!(hundred.ms(0.5), 50.0);
        assert_eq!(hundred.ms(0.99), 99.0);
        assert_eq!(hundred.ms(0.999), 100.0);
        assert_eq!(hundred.ms(1.0), 100.0);
        assert_eq!(hundred.ms(0.0), 1.0);
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert!(Latencies::default().ms(0.5).is_nan());
    }

    #[test]
    fn groups_are_joined() {
        let mut all = of([1000]);
        all.join(of([3000, 2000]));
        assert_eq!((all.len(), all.ms(0.5)), (3, 2.0));
    }
}
