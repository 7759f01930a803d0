//! Starts the two ends of a run and listens to them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use netlab::namespace::Namespace;

use crate::Failure;
use crate::child::{Order, Report, STOP, Task};
use crate::peers::Setup;

/// How long an end may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than its work a client may take: connecting through heavy loss.
const GRACE: Duration = Duration::from_secs(60);

/// A server and a client. Both are killed when this is dropped.
pub(crate) struct Pair {
    server: End,
    client: End,
}

impl Pair {
    /// Starts a server, waits until it listens, and starts a client.
    pub(crate) fn start(
        server: &Namespace,
        client: &Namespace,
        setup: &Setup,
        task: Task,
    ) -> Result<Self, Failure> {
        Self::start_with(server, client, setup, [Task::Serve, task])
    }

    /// The same for a server that has a task of its own: `[server's, client's]`.
    pub(crate) fn start_with(
        server: &Namespace,
        client: &Namespace,
        setup: &Setup,
        [servers, clients]: [Task; 2],
    ) -> Result<Self, Failure> {
        let order = |task| Order {
            setup: setup.clone(),
            task,
        };
        let server = End::start(server, &order(servers))?;
        match server.report(PATIENCE)? {
            Report::Ready => {}
            other => return Err(format!("the server said {other:?}").into()),
        }
        let client = End::start(client, &order(clients))?;
        Ok(Self { server, client })
    }

    /// What the client measured; `work` is how long that takes at least.
    pub(crate) fn client_report(&self, work: Duration) -> Result<Report, Failure> {
        self.client.report(work + GRACE)
    }

    /// The server's process.
    pub(crate) fn server_id(&self) -> u32 {
        self.server.process.id()
    }

    /// What the server says next, unless it says nothing for `patience`.
    pub(crate) fn server_says(&self, patience: Duration) -> Option<Report> {
        self.server.reports.recv_timeout(patience).ok()
    }

    /// Stops the server: what it has to say about all of the run.
    pub(crate) fn stop_server(&mut self) -> Result<Report, Failure> {
        self.server.stop()
    }

    /// Stops the client: what it has to say about all of the run.
    pub(crate) fn stop_client(&mut self) -> Result<Report, Failure> {
        self.client.stop()
    }
}

struct End {
    process: Child,
    input: ChildStdin,
    reports: Receiver<Report>,
}

impl End {
    fn start(namespace: &Namespace, order: &Order) -> Result<Self, Failure> {
        let mut process = namespace.run(|| {
            Command::new("/proc/self/exe")
                .arg("child")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        })??;
        let (Some(mut input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a child without pipes".into());
        };
        writeln!(input, "{}", serde_json::to_string(order)?)?;
        let (sender, reports) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            let parsed = lines.map(|line| serde_json::from_str(&line));
            let _ = parsed
                .map_while(Result::ok)
                .try_for_each(|report| sender.send(report));
        });
        Ok(Self {
            process,
            input,
            reports,
        })
    }

    fn stop(&mut self) -> Result<Report, Failure> {
        // An end that has failed is gone, and has said why.
        let _ = writeln!(self.input, "{STOP}");
        self.report(PATIENCE)
    }

    fn report(&self, patience: Duration) -> Result<Report, Failure> {
        match self.reports.recv_timeout(patience) {
            Ok(Report::Failed(why)) => Err(why.into()),
            Ok(report) => Ok(report),
            Err(_) => Err("no answer from a process of the run".into()),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
