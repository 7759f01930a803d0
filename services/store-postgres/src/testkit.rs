//! For tests: a private PostgreSQL server, with its own data directory and its own port on the loopback
//! interface. Its programs are those of this machine (Debian: package postgresql).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "these are tests"
)]

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::{Options, PostgresStore};

pub mod proxy;

/// A server that runs as long as this lives.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Child>>,
}

impl Cluster {
    /// The server that tests share which run at the same time, each in its own database.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// A server of one's own.
    pub fn start() -> Self {
        Self::start_with(&["fsync=on", "shared_buffers=32MB"])
    }

    /// A server of one's own with these settings, `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some((user, group)) = another_user() {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let mut initdb = as_another_user(program("initdb"));
        initdb
            .args(["--auth=trust", "--username=aetherflow", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path());
        let made = initdb.output().unwrap();
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb failed: {log}");
        let cluster = Self {
            folder,
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            running: Mutex::new(None),
        };
        cluster.resume();
        cluster
    }

    /// Starts the server again after [`Cluster::stop`] or [`Cluster::kill`], on the same port.
    pub fn resume(&self) {
        for _ in 0..START_ATTEMPTS {
            let mut child = self.spawn();
            if self.answers(&mut child) {
                *self.running() = Some(child);
                return;
            }
            // It has ended: of a server that was killed, somebody is still there.
            drop(child.stdin.take());
            child.wait().unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the PostgreSQL server does not start");
    }

    fn spawn(&self) -> Child {
        let settings = self.settings.iter().map(|setting| ["-c", setting.as_str()]);
        let settings: Vec<&str> = settings.flatten().collect();
        let mut shell = as_another_user(PathBuf::from("sh"));
        // The shell stops the server when this process closes the pipe, also by dying, and ends with it.
        shell
            .args([
                "-c",
                "exec 3<&0; \"$@\" & server=$!; \
                 (read -r _ <&3; kill -INT $server) & reader=$!; \
                 wait $server; kill $reader",
            ])
            .arg("sh")
            .arg(program("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(settings)
            .args(["-p", &self.port.to_string()])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // In a group of its own: an interrupt from the terminal reaches it through the pipe only.
        shell.process_group(0).spawn().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends all processes of the server at once, by force: what it did not write to disk is lost, and it
    /// has to recover when it starts again.
    pub fn kill(&self) {
        let Some(mut child) = self.running().take() else {
            return;
        };
        let lock = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let postmaster: i32 = lock.lines().next().unwrap().trim().parse().unwrap();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        // Where the system does not tell them, they end by themselves when they see that they are alone.
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        // The first one first: it would start others in place of those that end.
        for id in std::iter::once(postmaster).chain(children) {
            let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
        }
        child.wait().unwrap();
    }

    /// Stops the server as an operator does who cannot wait: connections are cut.
    pub fn stop(&self) {
        if let Some(mut child) = self.running().take() {
            drop(child.stdin.take());
            // It is on its way out whatever this says, and may be panicking already.
            let _ = child.wait();
        }
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        Self::url_at(self.port, database)
    }

    /// The same through another port.
    pub fn url_at(port: u16, database: &str) -> String {
        format!("postgres://aetherflow@127.0.0.1:{port}/{database}")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database of this name.
    pub async fn database(&self, name: &str) -> String {
        let admin = client(&self.url("postgres")).await;
        let create = format!("CREATE DATABASE {name}");
        admin.batch_execute(&create).await.unwrap();
        self.url(name)
    }

    /// A store on a database of its own.
    pub async fn store(&self, name: &str) -> PostgresStore {
        connect(&self.database(name).await).await
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it comes to answer, and does not end instead.
    fn answers(&self, child: &mut Child) -> bool {
        for _ in 0..ANSWER_ATTEMPTS {
            let mut ready = Command::new(program("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().unwrap().success() {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the PostgreSQL server does not answer");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A store with short waits: nothing here is far away.
pub async fn connect(url: &str) -> PostgresStore {
    PostgresStore::connect(&options(url)).await.unwrap()
}

/// Few connections, short waits.
pub fn options(url: &str) -> Options {
    Options::new(url).connections(8)
}

/// A connection for looking at tables.
pub async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// One of PostgreSQL's programs. Debian keeps all but the client out of the path.
pub fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort();
    let newest_first = versions.into_iter().rev().map(|(_, path)| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = newest_first.chain(std::env::split_paths(&path));
    let mut programs = folders.map(|folder| folder.join(name));
    programs
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is missing: install PostgreSQL (apt-get install postgresql)")
        })
}

/// The server refuses to be root.
fn as_another_user(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = another_user() {
        command.uid(user).gid(group);
    }
    command
}

/// Who the server runs as, if not as ourselves.
fn another_user() -> Option<(u32, u32)> {
    rustix::process::geteuid()
        .is_root()
        .then(|| (id("-u"), id("-g")))
}

/// Debian's package makes the user.
fn id(of: &str) -> u32 {
    let output = Command::new("id").args([of, "postgres"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let id = text.trim().parse();
    id.expect("as root, the tests need a user named postgres to run the server as")
}

/// A port that is free, and that the system gives to nobody who connects somewhere: a server that is
/// started again finds it free again.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(PORTS));
    let port = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    port.unwrap()
}

/// Below those that Linux gives to connections (`ip_local_port_range`).
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How often to start it: what is left of a killed server needs a moment to go.
const START_ATTEMPTS: u32 = 100;
/// A minute, for a machine that has much else to do.
const ANSWER_ATTEMPTS: u32 = 1_200;
