//! `cargo chaos`: servers break while clients work, and everything that the clients saw is checked.
//!
//! Three processes of `statesync-service` serve five documents over one PostgreSQL and one Redis, all of
//! them real. Thirty clients edit and listen. In each round one thing breaks: a process is killed, a
//! connection is cut around a `COMMIT`, the holder of a lock sleeps for too long.
//!
//! ```text
//! servers.rs   what breaks: PostgreSQL, Redis, replicas, and proxies between them
//! load.rs      who works: editors, lock holders, subscribers         mirror.rs  what they have
//! fault.rs     what is done to the servers, and when
//! round.rs     one round: load, fault, drain                         history.rs  what was recorded
//! check.rs     whether it can have happened if the service keeps what it promises: a pure function
//! figures.rs   what a round counted                                  report.rs   the table of all rounds
//! ```
//!
//! Everything that is chosen comes from a seed. The processes keep their own time, so a seed gives the
//! same plan and not the same run; what failed is in a file, whatever the next run does.

mod build;
mod caller;
mod check;
mod failure;
mod fault;
mod figures;
mod history;
mod load;
mod mirror;
mod options;
mod report;
mod round;
mod servers;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;

use crate::failure::Failure;
use crate::fault::Fault;
use crate::figures::Figures;
use crate::options::Options;
use crate::report::Report;
use crate::servers::Servers;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(all_rounds(&options)));
    match outcome {
        Ok(report) if report.failed_rounds() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("cargo chaos: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn all_rounds(options: &Options) -> Result<Report, Failure> {
    let program = build::service(options.service.as_deref())?;
    let began = Instant::now();
    let mut report = Report::begin(options);
    let mut running = None;
    for fault in options.faults() {
        eprintln!("> {:<20} {}", fault.name(), fault.about());
        let bus = options.bus_of(fault);
        for index in 0..options.rounds {
            let servers = match running.take() {
                Some((known, servers)) if known == bus => servers,
                other => {
                    drop(other);
                    Servers::start(&program, bus).await?
                }
            };
            let seed = options.seed.wrapping_add(index);
            let figures = one_round(&servers, fault, seed).await;
            // What a failed round has left behind must not fail the next one.
            running = figures.is_ok().then_some((bus, servers));
            let failed = figures.is_err();
            report.add(fault, figures.unwrap_or_default(), failed);
        }
        eprintln!("  {:<20} {}", "", report.line_of(fault));
    }
    report.finish(began.elapsed());
    print!("{}", report.to_markdown());
    if let Some(path) = &options.report {
        std::fs::write(path, report.to_markdown())?;
    }
    println!("{}", report.total());
    Ok(report)
}

/// One round. What it finds wrong is printed, with the command that repeats it.
async fn one_round(servers: &Servers, fault: Fault, seed: u64) -> Result<Figures, ()> {
    let outcome = round::run(servers, fault, seed).await;
    let (problem, findings) = match outcome {
        Ok(round) if round.findings.is_empty() => return Ok(round.figures),
        Ok(round) => {
            let path = history::save(&round, fault, seed);
            (format!("the history is in {path}"), round.findings)
        }
        Err(failure) => (failure.to_string(), Vec::new()),
    };
    eprintln!("  FAILED: {problem}");
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        eprintln!("    {finding}");
    }
    let more = findings.len().saturating_sub(FINDINGS_SHOWN);
    if more > 0 {
        eprintln!("    and {more} more");
    }
    eprintln!(
        "  again: cargo chaos --fault {} --seed {seed} --rounds 1",
        fault.name()
    );
    Err(())
}

/// One mistake shows in many places.
const FINDINGS_SHOWN: usize = 8;
