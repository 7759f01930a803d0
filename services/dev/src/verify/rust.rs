//! The steps that cargo carries out.

use std::path::PathBuf;

use super::counts::Tests;
use super::stage::{Outcome, Stage};
use super::{layers, msrv, smoke, tidy};
use crate::command::find_program;
use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::terminal::count as plural;

pub(super) fn fmt(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.require_cargo(&["fmt", "--all", "--check"])
}

pub(super) fn tidy(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    tidy::check(stage.project, &mut stage.job).map(Outcome::noted)
}

pub(super) fn layers(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let metadata = Metadata::load(stage.project, &mut stage.job)?;
    let findings = layers::check(&metadata);
    for finding in &findings {
        stage.job.note(finding);
    }
    match findings.len() {
        0 => Ok(Outcome::noted(format!(
            "{} packages",
            metadata.ours().count()
        ))),
        count => Err(Failure::new(format!(
            "{} the wrong way",
            plural(count, "arrow")
        ))),
    }
}

pub(super) fn clippy(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    stage.require_cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
}

pub(super) fn doc(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let mut doc = stage.cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    stage.job.run(doc)?.required()?;
    Ok(Outcome::done())
}

/// On a host that has a standard library, a dependency could still bring it in: its `std` feature
/// must be off, and a target that has none is tried if its core library is installed.
pub(super) fn no_std(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    const BARE: [&str; 4] = ["--package", "guuid", "--no-default-features", "--quiet"];
    stage.require_cargo(&[&["check"], &BARE[..]].concat())?;
    let tree = [
        &["tree"],
        &BARE[..],
        &["--edges", "normal", "--prefix", "none"],
    ]
    .concat();
    let tree = stage.cargo(&[&tree[..], &["--format", "{p} {f}"]].concat());
    let tree = stage.job.capture(tree)?;
    if let Some(dependency) = tree.lines().find(|line| has_std(line)) {
        return Err(Failure::new(format!(
            "a dependency brings the standard library: {dependency}"
        )));
    }
    let mut sysroot = super::stage::program("rustc");
    sysroot.args(["--print", "sysroot"]);
    let sysroot = PathBuf::from(stage.job.capture(sysroot)?.trim());
    if !sysroot.join("lib/rustlib").join(BARE_TARGET).is_dir() {
        return Ok(Outcome::noted(format!(
            "not tried on {BARE_TARGET}, which is not installed"
        )));
    }
    stage.require_cargo(&[&["check", "--target", BARE_TARGET], &BARE[..]].concat())?;
    Ok(Outcome::noted(format!("also on {BARE_TARGET}")))
}

/// Whether a line of `cargo tree --format '{p} {f}'` has the feature `std`.
fn has_std(line: &str) -> bool {
    line.rsplit(' ')
        .next()
        .is_some_and(|features| features.split(',').any(|name| name == "std"))
}

/// Built together, packages lend each other features: a missing one shows only in a package that
/// is built alone, as a user of the library does.
pub(super) fn alone(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let metadata = Metadata::load(stage.project, &mut stage.job)?;
    let of_the_product = |package: &&Package| {
        let folder = package.folder.as_deref().unwrap_or_default();
        !folder.starts_with("benches/") && folder != "services/dev"
    };
    let mut broken = Vec::new();
    for package in metadata.ours().filter(of_the_product) {
        let check = stage.cargo(&["check", "--package", &package.name]);
        if !stage.job.run(check)?.status.success() {
            broken.push(package.name.as_str());
        }
    }
    if broken.is_empty() {
        Ok(Outcome::done())
    } else {
        Err(Failure::new(format!(
            "do not compile alone: {}",
            broken.join(", ")
        )))
    }
}

pub(super) fn msrv(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    msrv::check(stage.project, &mut stage.job).map(Outcome::noted)
}

pub(super) fn build(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.binary()?;
    Ok(Outcome::done())
}

