//! What a person reads: a line for each step, what matters of its log if it failed, a table at the end.

use std::path::PathBuf;
use std::time::Duration;

use super::counts::Tests;
use super::excerpt;
use super::stage::Outcome;
use crate::command::duration;
use crate::project::Project;
use crate::terminal::{count, line};

/// A step that is over.
#[derive(Debug)]
pub(crate) struct Report {
    /// The step.
    pub(crate) name: &'static str,
    /// How long it took.
    pub(crate) took: Duration,
    /// All of its output.
    pub(crate) log: PathBuf,
    /// What it counted, if it ran tests.
    pub(crate) tests: Option<Tests>,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Well; perhaps with something worth knowing.
    Passed(Option<String>),
    /// With this problem.
    Failed(String),
}

impl Ending {
    /// Judges a step that was carried out: its tests must exist, run, and pass.
    pub(crate) fn of(outcome: Outcome) -> Self {
        let Some(tests) = outcome.tests else {
            return Self::Passed(outcome.note);
        };
        let Tests {
            passed,
            failed,
            skipped,
            failing,
        } = tests;
        if failed > 0 {
            let mut problem = format!("{failed} of {} failed", count(passed + failed, "test"));
            for name in failing {
                problem.push_str("\n    ");
                problem.push_str(&name);
            }
            Self::Failed(problem)
        } else if skipped > 0 {
            Self::Failed(format!(
                "{} not run (ignored or skipped)",
                count(skipped, "test")
            ))
        } else if passed == 0 {
            Self::Failed("no test ran".to_owned())
        } else {
            Self::Passed(outcome.note)
        }
    }

    /// Whether the run as a whole fails for it.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl Report {
    /// One line, and for a failure what matters of the log.
    pub(crate) fn print(&self, project: &Project) {
        let took = duration(self.took);
        let tests = match &self.tests {
            Some(tests) => format!(", {}", count(tests.passed + tests.failed, "test")),
            None => String::new(),
        };
        match &self.ending {
            Ending::Passed(note) => {
                let note = note
                    .as_ref()
                    .map_or(String::new(), |note| format!(" ({note})"));
                line(&format!("  {:<10} ok, {took}{tests}{note}", self.name));
            }
            Ending::Failed(problem) => {
                for text in excerpt::of_file(&self.log) {
                    line(&format!("  {:<10} | {text}", self.name));
                }
                line(&format!(
                    "  {:<10} FAILED, {took}{tests}: {problem}",
                    self.name
                ));
                let log = project.shown(&self.log);
                line(&format!("  {:<10} all of it: {log}", self.name));
            }
        }
    }
}

/// The table of all steps, then the tests of all of them in a line of its own.
pub(crate) fn print_summary(reports: &[Report]) {
    line(&format!(
        "\n  {:<10} {:<7} {:>12} {:>7}",
        "step", "", "time", "tests"
    ));
    for report in reports {
        let ending = if report.ending.is_failure() {
            "FAILED"
        } else {
            "ok"
        };
        let tests = report.tests.as_ref().map_or("-".to_owned(), |tests| {
            (tests.passed + tests.failed).to_string()
        });
        let took = duration(report.took);
        line(&format!(
            "  {:<10} {ending:<7} {took:>12} {tests:>7}",
            report.name
        ));
    }
    let took = reports.iter().map(|report| report.took).sum();
    line(&format!("  {:<10} {:<7} {:>12}\n", "", "", duration(took)));
    let failed: Vec<&str> = reports
        .iter()
        .filter(|report| report.ending.is_failure())
        .map(|report| report.name)
        .collect();
    if !failed.is_empty() {
        line(&format!("failed steps: {}", failed.join(", ")));
    }
    line(&total(reports));
}

/// In a form that people and machines read alike.
fn total(reports: &[Report]) -> String {
    let mut all = Tests::default();
    for tests in reports.iter().filter_map(|report| report.tests.clone()) {
        all.join(tests);
    }
    format!("total: {} passed, {} failed", all.passed, all.failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(passed: u32, failed: u32, skipped: u32) -> Tests {
        Tests {
            passed,
            failed,
            skipped,
            failing: Vec::new(),
        }
    }

    fn ending(passed: u32, failed: u32, skipped: u32) -> Ending {
        Ending::of(Outcome::tested(tests(passed, failed, skipped)))
    }

    #[test]
    fn a_test_step_passes_only_if_tests_ran_and_all_passed() {
        assert!(!ending(1, 0, 0).is_failure());
        assert!(ending(0, 0, 0).is_failure());
        assert!(ending(5, 0, 1).is_failure());
        assert!(ending(5, 1, 0).is_failure());
        assert!(!Ending::of(Outcome::done()).is_failure());
    }

    #[test]
    fn failing_tests_are_named() {
        let tests = Tests {
            failing: vec!["order::a".to_owned()],
            ..tests(1, 1, 0)
        };
        let Ending::Failed(problem) = Ending::of(Outcome::tested(tests)) else {
            panic!("it should have failed");
        };
        assert_eq!(problem, "1 of 2 tests failed\n    order::a");
    }

    #[test]
    fn the_total_adds_all_steps_up() {
        let report = |tests| Report {
            name: "test",
            took: Duration::ZERO,
            log: PathBuf::new(),
            tests,
            ending: Ending::Passed(None),
        };
        let reports = [
            report(Some(tests(3, 1, 0))),
            report(None),
            report(Some(tests(7, 0, 0))),
        ];
        assert_eq!(total(&reports), "total: 10 passed, 1 failed");
    }
}
