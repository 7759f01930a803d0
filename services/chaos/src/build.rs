//! The program that is tried.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// `statesync-service`, built with the same profile as this program unless it is given.
pub(crate) fn service(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "statesync", "--bin", NAME]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.status()?;
    if !built.success() {
        return Err(Failure::new("statesync-service does not build"));
    }
    // Cargo puts the programs of one profile side by side.
    Ok(std::env::current_exe()?.with_file_name(NAME))
}

const NAME: &str = "statesync-service";

/// Where logs and histories go: `chaos/` in cargo's target directory.
pub(crate) fn notes() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
    let folder = target.join("chaos");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
