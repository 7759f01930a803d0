//! One end of a run: a process of its own in a namespace.
//!
//! It reads an [`Order`] from standard input, writes [`Report`]s to standard output, one JSON text a
//! line, and ends with its input, so that it never outlives the process that started it.

use std::io::{BufRead, Write};
use std::sync::OnceLock;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::Failure;
use crate::peers::{self, Setup, Stream};
use crate::workload::{bulk, handshake, idle, latency, pingpong};

/// Length of a request, and of the answer to one that is echoed.
pub(crate) const REQUEST: usize = 64;
/// First byte of a request that is echoed.
pub(crate) const ECHO: u8 = 1;
/// First byte of a request that is answered with bytes until the connection ends.
pub(crate) const DOWNLOAD: u8 = 2;
/// Bytes that are read or written in one call.
pub(crate) const CHUNK: usize = 128 << 10;
/// What an end is told that is to report and end.
pub(crate) const STOP: &str = "stop";

/// What an end shall do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) setup: Setup,
    pub(crate) task: Task,
}

/// A task of the server or of the client.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Task {
    Serve,
    Bulk { seconds: f64 },
    Handshake { connections: u32 },
    Idle { connections: u32 },
    Pingpong { connections: u32, seconds: f64 },
    Send(latency::Plan),
    Receive(latency::Plan),
}

/// What an end says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The server listens.
    Ready,
    /// The server has stopped: CPU seconds since the first request.
    Served {
        cpu_seconds: f64,
    },
    Bulk(bulk::Download),
    Handshake(handshake::Connects),
    /// All connections are there, and stay until the process is killed.
    Idle,
    Pingpong(pingpong::RoundTrips),
    /// The first message is due at this time.
    Begins {
        first: u64,
    },
    /// All messages have arrived.
    Complete,
    Sent(latency::Sent),
    Received(latency::Received),
    /// It did not work.
    Failed(String),
}

/// CPU seconds of this process when the first request came.
static FIRST_REQUEST: OnceLock<f64> = OnceLock::new();

/// Does what standard input says.
pub(crate) fn run() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let (tell, stop) = watch::channel(false);
    std::thread::spawn(move || watch_input(&tell));
    raise_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(perform(&order, Stop(stop)));
    say(&report.unwrap_or_else(|failure| Report::Failed(failure.to_string())))?;
    // Not by dropping the runtime: a transport's background tasks may want to linger.
    std::process::exit(0);
}

/// Thousands of TCP connections are as many descriptors.
fn raise_descriptors() -> Result<(), Failure> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

async fn perform(order: &Order, mut stop: Stop) -> Result<Report, Failure> {
    let setup = &order.setup;
    Ok(match order.task {
        Task::Serve => tokio::select! {
            served = serve(setup) => served?,
            () = stop.told() => {
                let since = FIRST_REQUEST.get().copied().unwrap_or(f64::NAN);
                let cpu_seconds = cpu_seconds() - since;
                Report::Served { cpu_seconds }
            }
        },
        Task::Bulk { seconds } => Report::Bulk(bulk::download(setup, seconds).await?),
        Task::Handshake { connections } => {
            Report::Handshake(handshake::connect(setup, connections).await?)
        }
        Task::Idle { connections } => {
            let streams = idle::connect(setup, connections).await?;
            say(&Report::Idle)?;
            std::future::pending::<()>().await;
            drop(streams);
            Report::Idle
        }
        Task::Pingpong {
            connections,
            seconds,
        } => Report::Pingpong(pingpong::play(setup, connections, seconds).await?),
        Task::Send(plan) => latency::send(setup, plan, &mut stop).await?,
        Task::Receive(plan) => latency::receive(setup, plan, &mut stop).await?,
    })
}

/// Answers clients until told to stop.
async fn serve(setup: &Setup) -> Result<Report, Failure> {
    let mut listener = peers::listen(setup).await?;
    say(&Report::Ready)?;
    loop {
        let incoming = listener.accept().await?;
        tokio::spawn(async {
            // A connection that breaks is for the client to report.
            if let Ok(stream) = incoming.await {
                let _ = answer(stream).await;
            }
        });
    }
}

async fn answer(mut stream: Stream) -> Result<(), Failure> {
    let mut request = [0; REQUEST];
    loop {
        stream.read_exact(&mut request).await?;
        FIRST_REQUEST.get_or_init(cpu_seconds);
        if request[0] == DOWNLOAD {
            return pour(stream).await;
        }
        stream.write_all(&request).await?;
        stream.flush().await?;
    }
}

async fn pour(mut stream: Stream) -> Result<(), Failure> {
    let chunk = vec![0x5a; CHUNK];
    loop {
        stream.write_all(&chunk).await?;
    }
}

/// A request whose first byte is `kind`.
pub(crate) fn request(kind: u8) -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    request[0] = kind;
    request
}

/// User and system time of this process.
pub(crate) fn cpu_seconds() -> f64 {
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}

/// Told when an end is to report and end.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until it was told, for ever if nobody is left to tell it: then the process ends.
    pub(crate) async fn told(&mut self) {
        if self.0.wait_for(|told| *told).await.is_err() {
            std::future::pending().await
        }
    }
}

/// Tells when to stop, and ends the process when there is nobody left to tell it.
fn watch_input(tell: &watch::Sender<bool>) {
    let lines = std::io::stdin().lock().lines();
    for line in lines.map_while(Result::ok) {
        tell.send_replace(line == STOP);
    }
    std::process::exit(1);
}

pub(crate) fn say(report: &Report) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, report)?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}
