//! The real binary in a directory of its own: started, stopped, killed, started again.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::patience::in_time;

/// How to start a server, and where it keeps what it keeps.
pub(crate) struct Setup {
    directory: TempDir,
    flags: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    ui: SocketAddr,
    gateway: SocketAddr,
    statesync: SocketAddr,
}

/// A server that is ready. Killed when dropped.
pub(crate) struct Server {
    pub(crate) ui: SocketAddr,
    pub(crate) gateway: SocketAddr,
    /// Where the document service answers over gRPC.
    pub(crate) statesync: SocketAddr,
    /// What it said when it was ready.
    pub(crate) announcement: Vec<String>,
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    setup: Setup,
}

/// How a process ended, and what it had to say.
pub(crate) struct Ending {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

/// A free port of this machine.
pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

impl Default for Setup {
    /// The defaults of the product, on free ports, with development login.
    fn default() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            flags: vec!["--development-login".into()],
            environment: Vec::new(),
            ui: ANY_PORT,
            gateway: ANY_PORT,
            statesync: ANY_PORT,
        }
    }
}

impl Setup {
    /// Without a single option but those for data and ports.
    pub(crate) fn bare() -> Self {
        Self {
            flags: Vec::new(),
            ..Self::default()
        }
    }

    pub(crate) fn flags<T: Into<OsString>>(mut self, flags: impl IntoIterator<Item = T>) -> Self {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With the document service at this address.
    pub(crate) fn statesync(mut self, address: SocketAddr) -> Self {
        self.statesync = address;
        self
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A place beside the data, for what a test needs.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.beside("log")
    }

    /// What was logged so far, of all starts.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    fn command(&self) -> Command {
        self.command_on(self.ui, self.gateway, self.statesync)
    }

    fn command_on(&self, ui: SocketAddr, gateway: SocketAddr, statesync: SocketAddr) -> Command {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_aetherflow"));
        command.arg("serve").arg("--data-dir").arg(self.data());
        command.arg("--ui").arg(ui.to_string());
        command.arg("--gateway").arg(gateway.to_string());
        command.arg("--statesync-grpc").arg(statesync.to_string());
        command
            .args(&self.flags)
            .env_clear()
            .envs(self.environment.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        command
    }

    /// Starts it and waits until it is ready. Once started, it keeps its ports.
    pub(crate) async fn start(self) -> Server {
        match self.try_start().await {
            Ok(server) => server,
            Err((_, setup)) => panic!("the server did not start:\n{}", tail(&setup.log())),
        }
    }

    /// Starts it and waits until it is ready, or gives up.
    pub(crate) async fn try_start(mut self) -> Result<Server, (ExitStatus, Self)> {
        let mut child = self.command().spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut announcement = Vec::new();
        while announcement.len() < 3 {
            match in_time("the server says that it is ready", stdout.next_line())
                .await
                .unwrap()
            {
                Some(line) => announcement.push(line),
                None => return Err((child.wait().await.unwrap(), self)),
            }
        }
        let port = announcement[0]
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        self.ui
            .set_port(port.expect("the ready line ends with the port"));
        let gateway = announcement[1].strip_prefix("gateway: http://");
        self.gateway = gateway
            .and_then(|address| address.parse().ok())
            .expect("the gateway's line");
        let statesync = announcement[2].strip_prefix("statesync-grpc: http://");
        self.statesync = statesync
            .and_then(|address| address.parse().ok())
            .expect("the document service's line");
        Ok(Server {
            ui: self.ui,
            gateway: self.gateway,
            statesync: self.statesync,
            announcement,
            child,
            _stdout: stdout,
            setup: self,
        })
    }

    /// Starts it and kills it at once, wherever it has come to.
    pub(crate) async fn start_in_vain(&self) {
        let mut child = self.command().spawn().unwrap();
        child.kill().await.unwrap();
    }

    /// Starts it and waits for its end, which should be soon.
    pub(crate) async fn fail(&self) -> Ending {
        self.failing(self.command()).await
    }

    /// The same, on other ports.
    pub(crate) async fn fail_on(&self, ui: SocketAddr, gateway: SocketAddr) -> Ending {
        self.failing(self.command_on(ui, gateway, ANY_PORT)).await
    }

    async fn failing(&self, mut command: Command) -> Ending {
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let output = in_time("the server gives up", child.wait_with_output())
            .await
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "",
            "nothing was ready"
        );
        Ending {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Server {
    /// Sends a signal, waits for the end, and hands back what is needed to start again.
    pub(crate) async fn stop(mut self, signal: Signal) -> (Ending, Setup) {
        self.signal(signal);
        let status = in_time("the server ends", self.child.wait()).await.unwrap();
        let stderr = self.logged();
        (Ending { status, stderr }, self.into_setup())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(
            Pid::from_raw(self.process_id().cast_signed()).unwrap(),
            signal,
        )
        .unwrap();
    }

    /// The end without warning: SIGKILL.
    pub(crate) async fn kill(mut self) -> Setup {
        self.child.kill().await.unwrap();
        self.into_setup()
    }

    /// What was logged so far, of all starts.
    pub(crate) fn logged(&self) -> String {
        self.setup.logged()
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Memory that the process has in use, in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        let status = self.kernel_file("status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim()
            .trim_end_matches(" kB")
            .parse::<usize>()
            .unwrap()
            * 1024
    }

    /// What the kernel says about the process (`man 5 proc`).
    pub(crate) fn kernel_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.process_id())).unwrap()
    }

    fn process_id(&self) -> u32 {
        self.child.id().expect("the server is running")
    }

    fn into_setup(mut self) -> Setup {
        let left = Setup {
            flags: Vec::new(),
            ..Setup::default()
        };
        std::mem::replace(&mut self.setup, left)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", tail(&self.setup.log()));
        }
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    const LINES: usize = 60;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
