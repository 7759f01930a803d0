//! A real Redis server for a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "these are tests, and not each of them needs all of it"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

/// A Redis server of our own, which goes with this.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(port: u16) -> Self {
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
    pub(crate) async fn answers(&self) {
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

    /// Stops it where it is, or lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
