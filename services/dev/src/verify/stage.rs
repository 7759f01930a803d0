//! What a step works with, and what comes out of it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use super::counts::Tests;
use crate::command::{Job, cargo, command};
use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::project::Project;
use crate::terminal;

/// One step at work.
pub(crate) struct Stage<'a> {
    /// The work tree.
    pub(crate) project: &'a Project,
    /// The log and the time of this step.
    pub(crate) job: Job,
    /// What steps build for each other.
    pub(crate) prepared: &'a mut Prepared,
}

/// Built once in a run, by the first step that needs it.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    metadata: Option<Rc<Metadata>>,
    pub(super) user_interface: Option<Result<(), Failure>>,
    pub(super) binary: Option<Result<PathBuf, Failure>>,
}

/// How a step that was carried out ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What it counted, if it ran tests.
    pub(crate) tests: Option<Tests>,
    /// What else is worth knowing.
    pub(crate) note: Option<String>,
}

impl Outcome {
    /// Nothing to say.
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// Something to say.
    pub(crate) fn noted(note: impl Into<String>) -> Self {
        Self {
            tests: None,
            note: Some(note.into()),
        }
    }

    /// Tests ran.
    pub(crate) fn tested(tests: Tests) -> Self {
        Self {
            tests: Some(tests),
            note: None,
        }
    }
}

impl Stage<'_> {
    /// `cargo` with the words of `arguments`, in the root of the work tree.
    pub(crate) fn cargo(&self, arguments: &str) -> Command {
        let mut cargo = hermetic(cargo());
        cargo
            .args(arguments.split(' '))
            .current_dir(self.project.root());
        cargo
    }

    /// The same for the whole workspace. Always with the same features, those that our tests
    /// require too, so that no step compiles again what another one did.
    ///
    /// # Errors
    ///
    /// If cargo cannot resolve the workspace.
    pub(crate) fn cargo_workspace(&mut self, arguments: &str) -> Result<Command, Failure> {
        let features = self.metadata()?.required_features();
        let (name, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let mut cargo = self.cargo(name);
        cargo.arg("--workspace");
        if !features.is_empty() {
            cargo.arg("--features").arg(features.join(","));
        }
        cargo.args(rest.split_whitespace());
        Ok(cargo)
    }

    /// What cargo knows about the workspace.
    ///
    /// # Errors
    ///
    /// If cargo cannot resolve it.
    pub(crate) fn metadata(&mut self) -> Result<Rc<Metadata>, Failure> {
        if let Some(metadata) = &self.prepared.metadata {
            return Ok(Rc::clone(metadata));
        }
        let metadata = Rc::new(Metadata::load(self.project, &mut self.job)?);
        self.prepared.metadata = Some(Rc::clone(&metadata));
        Ok(metadata)
    }

    /// Runs `command`, which must succeed.
    ///
    /// # Errors
    ///
    /// If it does not, or not in time.
    pub(crate) fn require(&mut self, command: Command) -> Result<Outcome, Failure> {
        self.job.run(command)?.required()?;
        Ok(Outcome::done())
    }

    /// Runs a test runner and counts with `count`.
    ///
    /// # Errors
    ///
    /// If it cannot be run, is not over in time, or failed without a failing test to show for it.
    pub(crate) fn run_tests(
        &mut self,
        command: Command,
        count: fn(&str) -> Tests,
    ) -> Result<Outcome, Failure> {
        let finished = self.job.run(hermetic(command))?;
        let tests = count(&finished.output);
        if tests.failed == 0 {
            finished.required()?;
        }
        Ok(Outcome::tested(tests))
    }

    /// Says in a line of its own what is being done and why.
    pub(crate) fn say(line: &str) {
        terminal::line(&format!("  {:<10} {line}", ""));
    }
}

/// Our own variables, set in the user's shell, must not decide what is tested.
pub(super) fn hermetic(mut command: Command) -> Command {
    let set_here: Vec<_> = command
        .get_envs()
        .map(|(name, _)| name.to_owned())
        .collect();
    for (name, _) in std::env::vars_os() {
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("AETHERFLOW_"));
        if ours && !set_here.contains(&name) {
            command.env_remove(name);
        }
    }
    command.env("RUST_BACKTRACE", "1");
    // Incremental compilation pays when something is compiled twice; CI compiles once.
    if std::env::var_os("CI").is_some() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// A program outside cargo, in the same clean environment.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    hermetic(command(name))
}
