//! What one round measured of one side, and tables of many.

use std::collections::BTreeMap;

use bench_report::{Table, median, spread};
use serde::{Deserialize, Serialize};

/// How the tables call our side.
pub(crate) const OURS: &str = "AetherFlow";

/// The figures of one side in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// What was measured.
    pub(crate) case: String,
    /// Of whom.
    pub(crate) side: String,
    pub(crate) round: u32,
    pub(crate) figures: BTreeMap<String, f64>,
}

impl Sample {
    pub(crate) fn new(case: impl Into<String>, side: impl Into<String>, round: u32) -> Self {
        Self {
            case: case.into(),
            side: side.into(),
            round,
            figures: BTreeMap::new(),
        }
    }

    /// The same, with one more figure.
    pub(crate) fn with(mut self, figure: &str, value: f64) -> Self {
        self.figures.insert(figure.to_owned(), value);
        self
    }

    /// A figure; not a number if it was not measured.
    pub(crate) fn figure(&self, figure: &str) -> f64 {
        self.figures.get(figure).copied().unwrap_or(f64::NAN)
    }
}

/// A column of a table: which figure, its heading, and how many digits after the point.
pub(crate) type Column = (&'static str, &'static str, usize);

/// One line for each case and side, in the order in which they were measured; median (least-most).
pub(crate) fn table(samples: &[Sample], columns: &[Column]) -> String {
    let headings = columns.iter().map(|(_, heading, _)| (*heading).to_owned());
    let mut table = Table::of("case", ["side".to_owned()].into_iter().chain(headings));
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for sample in samples {
        let line = (sample.case.as_str(), sample.side.as_str());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    for (case, side) in lines {
        let cells = columns.iter().map(|(figure, _, digits)| {
            let values = of(samples, case, side).map(|sample| sample.figure(figure));
            spread(values.filter(|value| !value.is_nan()), *digits)
        });
        table.line(case.to_owned(), [side.to_owned()].into_iter().chain(cells));
    }
    table.markdown()
}

fn of<'a>(samples: &'a [Sample], case: &'a str, side: &'a str) -> impl Iterator<Item = &'a Sample> {
    samples
        .iter()
        .filter(move |sample| sample.case == case && sample.side == side)
}

/// The median of a figure over the rounds of `case`, where each round counts with its best side
/// among those that `chosen` takes: the one for which `better` says so.
pub(crate) fn best(
    samples: &[Sample],
    chosen: impl Fn(&Sample) -> bool,
    figure: &str,
    better: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut rounds = BTreeMap::<u32, f64>::new();
    for sample in samples.iter().filter(|sample| chosen(sample)) {
        let value = sample.figure(figure);
        let entry = rounds.entry(sample.round).or_insert(value);
        *entry = better(*entry, value);
    }
    let mut values: Vec<f64> = rounds.into_values().filter(|it| !it.is_nan()).collect();
    median(&mut values)
}

/// What was wanted, and what came out.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) limit: Limit,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub(crate) fn new(
        what: impl Into<String>,
        limit: Limit,
        measured: f64,
        unit: &'static str,
    ) -> Self {
        let what = what.into();
        Self {
            what,
            limit,
            measured,
            unit,
        }
    }

    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtLeast(least) => self.measured >= least,
            Limit::AtMost(most) => self.measured <= most,
        }
    }
}

/// What was wanted of a part.
pub(crate) fn targets(targets: &[Target]) -> String {
    let columns = ["wanted", "measured", "met"].map(str::to_owned);
    let mut table = Table::of("target", columns);
    for target in targets {
        let unit = target.unit;
        let wanted = match target.limit {
            Limit::AtLeast(least) => format!("at least {}{unit}", short(least)),
            Limit::AtMost(most) => format!("at most {}{unit}", short(most)),
        };
        let met = if target.is_met() { "yes" } else { "**no**" };
        let measured = if target.measured.is_nan() {
            "nothing".to_owned()
        } else {
            format!("{}{unit}", short(target.measured))
        };
        table.line(target.what.clone(), [wanted, measured, met.to_owned()]);
    }
    table.markdown()
}

/// Three digits or so.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Sample> {
        let sample =
            |side: &str, round, rate| Sample::new("spread", side, round).with("rate", rate);
        vec![
            sample(OURS, 1, 50.0),
            sample("pgbench", 1, 10.0),
            sample("other", 1, 12.0),
            sample(OURS, 2, 70.0),
            sample("pgbench", 2, 14.0),
            sample("other", 2, 9.0),
            sample(OURS, 3, 60.0),
        ]
    }

    #[test]
    fn lines_come_in_the_order_of_the_measurements() {
        let expected = "| case | side | per s | none |\n|---|---|---|---|\n\
             | spread | AetherFlow | 60 (50-70) | - |\n\
             | spread | pgbench | 14 (10-14) | - |\n\
             | spread | other | 12 (9-12) | - |\n";
        let columns = [("rate", "per s", 0), ("none", "none", 0)];
        assert_eq!(table(&samples(), &columns), expected);
    }

    #[test]
    fn each_round_counts_with_its_best() {
        let all = samples();
        let peer = best(&all, |sample| sample.side != OURS, "rate", f64::max);
        assert_eq!(peer, 14.0, "of 12 and 14");
        assert_eq!(
            best(&all, |sample| sample.side == OURS, "rate", f64::max),
            60.0
        );
        assert!(best(&all, |_| true, "unknown", f64::max).is_nan());
    }

    #[test]
    fn a_target_that_was_not_measured_is_not_met() {
        let target = |limit, measured| Target::new("x", limit, measured, " ms");
        assert!(target(Limit::AtMost(10.0), 10.0).is_met());
        assert!(!target(Limit::AtMost(10.0), 10.1).is_met());
        assert!(!target(Limit::AtLeast(5.0), 4.99).is_met());
        assert!(!target(Limit::AtMost(10.0), f64::NAN).is_met());
        assert!(!target(Limit::AtLeast(10.0), f64::NAN).is_met());
        let table = targets(&[target(Limit::AtMost(10.0), 0.333)]);
        assert!(
            table.ends_with("| x | at most 10 ms | 0.33 ms | yes |\n"),
            "{table}"
        );
    }

    #[test]
    fn numbers_are_short() {
        let texts = [80_000.0, 12.34, 1.299, 5.0].map(short);
        assert_eq!(texts, ["80000", "12.3", "1.3", "5"]);
    }

    #[test]
    fn a_sample_is_one_line_of_json() {
        let sample = Sample::new("a", "b", 1).with("rate", 2.5);
        let line = serde_json::to_string(&sample).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&line).unwrap(), sample);
    }
}
