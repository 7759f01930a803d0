//! The developer commands behind the cargo aliases `cargo up` and `cargo verify`.
//!
//! `up` takes a fresh clone to a running server; `verify` is everything that continuous integration
//! checks. Both say what they do and why, keep other programs' output in log files, and install or
//! find what they need.

#[cfg(unix)]
mod command;
#[cfg(unix)]
mod failure;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod metadata;
#[cfg(unix)]
mod packages;
#[cfg(unix)]
mod project;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod up;
#[cfg(unix)]
mod verify;
#[cfg(unix)]
mod web;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = interrupt::stop_children_on_signal().and_then(|()| match command.as_deref() {
        Some("up") => up::main(&rest),
        Some("verify") => verify::main(&rest),
        _ => {
            terminal::line(HELP);
            Ok(ExitCode::from(2))
        }
    });
    result.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::FAILURE
    })
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("cargo up and cargo verify need Linux or macOS (on Windows: WSL)");
    std::process::ExitCode::FAILURE
}

#[cfg(unix)]
const HELP: &str = "\
Developer commands of AetherFlow:

  cargo up       build the user interface and the server, start them, print where they are
  cargo verify   everything that continuous integration checks

Each explains itself: cargo up --help, cargo verify --help";
