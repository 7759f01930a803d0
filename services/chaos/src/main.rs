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
//! lane.rs      rounds, one after the other
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
mod lane;
mod load;
mod mirror;
mod options;
mod report;
mod round;
mod servers;

use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use clap::Parser as _;
use futures::future::try_join_all;

use crate::failure::Failure;
use crate::lane::Lane;
use crate::options::Options;
use crate::report::Report;

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
    let lanes = 0..options.lanes;
    let mut lanes: Vec<Lane> = lanes.map(|number| Lane::new(number, &program)).collect();
    for fault in options.faults() {
        eprintln!("> {:<20} {}", fault.name(), fault.about());
        let indexes = AtomicU64::new(0);
        let rounds = lanes
            .iter_mut()
            .map(|lane| lane.rounds(options, fault, &indexes));
        for done in try_join_all(rounds).await?.into_iter().flatten() {
            report.add(fault, done);
        }
        eprintln!("  {:<20} {}", "", report.line_of(fault));
        report.finish(began.elapsed());
        // After each fault: all of them take long, and may be interrupted.
        if let Some(path) = &options.report {
            std::fs::write(path, report.to_markdown())?;
        }
    }
    print!("{}", report.to_markdown());
    println!("{}", report.total());
    Ok(report)
}
