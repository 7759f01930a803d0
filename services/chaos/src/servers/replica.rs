//! One process of `statesync-service`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};

use crate::failure::Failure;

/// Where a replica answers, and how many processes it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) process: u64,
    pub(crate) address: SocketAddr,
}

/// A process that can be killed and started again. Clients are told where it is.
pub(crate) struct Replica {
    program: PathBuf,
    store: String,
    bus: String,
    log: PathBuf,
    running: Mutex<Option<Child>>,
    place: watch::Sender<Place>,
}

impl Replica {
    pub(crate) fn new(program: &Path, store: String, bus: String, log: PathBuf) -> Self {
        let nowhere = Place {
            process: 0,
            address: SocketAddr::from(([127, 0, 0, 1], 9)),
        };
        Self {
            program: program.to_owned(),
            store,
            bus,
            log,
            running: Mutex::new(None),
            place: watch::Sender::new(nowhere),
        }
    }

    /// Where it is, now and after each start.
    pub(crate) fn place(&self) -> watch::Receiver<Place> {
        self.place.subscribe()
    }

    /// Starts it, and waits until it serves.
    pub(crate) async fn start(&self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--document-store", &self.store])
            .args(["--bus", &self.bus])
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let lines = child.stderr.take();
        let lines = lines.ok_or_else(|| Failure::new("a process without standard error"))?;
        let (tell, told) = oneshot::channel();
        tokio::spawn(keep(lines, self.log.clone(), tell));
        let address = tokio::time::timeout(LONGEST, told).await;
        let address = address.map_err(|_| Failure::late("a replica that serves"))?;
        let log = self.log.display();
        let address = address.map_err(|_| Failure::new(format!("a replica ended: see {log}")))?;
        *self.running.lock() = Some(child);
        self.place.send_modify(|place| {
            place.process += 1;
            place.address = address;
        });
        Ok(())
    }

    /// Ends it by force.
    pub(crate) async fn kill(&self) -> Result<(), Failure> {
        let child = self.running.lock().take();
        if let Some(mut child) = child {
            child.kill().await?;
        }
        Ok(())
    }

    /// Stops it where it is, connections and all, until it is told to go on.
    pub(crate) fn pause(&self) -> Result<(), Failure> {
        self.signal(Signal::STOP)
    }

    pub(crate) fn go_on(&self) -> Result<(), Failure> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let id = self.running.lock().as_ref().and_then(Child::id);
        let id = id.and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let id = id.ok_or_else(|| Failure::new("the replica does not run"))?;
        kill_process(id, signal).map_err(|error| Failure::from(std::io::Error::from(error)))
    }
}

/// Keeps what a process says, and tells the address that it says it serves at.
async fn keep(
    lines: ChildStderr,
    log: PathBuf,
    tell: oneshot::Sender<SocketAddr>,
) -> std::io::Result<()> {
    let mut log = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .await?;
    let mut tell = Some(tell);
    let mut lines = BufReader::new(lines).lines();
    while let Some(line) = lines.next_line().await? {
        log.write_all(format!("{line}\n").as_bytes()).await?;
        if let Some(address) = address(&line)
            && let Some(tell) = tell.take()
        {
            // Nobody waits any more: the start was given up.
            let _ = tell.send(address);
        }
    }
    Ok(())
}

/// The address in the line `.. serving address=127.0.0.1:4711 ..`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("serving address=")?;
    rest.split(' ').next()?.parse().ok()
}

/// Only for what would never come.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_says_where_it_is() {
        let line = "2026-01-01T00:00:00Z  INFO serving address=127.0.0.1:4711 store=postgres://..";
        assert_eq!(address(line), Some(([127, 0, 0, 1], 4711).into()));
        assert_eq!(address("INFO stopping"), None);
    }
}
