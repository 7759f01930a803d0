//! A private Redis that can be stopped in every way.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::failure::Failure;

/// A server that keeps nothing on disk and ends with this.
pub(crate) struct Redis {
    port: u16,
    folder: TempDir,
    running: Mutex<Option<Child>>,
}

impl Redis {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let mut ports = std::iter::repeat_with(|| rand::random_range(PORTS));
        let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
        let redis = Self {
            port: free.unwrap_or(PORTS.start),
            folder: tempfile::tempdir()?,
            running: Mutex::new(None),
        };
        redis.resume().await?;
        Ok(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port, and waits until it answers.
    pub(crate) async fn resume(&self) -> Result<(), Failure> {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null());
        let child = command.spawn().map_err(|error| {
            Failure::new(format!("redis-server (Debian: redis-server): {error}"))
        })?;
        *self.running.lock() = Some(child);
        let answers = async {
            while self.ask("PING").await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(LONGEST, answers).await;
        waited.map_err(|_| Failure::late("an answer of Redis"))
    }

    /// Ends it by force.
    pub(crate) fn kill(&self) -> Result<(), Failure> {
        if let Some(mut child) = self.running.lock().take() {
            child.kill()?;
            child.wait()?;
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

    /// Takes away everything that it keeps.
    pub(crate) async fn flush(&self) -> Result<(), Failure> {
        self.ask("FLUSHALL").await
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let running = self.running.lock();
        let child = running.as_ref();
        let child = child.ok_or_else(|| Failure::new("Redis does not run"))?;
        kill_process(Pid::from_child(child), signal)
            .map_err(|error| Failure::from(std::io::Error::from(error)))
    }

    async fn ask(&self, command: &str) -> Result<(), Failure> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let answer = redis::cmd(command).query_async::<()>(&mut connection).await;
        Ok(answer?)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A failure means that it has ended already.
        drop(self.kill());
    }
}

/// Below those that the system gives to connections, so that it is still free after a while.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const LONGEST: Duration = Duration::from_secs(30);
