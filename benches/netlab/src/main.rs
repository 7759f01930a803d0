//! Transports side by side over one emulated link, and on loopback.
//!
//! `cargo run --release -p netlab -- probe|bulk|handshake|idle|loopback|pingpong`; see `README.md`.

mod child;
mod footprint;
mod identity;
mod machine;
mod output;
mod peers;
mod probe;
mod process;
mod runner;
mod statistics;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a run failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures transports side by side, over an emulated link between two network namespaces and on
/// loopback. Needs root (for the namespaces), /dev/net/tun and iproute2.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the emulated link against its settings.
    Probe,
    /// Download from server to client over a lossy link; goodput in % of the link's rate.
    Bulk(workload::bulk::Options),
    /// Connect again and again; time to the first byte of the first answer.
    Handshake(workload::handshake::Options),
    /// Many connections that do nothing; memory and wake-ups of the server.
    Idle(workload::idle::Options),
    /// Download on loopback; bits and CPU per byte.
    Loopback(workload::loopback::Options),
    /// Requests and responses of 64 bytes on loopback.
    Pingpong(workload::pingpong::Options),
    /// One end of a run, told on standard input what to do.
    #[command(hide = true)]
    Child,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("netlab: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Probe => probe::run(command_line()),
        Command::Bulk(options) => workload::bulk::run(&options),
        Command::Handshake(options) => workload::handshake::run(&options),
        Command::Idle(options) => workload::idle::run(&options),
        Command::Loopback(options) => workload::loopback::run(&options),
        Command::Pingpong(options) => workload::pingpong::run(&options),
        Command::Child => child::run(),
    }
}

/// The command that repeats this run.
pub(crate) fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p netlab -- {}", arguments.join(" "))
}
