//! The bench runs: small versions of all parts, on the real stores and the real service.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::process::Command;

#[test]
fn every_part_measures_something() {
    // Scratch files go where the build goes, not beside the sources.
    let folder = env!("CARGO_TARGET_TMPDIR");
    let run = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["--quick", "all"])
        .current_dir(folder)
        .output()
        .unwrap();
    let (page, log) = (
        String::from_utf8(run.stdout).unwrap(),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{page}\n{log}");
    for heading in [
        "## PostgreSQL, 1,000 documents",
        "## PostgreSQL, one hot document",
        "## Embedded store",
        "## One slow subscriber among many",
        "## Memory and loading",
    ] {
        assert!(page.contains(heading), "{heading} is missing: {page}");
    }
    assert!(!page.contains("NaN"), "something was not measured: {page}");
}
