//! The document service as a process of its own: `statesync-service`.

use std::process::ExitCode;

use clap::Parser;
use statesync::options::Options;
use statesync::{run, telemetry};

fn main() -> ExitCode {
    match run::run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("statesync-service: {}", telemetry::in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}
