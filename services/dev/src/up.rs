//! `cargo up`: from a fresh clone to a running server.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::command::{Job, cargo, command_line, program, tail};
use crate::failure::{Failure, While};
use crate::project::Project;
use crate::terminal;
use crate::web;

/// Builds what changed and becomes the server: on success this does not return.
///
/// # Errors
///
/// If something is missing, does not build or cannot be started.
pub(crate) fn main(arguments: &[String]) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments);
    if options.help {
        terminal::line(HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let project = Project::locate()?;
    logged(&project, "up-web.log", |job| {
        web::build(&project, job, &say)
    })?;
    let binary = build_server(&project, options.debug)?;
    let mut server = serve(&project, &binary, &options.flags);
    say(&format!("starts {}", command_line(&server)));
    // From here on the server is this process, so that signals and the exit code are its own.
    Err(server.exec()).while_doing(|| format!("cannot start {}", binary.display()))
}

/// What the user asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    help: bool,
    debug: bool,
    flags: Vec<String>,
}

impl Options {
    /// Our own options come before `--`; everything else is the server's.
    fn parse(arguments: &[String]) -> Self {
        let mut options = Self::default();
        let mut ours = true;
        for argument in arguments {
            match argument.as_str() {
                "--" if ours => ours = false,
                "--help" | "-h" if ours => options.help = true,
                "--debug" if ours => options.debug = true,
                _ => options.flags.push(argument.clone()),
            }
        }
        options
    }
}

fn build_server(project: &Project, debug: bool) -> Result<PathBuf, Failure> {
    let (profile, hint) = if debug {
        ("debug", "without optimisation")
    } else {
        ("release", "optimised; the first time takes some minutes")
    };
    let binary = project.target().join(profile).join("aetherflow");
    say(&format!("builds the server ({hint})"));
    logged(project, "up-cargo.log", |job| {
        let mut build = cargo();
        build
            .args(["build", "--package", "aetherflow"])
            .current_dir(project.root());
        if !debug {
            build.arg("--release");
        }
        job.run(build)?.required()
    })?;
    Ok(binary)
}

/// The server with our defaults, each only where the user did not decide.
fn serve(project: &Project, binary: &Path, flags: &[String]) -> Command {
    let mut server = program(binary);
    server.arg("serve");
    let decided = |flag: &str, variable: &str| {
        let named = |given: &String| given == flag || given.starts_with(&format!("{flag}="));
        flags.iter().any(named) || std::env::var_os(variable).is_some()
    };
    // A configuration file is the whole truth: a flag of ours would silently overrule it.
    if !decided("--config", "AETHERFLOW_CONFIG") {
        if !decided("--data-dir", "AETHERFLOW_DATA_DIR") {
            server.arg("--data-dir").arg(default_data_dir(project));
        }
        if !decided("--development-login", "AETHERFLOW_DEVELOPMENT_LOGIN") {
            server.arg("--development-login");
        }
    }
    server.args(flags);
    server
}

/// `.aetherflow` in the root of the work tree, whichever folder of it the user is in.
fn default_data_dir(project: &Project) -> OsString {
    let here = std::env::current_dir().is_ok_and(|here| here == project.root());
    if here {
        ".aetherflow".into()
    } else {
        project.root().join(".aetherflow").into()
    }
}

/// Runs `work` with a log of its own, and shows the log's end if it fails.
fn logged<T>(
    project: &Project,
    log: &str,
    work: impl FnOnce(&mut Job) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut job = Job::start(project.target().join(log), BUDGET)?;
    work(&mut job).map_err(|failure| {
        let path = job.log_path();
        let end = terminal::without_colours(&tail(path, TAIL_LINES));
        // One line is the command alone: it printed nothing.
        if end.lines().count() < 2 {
            return Failure::new(format!("cargo up: {failure}"));
        }
        eprintln!("{end}");
        Failure::new(format!(
            "cargo up: {failure}\n(all of it: {})",
            project.shown(path)
        ))
    })
}

fn say(line: &str) {
    // Standard output belongs to the server.
    eprintln!("cargo up: {line}");
}

/// A build on a slow machine and a slow network is still over by then.
const BUDGET: Duration = Duration::from_secs(60 * 60);
const TAIL_LINES: usize = 40;

const HELP: &str = "\
cargo up [--debug] [-- FLAGS]   build what changed, start AetherFlow, print where it is

Builds the user interface (npm ci, npm run build) and the server, each only when something changed,
and runs: aetherflow serve --data-dir .aetherflow --development-login FLAGS
Ctrl-C stops it; documents stay in .aetherflow. With --config the file decides instead of these
defaults.

  --debug   build without optimisation: faster to build, slower to run
  FLAGS     flags of the server, for example: cargo up -- --ui 127.0.0.1:9090
            (all of them: cargo up -- --help)";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Options {
        Options::parse(
            &arguments
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn everything_after_the_dashes_is_the_servers() {
        let options = parse(&[
            "--debug",
            "--",
            "--debug",
            "--ui",
            "127.0.0.1:0",
            "--",
            "--help",
        ]);
        assert!(options.debug && !options.help);
        assert_eq!(
            options.flags,
            ["--debug", "--ui", "127.0.0.1:0", "--", "--help"]
        );
    }

    #[test]
    fn flags_of_the_server_need_no_dashes() {
        assert_eq!(
            parse(&["--ui", "127.0.0.1:0"]).flags,
            ["--ui", "127.0.0.1:0"]
        );
    }
}
