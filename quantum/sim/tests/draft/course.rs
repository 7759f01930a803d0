//! What a controller did, phase by phase.

use std::time::Duration;

use quantum_sim::scenario::{Report, Sample, Scenario, catalogue};
use quantum_sim::units::BitRate;

/// Some seeds, so that none is lucky.
pub(crate) const SEEDS: std::ops::Range<u64> = 0..4;

/// A scenario of the catalogue.
pub(crate) fn named(name: &str) -> Scenario {
    catalogue::find(name).unwrap()
}

/// Runs it; what is seen is printed if the test fails.
pub(crate) fn run(scenario: &Scenario, seed: u64) -> Course {
    let report = scenario.run(seed).unwrap();
    println!("seed {seed}: {report}");
    let course = Course(report);
    for phase in course.phases() {
        println!("{}", phase.first());
    }
    course
}

/// What became of a scenario with one flow.
pub(crate) struct Course(pub(crate) Report);

/// A time in one state.
#[derive(Debug)]
pub(crate) struct Phase<'a> {
    pub(crate) state: &'static str,
    pub(crate) from: Duration,
    /// When the next one begins; the end of the run if there is none.
    pub(crate) to: Duration,
    pub(crate) samples: &'a [Sample],
}

impl Phase<'_> {
    pub(crate) fn lasts(&self) -> Duration {
        self.to - self.from
    }

    pub(crate) fn first(&self) -> &Sample {
        self.samples.first().unwrap()
    }

    pub(crate) fn last(&self) -> &Sample {
        self.samples.last().unwrap()
    }
}

impl Course {
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.0.flows[0].samples
    }

    pub(crate) fn phases(&self) -> Vec<Phase<'_>> {
        let runs = self.samples().chunk_by(|a, b| a.state == b.state);
        let runs: Vec<_> = runs.collect();
        let starts = runs.iter().map(|run| run[0].at);
        let end = self.samples().last().unwrap().at;
        let ends = starts.clone().skip(1).chain([end]);
        let spans = runs.iter().zip(starts.zip(ends));
        let phases = spans.map(|(samples, (from, to))| Phase {
            state: samples[0].state,
            from,
            to,
            samples,
        });
        phases.collect()
    }

    /// The phases in this state that begin after a time and end before the run does.
    pub(crate) fn in_state(&self, state: &str, after: Duration) -> Vec<Phase<'_>> {
        let mut phases = self.phases();
        phases.pop();
        phases.retain(|phase| phase.state == state && phase.from >= after);
        phases
    }

    /// The first phase in this state after a time, and the one that follows it.
    pub(crate) fn first_in(&self, state: &str, after: Duration) -> (Phase<'_>, Phase<'_>) {
        let mut phases = self.phases().into_iter();
        let of_state = |phase: &Phase<'_>| phase.state == state && phase.from >= after;
        let first = phases.find(of_state);
        (first.unwrap(), phases.next().unwrap())
    }

    /// When it first entered this state after a time.
    pub(crate) fn entered(&self, state: &str, after: Duration) -> Duration {
        self.first_in(state, after).0.from
    }

    /// The states that it was in between two times.
    pub(crate) fn states(&self, from: Duration, to: Duration) -> Vec<&'static str> {
        let phases = self.phases().into_iter();
        let during = phases.filter(|phase| phase.to > from && phase.from < to);
        during.map(|phase| phase.state).collect()
    }

    /// The last sample before a time.
    pub(crate) fn at(&self, time: Duration) -> &Sample {
        let passed = self.samples().partition_point(|sample| sample.at <= time);
        &self.samples()[passed - 1]
    }

    /// Bits per second that arrived between two times.
    pub(crate) fn goodput(&self, from: Duration, to: Duration) -> f64 {
        self.0.flows[0].goodput_between(from, to)
    }

    /// The same as a share of what a link of this rate can carry besides headers.
    pub(crate) fn of_link(&self, rate: BitRate, from: Duration, to: Duration) -> f64 {
        self.goodput(from, to) / (rate.0 as f64 * PAYLOAD_SHARE)
    }
}

/// Of a full datagram with its headers, what is payload of streams.
const PAYLOAD_SHARE: f64 = 1.0 - 62.0 / 1500.0;

/// Of a full datagram with its IP and UDP headers, what the protocol counts.
const DATAGRAM_SHARE: f64 = 1472.0 / 1500.0;

/// What a controller takes for the rate of a link if it is right, in bytes per second.
pub(crate) fn bandwidth_of(rate: BitRate) -> f64 {
    rate.0 as f64 / 8.0 * DATAGRAM_SHARE
}

/// The largest datagram.
pub(crate) const DATAGRAM: u64 = 1472;
