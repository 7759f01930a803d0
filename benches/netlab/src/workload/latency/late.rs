//! Messages that came late: what it takes to get over a loss, whatever does it.

use std::collections::BTreeMap;

use super::Record;
use super::outcome::STEPS_PER_MS;

/// A message is late if it takes so many milliseconds longer than its path. A busy machine makes
/// others late by less.
pub(super) const LATE_MS: f64 = 3.0;

/// How many messages took how many milliseconds, in ascending order, over all runs.
pub(crate) fn pooled(runs: &[&Record]) -> Vec<(f64, u32)> {
    let mut counts = BTreeMap::new();
    for &(step, count) in runs.iter().flat_map(|run| &run.outcome.distribution) {
        *counts.entry(step).or_default() += count;
    }
    let counts = counts.into_iter();
    let milliseconds =
        counts.map(|(step, count): (u32, u32)| (f64::from(step) / STEPS_PER_MS, count));
    milliseconds.collect()
}

/// By how many milliseconds late messages were late, where a message without a loss takes `own`.
pub(crate) fn lateness(runs: &[&Record], own: f64) -> Vec<(f64, u32)> {
    let counts = pooled(runs).into_iter();
    let excess = counts.map(|(latency, count)| (latency - own, count));
    excess.filter(|(excess, _)| *excess >= LATE_MS).collect()
}

/// `late %: p50 / p99`, or `-` if none was late.
pub(super) fn cell(runs: &[&Record], own: f64) -> String {
    let late = lateness(runs, own);
    let count = |counts: &[(f64, u32)]| counts.iter().map(|(_, count)| count).sum::<u32>();
    let (all, late_count) = (count(&pooled(runs)), count(&late));
    if late_count == 0 {
        return "-".into();
    }
    let share = f64::from(late_count) / f64::from(all) * 100.0;
    let (p50, p99) = (at(&late, late_count, 0.5), at(&late, late_count, 0.99));
    format!("{share:.1} %: {p50:.0} / {p99:.0}")
}

/// The value below which `share` of `total` values in ascending order lie.
fn at(counts: &[(f64, u32)], total: u32, share: f64) -> f64 {
    let wanted = (f64::from(total - 1) * share).round() as u32;
    let mut seen = 0;
    let found = counts.iter().find(|(_, count)| {
        seen += count;
        seen > wanted
    });
    found.map_or(f64::NAN, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_counts_are_those_of_the_values() {
        let counts = [(10.0, 60), (60.0, 39), (120.0, 1)];
        assert_eq!(at(&counts, 100, 0.5), 10.0);
        assert_eq!(at(&counts, 100, 0.99), 60.0);
        assert_eq!(at(&counts, 100, 1.0), 120.0);
    }
}
