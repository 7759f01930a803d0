//! AetherFlow in one process: `aetherflow serve`, and commands for those who operate it.

mod audit;
mod callers;
mod options;
mod pages;
mod secret;
mod serve;
mod stores;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::audit::AuditCommand;
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
    /// Look at the audit logs of documents.
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// Who speaks on standard error.
const NAME: &str = "aetherflow";

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(options) => lifecycle::end(NAME, serve::run(*options)),
        Command::Audit(command) => audit::run(command),
    }
}
