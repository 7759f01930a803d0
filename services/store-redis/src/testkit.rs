//! A real Redis server for tests (feature `testkit`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test kit panics by design"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use guuid::Guuid;

/// A Redis server of our own, which goes with this.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    /// A new, empty server on a port. Returns before it answers.
    ///
    /// # Panics
    ///
    /// If there is no `redis-server` (Debian: redis-server).
    pub fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null());
        let process = command
            .spawn()
            .expect("redis-server (Debian: redis-server)");
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    /// Resolves when the server has answered.
    ///
    /// # Panics
    ///
    /// If its address is none.
    pub async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
                let pong = redis::cmd("PING").query_async::<()>(&mut connection).await;
                if pong.is_ok() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends a signal, such as `STOP` and `CONT`.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// A connection of one's own.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A port of this machine at which nobody listens, below those that the system gives to connections, so that
/// it is still free when a server comes back there.
pub fn free_port() -> u16 {
    loop {
        let [.., high, low] = *Guuid::now().as_bytes();
        let port = 20_000 + u16::from_be_bytes([high, low]) % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
