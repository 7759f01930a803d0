//! The steps in which cargo runs something: tests, benches, the server itself.

use super::counts::Tests;
use super::smoke;
use super::stage::{Outcome, Stage};
use crate::failure::Failure;
use crate::packages;
use crate::terminal::count;

/// All tests but those that have a step of their own.
pub(super) fn test(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.binary()?;
    packages::postgresql(&mut stage.job, &Stage::say)?;
    packages::redis(&mut stage.job, &Stage::say)?;
    let metadata = stage.metadata()?;
    let mut test = stage.cargo_workspace("test --no-fail-fast --lib --bins")?;
    for name in metadata.targets("test") {
        if ![SERVICE, BENCH].contains(&name) {
            test.args(["--test", name]);
        }
    }
    stage.run_tests(test, Tests::of_cargo)
}

pub(super) fn doc_test(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    let test = stage.cargo_workspace("test --no-fail-fast --doc")?;
    stage.run_tests(test, Tests::of_cargo)
}

/// Each seed is a network with its faults, and rules that have to hold; some run twice and have to
/// run alike.
pub(super) fn sim(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let seeds = format!("--seeds {SEEDS} --twice {SEEDS_TWICE}");
    let sim = stage.cargo(&format!("run --quiet --package quantum-sim -- {seeds}"));
    stage.require(sim)?;
    Ok(Outcome::noted(format!(
        "{SEEDS} seeds, {SEEDS_TWICE} of them twice"
    )))
}

/// The tests of the real server that have no step of their own.
pub(super) fn service(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let others = [CRASH, TRACES, HOSTILE].map(|story| ["--skip", story]);
    test_service(stage, others.as_flattened())
}

pub(super) fn crash(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_service(stage, &[CRASH])
}

/// Each fault some times; what clients recorded is checked. The last line says how much that was.
pub(super) fn chaos(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let server = stage.binary()?;
    packages::postgresql(&mut stage.job, &Stage::say)?;
    packages::redis(&mut stage.job, &Stage::say)?;
    let rounds = format!("--rounds {CHAOS_ROUNDS}");
    let mut chaos = stage.cargo(&format!(
        "run --quiet --package aetherflow-chaos -- {rounds} --service"
    ));
    // Built with the server and the tests, and beside them.
    chaos.arg(server.with_file_name("statesync-service"));
    let finished = stage.job.run(chaos)?.required()?;
    let last = finished.output.lines().last().unwrap_or_default();
    Ok(Outcome::noted(last))
}

pub(super) fn traces(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_service(stage, &[TRACES])
}

pub(super) fn hostile(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    test_service(stage, &[HOSTILE])
}

fn test_service(stage: &mut Stage<'_>, chosen: &[&str]) -> Result<Outcome, Failure> {
    stage.binary()?;
    let mut test = stage.cargo_workspace(&format!("test --test {SERVICE}"))?;
    test.arg("--").args(chosen);
    test.env("AETHERFLOW_CRASH_ROUNDS", CRASH_ROUNDS);
    stage.run_tests(test, Tests::of_cargo)
}

/// Criterion tries each bench once when `cargo test` runs it. The bench of the services has a test that
/// runs a small version of it.
pub(super) fn benches(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    packages::postgresql(&mut stage.job, &Stage::say)?;
    let metadata = stage.metadata()?;
    let targets = metadata.targets("bench");
    if targets.is_empty() {
        return Err(Failure::new("there is no bench"));
    }
    let load = stage.cargo_workspace(&format!("test --test {BENCH}"))?;
    stage.require(load)?;
    let mut bench = stage.cargo_workspace("test --no-fail-fast")?;
    for name in &targets {
        bench.args(["--bench", name]);
    }
    let finished = stage.job.run(bench)?.required()?;
    match Tests::of_criterion(&finished.output) {
        0 => Err(Failure::new("no bench ran")),
        ran => {
            let (ran, programs) = (count(ran, "benchmark"), count(targets.len(), "program"));
            let note = format!("{ran} in {programs}, and the services under load");
            Ok(Outcome::noted(note))
        }
    }
}

pub(super) fn start(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let binary = stage.binary()?;
    smoke::check(stage.project, &binary, &mut stage.job).map(Outcome::tested)
}

/// More are a separate command: `cargo run --release -p quantum-sim -- --seeds 20000`.
const SEEDS: u32 = 3_000;
const SEEDS_TWICE: u32 = 500;

/// The test program that runs the bench of the services.
const BENCH: &str = "bench_load";

/// The test program that drives the real server, and those of its modules with a step each.
const SERVICE: &str = "service";
const CRASH: &str = "crash::";
const TRACES: &str = "traces::";
const HOSTILE: &str = "hostile::";

/// Of each fault; `cargo chaos --rounds 100` is a separate command.
const CHAOS_ROUNDS: u32 = 5;

/// Enough to meet a write in progress; the full test takes 20 and more.
const CRASH_ROUNDS: &str = "5";
