//! What became of the messages of a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::flow::Plan;
use bench_report::percentile;

/// How long after the last message was due a run ends.
pub(super) const GRACE: u64 = 8_000_000_000;
/// Steps of [`Outcome::distribution`] in a millisecond.
pub(crate) const STEPS_PER_MS: f64 = 10.0;

/// Latencies of all messages of a run. One that had not arrived when the run ended counts with its
/// age.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    #[serde(rename = "p99.9_ms")]
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
    /// Messages that arrived in time.
    pub(crate) delivered: u32,
    pub(crate) undelivered: u32,
    /// Messages that arrived once more.
    pub(crate) duplicates: u32,
    /// How many messages took so many tenths of a millisecond, rounded down.
    pub(crate) distribution: Vec<(u32, u32)>,
}

/// Milliseconds of each message of a run whose first one was due at `first`, and whether it arrived.
pub(super) fn latencies(plan: Plan, first: u64, arrivals: &[(u32, u64)]) -> Vec<(f64, bool)> {
    let end = first + plan.offset(plan.messages.saturating_sub(1)) + GRACE;
    let mut arrived = vec![None; plan.messages as usize];
    for &(number, at) in arrivals.iter().filter(|(_, at)| *at <= end) {
        if let Some(slot) = arrived.get_mut(number as usize) {
            slot.get_or_insert(at);
        }
    }
    let latency = |(number, at): (u32, Option<u64>)| {
        let due = first + plan.offset(number);
        let nanoseconds = at.unwrap_or(end).saturating_sub(due);
        (nanoseconds as f64 / 1e6, at.is_some())
    };
    (0..).zip(arrived).map(latency).collect()
}

/// How many messages arrived that had arrived before.
pub(super) fn duplicates(arrivals: &[(u32, u64)]) -> u32 {
    let different: BTreeSet<u32> = arrivals.iter().map(|(number, _)| *number).collect();
    (arrivals.len() - different.len()) as u32
}

impl Outcome {
    pub(super) fn new(latencies: &[(f64, bool)], duplicates: u32) -> Self {
        let mut times: Vec<f64> = latencies.iter().map(|(time, _)| *time).collect();
        let delivered = latencies.iter().filter(|(_, arrived)| *arrived).count();
        let mut steps = BTreeMap::new();
        for time in &times {
            *steps.entry((time * STEPS_PER_MS) as u32).or_default() += 1;
        }
        Self {
            p50_ms: percentile(&mut times, 0.5),
            p95_ms: percentile(&mut times, 0.95),
            p99_ms: percentile(&mut times, 0.99),
            p999_ms: percentile(&mut times, 0.999),
            max_ms: percentile(&mut times, 1.0),
            delivered: delivered as u32,
            undelivered: (times.len() - delivered) as u32,
            duplicates,
            distribution: steps.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::flow::Delivery;
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn plan(messages: u32) -> Plan {
        Plan {
            flow: "200x100".parse().unwrap(),
            delivery: Delivery::Unordered,
            messages,
            origin: 0,
        }
    }

    #[test]
    fn latency_counts_from_when_a_message_was_due() {
        let first = 1_000 * MILLISECOND;
        let arrivals = [(1, first + 35 * MILLISECOND), (0, first + 26 * MILLISECOND)];
        let latencies = latencies(plan(2), first, &arrivals);
        assert_eq!(latencies, [(26.0, true), (25.0, true)]);
    }

    #[test]
    fn a_message_that_did_not_arrive_counts_with_its_age() {
        let first = 1_000 * MILLISECOND;
        let end = first + 20 * MILLISECOND + GRACE;
        // One is missing, one came after the end.
        let arrivals = [(0, first + 25 * MILLISECOND), (2, end + 1)];
        let latencies = latencies(plan(3), first, &arrivals);
        assert_eq!(
            latencies,
            [(25.0, true), (8_010.0, false), (8_000.0, false)]
        );
        let outcome = Outcome::new(&latencies, 0);
        assert_eq!((outcome.delivered, outcome.undelivered), (1, 2));
        assert_eq!(outcome.max_ms, 8_010.0);
    }

    #[test]
    fn the_first_arrival_counts_and_others_are_duplicates() {
        let arrivals = [
            (0, 25 * MILLISECOND),
            (0, 90 * MILLISECOND),
            (1, 40 * MILLISECOND),
        ];
        let latencies = latencies(plan(2), 0, &arrivals);
        assert_eq!(latencies, [(25.0, true), (30.0, true)]);
        assert_eq!(duplicates(&arrivals), 1);
    }

    #[test]
    fn the_distribution_has_every_message() {
        let latencies = [(25.04, true), (25.09, true), (25.1, true), (83.0, true)];
        let outcome = Outcome::new(&latencies, 0);
        assert_eq!(outcome.distribution, [(250, 2), (251, 1), (830, 1)]);
    }

    #[test]
    fn percentiles_are_of_all_messages() {
        let latencies: Vec<(f64, bool)> = (0..=1_000).map(|ms| (f64::from(ms), true)).collect();
        let outcome = Outcome::new(&latencies, 0);
        assert_eq!((outcome.p50_ms, outcome.p95_ms), (500.0, 950.0));
        assert_eq!((outcome.p99_ms, outcome.p999_ms), (990.0, 999.0));
    }
}
