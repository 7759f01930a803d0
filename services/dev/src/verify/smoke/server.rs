//! A server in the background, from its ready line to its exit code.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::command::{Job, command_line, ends_within};
use crate::failure::{Failure, While};
use crate::interrupt::Group;

/// A server that is ready. Dropping it ends it by force.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    group: Option<Group>,
    address: SocketAddr,
    /// Read to its end by a thread, so that the server never waits for a reader.
    lines: Receiver<String>,
}

impl Server {
    /// Starts it and waits for its ready line.
    ///
    /// # Errors
    ///
    /// If it ends, or the job's time does, before it is ready.
    pub(crate) fn start(mut command: Command, job: &mut Job) -> Result<Self, Failure> {
        let line = command_line(&command);
        job.note(&format!("$ {line}"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(job.output()?)
            .process_group(0);
        let mut child = command
            .spawn()
            .while_doing(|| format!("cannot run `{line}`"))?;
        let group = Group::led_by(&child);
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let mut server = Self {
            child,
            group: Some(group),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            lines,
        };
        server.address = server.wait_until_ready(job)?;
        Ok(server)
    }

    /// Where the user interface and the REST API answer.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends `signal` and expects the server to end by itself with exit code 0.
    ///
    /// # Errors
    ///
    /// If it does not end within [`DRAIN_MAX`], or ends otherwise.
    pub(crate) fn stop(mut self, signal: Signal, job: &mut Job) -> Result<(), Failure> {
        if let Some(group) = &self.group {
            kill_process(group.leader(), signal).while_doing(|| "cannot signal it".to_owned())?;
        }
        let in_time = ends_within(&self.child, DRAIN_MAX.min(job.remaining()));
        self.group = None;
        let status = self
            .child
            .wait()
            .while_doing(|| "cannot wait for it".to_owned())?;
        for line in self.lines.try_iter() {
            job.note(&line);
        }
        if !in_time {
            return Err(Failure::new(format!(
                "still running {DRAIN_MAX:?} after {signal:?}"
            )));
        }
        if !status.success() {
            return Err(Failure::new(format!(
                "after {signal:?} it ended with {status}, not 0"
            )));
        }
        Ok(())
    }

    fn wait_until_ready(&mut self, job: &mut Job) -> Result<SocketAddr, Failure> {
        let deadline = Instant::now() + READY_MAX.min(job.remaining());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|_| {
                Failure::new("it ended, or its time did, before it printed that it is ready")
            })?;
            job.note(&line);
            if let Some(port) = ready_port(&line) {
                return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            drop(group);
            let _ = self.child.wait();
        }
    }
}

/// The port in the line that tells a user where to look.
fn ready_port(line: &str) -> Option<u16> {
    line.strip_prefix("AetherFlow is ready: http://localhost:")?
        .trim_end()
        .parse()
        .ok()
}

/// `cargo up` may have to compile first.
const READY_MAX: Duration = Duration::from_secs(15 * 60);
/// Longer than any drain is meant to take.
const DRAIN_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_the_port() {
        assert_eq!(
            ready_port("AetherFlow is ready: http://localhost:8080"),
            Some(8080)
        );
        assert_eq!(ready_port("gateway: http://127.0.0.1:8000"), None);
    }
}
