//! AetherFlow in one process: `aetherflow serve`.

mod options;
mod pages;
mod secret;
mod serve;
mod stores;
mod telemetry;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::options::ServeOptions;

/// Shared documents in real time, in one process.
#[derive(Parser)]
#[command(name = "aetherflow", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything: gateway, user interface, sessions, documents.
    Serve(Box<ServeOptions>),
}

fn main() -> ExitCode {
    let Command::Serve(options) = Arguments::parse().command;
    match serve::run(*options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aetherflow: {}", telemetry::in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}
