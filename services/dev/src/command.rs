//! Runs other programs: their output goes to a log file, their time is limited, and nothing they
//! started outlives them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::failure::{Failure, While};
use crate::interrupt::Group;

/// One piece of work: a log file that its programs write to, and the time by which it must be over.
#[derive(Debug)]
pub(crate) struct Job {
    log: File,
    log_path: PathBuf,
    budget: Duration,
    deadline: Instant,
}

impl Job {
    /// Starts with an empty log at `log_path`; everything has to be over after `budget`.
    ///
    /// # Errors
    ///
    /// If the log cannot be created.
    pub(crate) fn start(log_path: PathBuf, budget: Duration) -> Result<Self, Failure> {
        if let Some(folder) = log_path.parent() {
            std::fs::create_dir_all(folder)
                .while_doing(|| format!("cannot create {}", folder.display()))?;
        }
        // Emptied first, then opened to append: programs that share it never overwrite each other.
        let log = File::create(&log_path)
            .and_then(|_| File::options().append(true).read(true).open(&log_path))
            .while_doing(|| format!("cannot write {}", log_path.display()))?;
        Ok(Self {
            log,
            log_path,
            budget,
            deadline: Instant::now() + budget,
        })
    }

    /// Where the output goes.
    pub(crate) fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// How much of the budget is left.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Adds a line of our own to the log.
    pub(crate) fn note(&mut self, line: &str) {
        // A log that cannot be written must not fail the work it describes.
        let _ = writeln!(self.log, "{line}");
    }

    /// Runs `command` to its end, without standard input, in a process group of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be started or is not over in time. A command that ran and failed is not an
    /// error here: see [`Finished::required`].
    pub(crate) fn run(&mut self, command: Command) -> Result<Finished, Failure> {
        let log = self.output()?;
        self.finish(command, log)
    }

    /// As [`Job::run`], for a command whose standard output is data: it is returned and not logged.
    ///
    /// # Errors
    ///
    /// As [`Job::run`], and if the command failed.
    pub(crate) fn capture(&mut self, command: Command) -> Result<String, Failure> {
        let path = self.log_path.with_extension("stdout");
        let stdout =
            File::create(&path).while_doing(|| format!("cannot write {}", path.display()))?;
        self.finish(command, stdout)?.required()?;
        let data =
            std::fs::read(&path).while_doing(|| format!("cannot read {}", path.display()))?;
        let _ = std::fs::remove_file(&path);
        Ok(String::from_utf8_lossy(&data).into_owned())
    }

    fn finish(&mut self, mut command: Command, stdout: File) -> Result<Finished, Failure> {
        let line = command_line(&command);
        self.note(&format!("$ {line}"));
        let start = self.end_of_log()?;
        command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(self.output()?)
            .process_group(0);
        let mut child = command
            .spawn()
            .while_doing(|| format!("cannot run `{line}`"))?;
        let group = Group::led_by(&child);
        let in_time = ends_within(&child, self.remaining());
        drop(group);
        let status = child
            .wait()
            .while_doing(|| format!("cannot wait for `{line}`"))?;
        if !in_time {
            let budget = duration(self.budget);
            self.note(&format!("ended by force: not over after {budget}"));
            return Err(Failure::new(format!(
                "not over after {budget}, ended by force: {line}"
            )));
        }
        let output = self.log_from(start)?;
        Ok(Finished {
            line,
            status,
            output,
        })
    }

    /// A handle on the log, for a program that this job does not wait for.
    ///
    /// # Errors
    ///
    /// If the system has no handle left.
    pub(crate) fn output(&self) -> Result<File, Failure> {
        self.log
            .try_clone()
            .while_doing(|| "cannot share the log".to_owned())
    }

    fn end_of_log(&self) -> Result<u64, Failure> {
        let about = self
            .log
            .metadata()
            .while_doing(|| "cannot measure the log".to_owned())?;
        Ok(about.len())
    }

    fn log_from(&mut self, start: u64) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        self.log
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.log.read_to_end(&mut bytes))
            .while_doing(|| format!("cannot read {}", self.log_path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A command that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The command as a person would type it.
    pub(crate) line: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to the log.
    pub(crate) output: String,
}

impl Finished {
    /// The same, if the command succeeded.
    ///
    /// # Errors
    ///
    /// If it did not.
    pub(crate) fn required(self) -> Result<Self, Failure> {
        if self.status.success() {
            Ok(self)
        } else {
            Err(Failure::new(format!(
                "`{}` failed ({})",
                self.line, self.status
            )))
        }
    }
}

/// `program` without the environment that cargo sets for this program itself: it sees what the
/// user's shell would give it.
pub(crate) fn program(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_set_by_cargo_run) {
            command.env_remove(name);
        }
    }
    command
}

/// As [`program`], for one whose output goes to a log: plain text, no progress bars.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = self::program(program);
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("NO_COLOR", "1")
        .env_remove("FORCE_COLOR");
    command
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command as a person would type it.
pub(crate) fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let arguments = command.get_args().map(|argument| {
        let argument = argument.to_string_lossy();
        if argument.contains(' ') {
            format!("'{argument}'")
        } else {
            argument.into_owned()
        }
    });
    std::iter::once(program.into_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last `count` lines of a file, or why it cannot be read.
pub(crate) fn tail(path: &Path, count: usize) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(count)..].join("\n")
        }
        Err(error) => format!("cannot read {}: {error}", path.display()),
    }
}

/// The first of `names` that is a program on the search path.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

/// `12.3 s`, or `4 min 5 s` once seconds are hard to read.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 100 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// Whether `child` ends within `limit`. It is not reaped: until the caller does that, its number
/// cannot be given to another process.
pub(crate) fn ends_within(child: &Child, limit: Duration) -> bool {
    let process = rustix::process::Pid::from_child(child);
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(process), options).is_err_and(|error| error == Errno::INTR) {}
        let _ = ended.send(());
    });
    end.recv_timeout(limit).is_ok()
}

fn is_set_by_cargo_run(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || matches!(
            name,
            "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
        )
}

#[cfg(test)]
mod tests;
