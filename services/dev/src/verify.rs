//! `cargo verify`: everything that continuous integration checks.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::options::Options;
use self::report::{Ending, Report};
use self::stage::{Outcome, Prepared, Stage};
use crate::command::Job;
use crate::failure::Failure;
use crate::project::Project;
use crate::terminal;

mod browser;
mod counts;
mod excerpt;
mod layers;
mod links;
mod msrv;
mod options;
mod report;
mod rust;
mod rust_tests;
mod smoke;
mod stage;
mod tidy;

/// The steps in the order in which they run: cheap ones first, and each after what it builds on.
const STEPS: &[Step] = &[
    Step::new("fmt", "rustfmt has nothing to change", 2, rust::fmt),
    Step::new(
        "tidy",
        "house rules: names, lengths, links, no unfinished work",
        2,
        tidy::check,
    ),
    Step::new(
        "layers",
        "dependencies between our packages point one way",
        5,
        layers::check,
    ),
    Step::new(
        "web-build",
        "npm packages, types and the built user interface",
        15,
        browser::build,
    ),
    Step::new(
        "clippy",
        "lints, every warning is an error",
        30,
        rust::clippy,
    ),
    Step::new(
        "doc",
        "every item documented, every link in the docs resolves",
        15,
        rust::doc,
    ),
    Step::new(
        "no-std",
        "guuid compiles without the standard library",
        5,
        rust::no_std,
    ),
    Step::new(
        "alone",
        "each library compiles by itself, with its own features only",
        15,
        rust::alone,
    ),
    Step::new("msrv", "the declared rust-version is true", 15, msrv::check),
    Step::new("build", "the server and all tests compile", 45, rust::build),
    Step::new(
        "test",
        "unit and integration tests of every package",
        20,
        rust_tests::test,
    ),
    Step::new(
        "doc-test",
        "the examples in the documentation run",
        10,
        rust_tests::doc_test,
    ),
    Step::new(
        "sim",
        "the transport in 1,000 simulated networks with every fault",
        10,
        rust_tests::sim,
    ),
    Step::new(
        "service",
        "the real server starts, refuses and stops as it should",
        10,
        rust_tests::service,
    ),
    Step::new(
        "crash",
        "kill -9 while clients write: nothing acknowledged is lost",
        10,
        rust_tests::crash,
    ),
    Step::new(
        "chaos",
        "replicas, PostgreSQL and Redis break under load: all is as promised",
        10,
        rust_tests::chaos,
    ),
    Step::new(
        "traces",
        "real editing sessions replayed edit by edit",
        10,
        rust_tests::traces,
    ),
    Step::new(
        "hostile",
        "garbage, floods and intruders meet the right answer",
        10,
        rust_tests::hostile,
    ),
    Step::new(
        "web-test",
        "unit tests of the user interface",
        5,
        browser::unit_tests,
    ),
    Step::new(
        "clients",
        "unmodified Yjs clients from npm connect and converge",
        10,
        browser::clients,
    ),
    Step::new(
        "browser",
        "two people in two browsers on one document",
        15,
        browser::browser,
    ),
    Step::new("benches", "each bench runs once", 10, rust_tests::benches),
    Step::new(
        "start",
        "from scratch as a user does: start, stop, refuse",
        15,
        rust_tests::start,
    ),
];

/// Runs the steps that the user chose.
///
/// # Errors
///
/// If the options make no sense or the work tree cannot be found. A failing step is not an error
/// here: it shows in the exit code.
pub(crate) fn main(arguments: &[String]) -> Result<ExitCode, Failure> {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    let options = Options::parse(arguments, &names)?;
    if options.help {
        terminal::line(HELP);
    }
    if options.help || options.list {
        for step in STEPS {
            terminal::line(&format!("  {:<10} {}", step.name, step.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let project = Project::locate()?;
    let mut prepared = Prepared::default();
    let mut reports = Vec::new();
    for step in STEPS.iter().filter(|step| options.chosen(step.name)) {
        terminal::line(&format!("> {:<10} {}", step.name, step.about));
        let report = step.run(&project, &mut prepared);
        report.print(&project);
        let failed = report.ending.is_failure();
        reports.push(report);
        if failed && options.fail_fast {
            break;
        }
    }
    report::print_summary(&reports);
    let failed = reports.iter().any(|report| report.ending.is_failure());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// One line of the table of contents.
struct Step {
    name: &'static str,
    about: &'static str,
    /// Generous for a slow machine with two cores: over it, something hangs.
    budget: Duration,
    check: fn(&mut Stage<'_>) -> Result<Outcome, Failure>,
}

impl Step {
    const fn new(
        name: &'static str,
        about: &'static str,
        budget_minutes: u64,
        check: fn(&mut Stage<'_>) -> Result<Outcome, Failure>,
    ) -> Self {
        Self {
            name,
            about,
            budget: Duration::from_secs(budget_minutes * 60),
            check,
        }
    }

    fn run(&self, project: &Project, prepared: &mut Prepared) -> Report {
        let start = Instant::now();
        let log = project
            .target()
            .join("verify")
            .join(format!("{}.log", self.name));
        let (tests, ending) = match Job::start(log.clone(), self.budget).and_then(|job| {
            (self.check)(&mut Stage {
                project,
                job,
                prepared,
            })
        }) {
            Ok(outcome) => (outcome.tests.clone(), Ending::of(outcome)),
            Err(failure) => (None, Ending::Failed(failure.to_string())),
        };
        Report {
            name: self.name,
            took: start.elapsed(),
            log,
            tests,
            ending,
        }
    }
}

const HELP: &str = "\
cargo verify [--only STEP,..] [--skip STEP,..] [--fail-fast] [--list]

Everything that continuous integration checks. It installs what it needs (npm packages; Chromium
and PostgreSQL from Debian's packages when you may install them) and says so. The output of each
step is in target/verify/STEP.log. Before you propose a change, this passes; while you work on it,
run the steps that matter: cargo verify --only clippy,test

  --only STEP,..   these steps alone, with whatever they need built first
  --skip STEP,..   all steps but these
  --fail-fast      stop at the first step that fails (otherwise one run shows everything)
  --list           the steps, in order

Steps:";