/// All tests but those that have a step of their own.
pub(super) fn test(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.binary()?;
    let metadata = Metadata::load(stage.project, &mut stage.job)?;
    let mut arguments = vec!["test", "--workspace", "--no-fail-fast", "--lib", "--bins"];
    for name in metadata.targets("test") {
        if !OWN_STEPS.contains(&name) {
            arguments.extend(["--test", name]);
        }
    }
    let command = stage.cargo(&arguments);
    stage.run_tests(command, Tests::of_cargo)
}

pub(super) fn doc_test(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let command = stage.cargo(&["test", "--workspace", "--no-fail-fast", "--doc"]);
    stage.run_tests(command, Tests::of_cargo)
}

pub(super) fn crash(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_target(stage, CRASH)
}

pub(super) fn traces(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_target(stage, TRACES)
}

pub(super) fn hostile(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_target(stage, HOSTILE)
}

fn test_target(stage: &mut Stage<'_>, name: &str) -> Result<Outcome, Failure> {
    stage.binary()?;
    // The whole workspace, so that nothing is compiled again with other features.
    let mut command = stage.cargo(&["test", "--workspace", "--test", name]);
    command.env("AETHERFLOW_CRASH_ROUNDS", CRASH_ROUNDS);
    stage.run_tests(command, Tests::of_cargo)
}

/// Criterion tries each bench once when `cargo test` runs it.
pub(super) fn benches(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let metadata = Metadata::load(stage.project, &mut stage.job)?;
    let targets = metadata.targets("bench");
    let mut arguments = vec!["test", "--workspace", "--no-fail-fast"];
    for name in &targets {
        arguments.extend(["--bench", name]);
    }
    if targets.is_empty() {
        return Err(Failure::new("there is no bench"));
    }
    let command = stage.cargo(&arguments);
    let finished = stage.job.run(command)?.required()?;
    match Tests::of_criterion(&finished.output) {
        0 => Err(Failure::new("no bench ran")),
        count => Ok(Outcome::noted(format!(
            "{count} benches in {} programs",
            targets.len()
        ))),
    }
}

pub(super) fn start(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let binary = stage.binary()?;
    smoke::check(stage.project, &binary, &mut stage.job).map(Outcome::tested)
}

impl Stage<'_> {
    /// The server, built together with all tests: one set of features and one profile, so that
    /// nothing is compiled twice.
    ///
    /// # Errors
    ///
    /// If it does not build, or did not earlier in this run.
    pub(super) fn binary(&mut self) -> Result<PathBuf, Failure> {
        if self.prepared.binary.is_none() {
            self.prepared.binary = Some(self.build_binary());
        } else if let Some(Err(_)) = self.prepared.binary {
            return Err(Failure::new(
                "the server did not build: see the first step that failed",
            ));
        }
        self.prepared
            .binary
            .clone()
            .unwrap_or_else(|| Err(Failure::new("the server is missing")))
    }

    fn build_binary(&mut self) -> Result<PathBuf, Failure> {
        self.user_interface()?;
        if find_program(&["cc"]).is_none() {
            return Err(Failure::new(
                "no C compiler: on Debian, sudo apt-get install build-essential",
            ));
        }
        self.require_cargo(&[
            "test",
            "--workspace",
            "--no-run",
            "--lib",
            "--bins",
            "--tests",
        ])?;
        let binary = self.project.target().join("debug/aetherflow");
        if binary.is_file() {
            Ok(binary)
        } else {
            Err(Failure::new(format!(
                "cargo built no {}",
                self.project.shown(&binary)
            )))
        }
    }
}

const CRASH: &str = "crash";
const TRACES: &str = "traces";
const HOSTILE: &str = "hostile";
const OWN_STEPS: &[&str] = &[CRASH, TRACES, HOSTILE];

/// Enough to meet a write in progress; the full test takes 20 and more.
const CRASH_ROUNDS: &str = "5";

/// A microcontroller: core and alloc, no operating system.
const BARE_TARGET: &str = "thumbv7em-none-eabihf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_std_feature_is_told_from_others() {
        assert!(has_std("serde v1.0.0 alloc,std"));
        assert!(!has_std("uuid v1.29.0 std-like,v7"));
        assert!(!has_std("guuid v0.1.0 "));
    }
}
