//! The document service as a process of its own: `statesync-service`.

use std::process::ExitCode;

use clap::Parser;
use statesync::options::Options;
use statesync::run;

fn main() -> ExitCode {
    lifecycle::end("statesync-service", run::run(Options::parse()))
}
