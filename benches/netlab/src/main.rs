//! Transports side by side over one emulated link, and on loopback.
//!
//! `cargo run --release -p netlab -- run|probe|latency|bulk|handshake|idle|loopback|pingpong`; see `README.md`.

mod bounded;
mod chart;
mod child;
mod footprint;
mod identity;
mod output;
mod path;
mod peers;
mod probe;
mod process;
mod runner;
mod scenario;
mod ticker;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::present;

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
    /// Measure what a scenario file says; write results, charts and a page.
    Run(scenario::Options),
    /// Measure the emulated link against its settings.
    Probe,
    /// Small messages from client to server over a bad link; when each arrives.
    Latency(workload::latency::Options),
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
        Command::Run(options) => scenario::run(&options),
        Command::Probe => probe::run(),
        Command::Latency(options) => present(&options, &options.destination),
        Command::Bulk(options) => present(&options, &options.destination),
        Command::Handshake(options) => present(&options, &options.destination),
        Command::Idle(options) => present(&options, &options.destination),
        Command::Loopback(options) => present(&options, &options.destination),
        Command::Pingpong(options) => present(&options, &options.destination),
        Command::Child => child::run(),
    }
}
