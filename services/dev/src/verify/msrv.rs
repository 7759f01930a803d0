//! Is the declared `rust-version` true? As far as that can be shown with the toolchains at hand.

use super::stage::{Outcome, Stage, program};
use crate::command::find_program;
use crate::failure::{Failure, While};
use crate::metadata::{Metadata, Package};
use crate::project::Project;
use crate::terminal::count;

/// Checks what can be checked, and says in one line which of the three proofs that was.
///
/// # Errors
///
/// If a proof fails.
pub(crate) fn check(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let metadata = stage.metadata()?;
    let declared = declared(&metadata)?;
    check_lint(stage.project)?;
    let Neighbours {
        newer,
        agree,
        silent,
    } = neighbours(&metadata, declared);
    for line in &newer {
        stage.job.note(line);
    }
    if !newer.is_empty() {
        let newer = count(newer.len(), "package");
        return Err(Failure::new(format!(
            "{newer} of others: a newer Rust than {declared}"
        )));
    }
    let compiled = compile(stage, declared)?;
    Ok(Outcome::noted(format!(
        "{declared}: lint on; {agree} dependencies agree, {silent} do not say; {compiled}"
    )))
}

/// The one version that all our packages declare.
fn declared(metadata: &Metadata) -> Result<&str, Failure> {
    let mut versions: Vec<Option<&str>> = metadata
        .ours()
        .map(|package| package.rust_version.as_deref())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    match versions[..] {
        [Some(version)] => Ok(version),
        _ => Err(Failure::new(
            "our packages do not all declare one rust-version",
        )),
    }
}

/// Clippy's `incompatible_msrv` refuses standard library items that came later. The clippy step
/// turns its warnings into errors.
fn check_lint(project: &Project) -> Result<(), Failure> {
    let path = project.root().join("Cargo.toml");
    let manifest =
        std::fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
    if lint_is_on(&manifest) {
        Ok(())
    } else {
        Err(Failure::new(
            "incompatible_msrv is not on in [workspace.lints.clippy] of Cargo.toml",
        ))
    }
}

fn lint_is_on(manifest: &str) -> bool {
    let lints = manifest
        .split_once("[workspace.lints.clippy]")
        .map_or("", |(_, lints)| lints);
    let lints = lints.split_once("\n[").map_or(lints, |(lints, _)| lints);
    let on = |line: &str| {
        let (name, level) = line.split_once('=').unwrap_or_default();
        name.trim() == "incompatible_msrv" && matches!(level.trim(), "\"warn\"" | "\"deny\"")
    };
    lints.lines().any(on)
}

/// What the packages we depend on say about their own oldest Rust.
struct Neighbours {
    /// A line for each that needs more than we declare.
    newer: Vec<String>,
    agree: usize,
    silent: usize,
}

fn neighbours(metadata: &Metadata, declared: &str) -> Neighbours {
    let mut neighbours = Neighbours {
        newer: Vec::new(),
        agree: 0,
        silent: 0,
    };
    let others = metadata
        .packages
        .values()
        .filter(|package| package.folder.is_none());
    for Package {
        name,
        version,
        rust_version,
        ..
    } in others
    {
        match rust_version {
            None => neighbours.silent += 1,
            Some(needed) if numbers(needed) <= numbers(declared) => neighbours.agree += 1,
            Some(needed) => neighbours
                .newer
                .push(format!("{name} {version} needs Rust {needed}")),
        }
    }
    neighbours
}

/// Compiles with the declared version itself, if rustup has it.
fn compile(stage: &mut Stage<'_>, declared: &str) -> Result<String, Failure> {
    let version = stage.cargo("--version");
    let version = stage.job.capture(version)?;
    if is_release_of(version.split(' ').nth(1).unwrap_or_default(), declared) {
        return Ok("every step runs with that version".to_owned());
    }
    let toolchains = match find_program(&["rustup"]) {
        Some(rustup) => {
            let mut list = program(rustup);
            list.args(["toolchain", "list"]);
            stage.job.capture(list)?
        }
        None => String::new(),
    };
    let installed = toolchains
        .lines()
        .find(|toolchain| is_release_of(toolchain, declared));
    let Some(toolchain) = installed.and_then(|line| line.split(' ').next()) else {
        return Ok(format!(
            "not compiled with {declared}, which is not installed"
        ));
    };
    stage.user_interface()?;
    let mut check = program("rustup");
    check
        .args([
            "run",
            toolchain,
            "cargo",
            "check",
            "--workspace",
            "--target-dir",
        ])
        .arg(stage.project.target().join("msrv"))
        .current_dir(stage.project.root())
        // These name the toolchain that runs us.
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN");
    stage.require(check)?;
    Ok(format!("compiled with {toolchain}"))
}

/// Whether `name` is `1.90`, `1.90.1` or `1.90-x86_64-unknown-linux-gnu` for 1.90.
fn is_release_of(name: &str, declared: &str) -> bool {
    name.strip_prefix(declared)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// Major, minor and patch, missing ones as 0.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("1.9") < numbers("1.90"));
        assert!(numbers("1.90") == numbers("1.90.0"));
        assert!(numbers("1.90.1") > numbers("1.90"));
    }

    #[test]
    fn toolchains_of_the_declared_release_are_recognised() {
        assert!(is_release_of("1.90-x86_64-unknown-linux-gnu", "1.90"));
        assert!(is_release_of(
            "1.90.2-x86_64-unknown-linux-gnu (default)",
            "1.90"
        ));
        assert!(!is_release_of("1.9-x86_64-unknown-linux-gnu", "1.90"));
        assert!(!is_release_of("1.900.0", "1.90"));
        assert!(!is_release_of("stable-x86_64-unknown-linux-gnu", "1.90"));
    }

    #[test]
    fn the_lint_counts_only_in_its_own_table() {
        assert!(lint_is_on(
            "[workspace.lints.clippy]\ntodo = \"warn\"\nincompatible_msrv = \"warn\"\n"
        ));
        assert!(!lint_is_on(
            "[workspace.lints.clippy]\nincompatible_msrv = \"allow\"\n"
        ));
        assert!(!lint_is_on(
            "[workspace.lints.clippy]\n\n[other]\nincompatible_msrv = \"warn\"\n"
        ));
    }

    #[test]
    fn dependencies_that_need_a_newer_rust_are_named() {
        let mut metadata = Metadata::default();
        let versions = [
            ("old", Some("1.60")),
            ("new", Some("1.91")),
            ("silent", None),
        ];
        for (name, rust_version) in versions {
            let package = Package {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                rust_version: rust_version.map(str::to_owned),
                ..Package::default()
            };
            metadata.packages.insert(name.to_owned(), package);
        }
        let found = neighbours(&metadata, "1.90");
        assert_eq!(found.newer, ["new 1.0.0 needs Rust 1.91"]);
        assert_eq!((found.agree, found.silent), (1, 1));
    }
}
