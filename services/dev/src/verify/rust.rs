//! The steps in which cargo checks and compiles.

use std::path::PathBuf;

use super::stage::{Outcome, Stage, program};
use crate::command::find_program;
use crate::failure::Failure;
use crate::metadata::Package;

pub(super) fn fmt(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let fmt = stage.cargo("fmt --all --check");
    stage.require(fmt)
}

pub(super) fn clippy(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let clippy = stage.cargo_workspace("clippy --all-targets -- -D warnings")?;
    stage.require(clippy)
}

pub(super) fn doc(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let mut doc = stage.cargo_workspace("doc --no-deps --document-private-items")?;
    doc.env("RUSTDOCFLAGS", "-D warnings");
    stage.require(doc)
}

/// On a host that has a standard library, a dependency could still bring it in: its `std` feature
/// must be off, and a target that has none is tried if its core library is installed.
pub(super) fn no_std(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let check = stage.cargo("check --package guuid --no-default-features");
    stage.require(check)?;
    let mut tree = stage.cargo(
        "tree --quiet --package guuid --no-default-features --edges normal --prefix none --format",
    );
    tree.arg("{p} {f}");
    let tree = stage.job.capture(tree)?;
    if let Some(dependency) = tree.lines().find(|line| has_std(line)) {
        let problem = format!("a dependency brings the standard library: {dependency}");
        return Err(Failure::new(problem));
    }
    let mut sysroot = program("rustc");
    sysroot.args(["--print", "sysroot"]);
    let sysroot = PathBuf::from(stage.job.capture(sysroot)?.trim());
    if !sysroot.join("lib/rustlib").join(BARE_TARGET).is_dir() {
        let note = format!("not tried on {BARE_TARGET}, which is not installed");
        return Ok(Outcome::noted(note));
    }
    let mut check = stage.cargo("check --package guuid --no-default-features --target");
    check.arg(BARE_TARGET);
    stage.require(check)?;
    Ok(Outcome::noted(format!("also on {BARE_TARGET}")))
}

/// Whether a line of `cargo tree --format '{p} {f}'` has the feature `std`.
fn has_std(line: &str) -> bool {
    let features = line.rsplit(' ').next().unwrap_or_default();
    features.split(',').any(|name| name == "std")
}

/// Built together, packages lend each other features: a missing one shows only in a package that
/// is built alone, as a user of the library does.
pub(super) fn alone(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let metadata = stage.metadata()?;
    let of_the_product = |package: &&Package| {
        let folder = package.folder.as_deref().unwrap_or_default();
        let developer = ["services/chaos", "services/dev"];
        !folder.starts_with("benches/") && !developer.contains(&folder)
    };
    let mut broken = Vec::new();
    for package in metadata.ours().filter(of_the_product) {
        let check = stage.cargo(&format!("check --package {}", package.name));
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

pub(super) fn build(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.binary()?;
    Ok(Outcome::done())
}

impl Stage<'_> {
    /// The server, built together with all tests: one set of features and one profile, so that
    /// nothing is compiled twice.
    ///
    /// # Errors
    ///
    /// If it does not build, or did not earlier in this run.
    pub(super) fn binary(&mut self) -> Result<PathBuf, Failure> {
        match &self.prepared.binary {
            Some(Ok(binary)) => Ok(binary.clone()),
            Some(Err(_)) => Err(Failure::new(
                "the server did not build: see the first step that failed",
            )),
            None => {
                let built = self.build_binary();
                self.prepared.binary = Some(built.clone());
                built
            }
        }
    }

    fn build_binary(&mut self) -> Result<PathBuf, Failure> {
        self.user_interface()?;
        if find_program(&["cc"]).is_none() {
            return Err(Failure::new(
                "no C compiler (on Debian: apt-get install build-essential)",
            ));
        }
        let build = self.cargo_workspace("test --no-run --lib --bins --tests")?;
        self.require(build)?;
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
