//! `aetherflow serve`: opens the stores, puts the parts together, listens, and stops in order.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::{AllowedOrigins, Gateway, InvalidOrigin, Parts};
use guuid::{Guuid, SystemClock, SystemEntropy};
use rustix::process::{Resource, getrlimit, setrlimit};
use statesync_core::Library;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::options::{OptionsError, ServeOptions, Settings};
use crate::secret::SecretError;
use crate::stores::Stores;
use crate::{pages, secret, telemetry};

/// The service could not start, or not stop as it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("the data directory {} cannot be made", path.display())]
    DataDirectory {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] store_embedded::OpenError),
    #[error("cannot listen on {address} ({option})")]
    Listen {
        address: SocketAddr,
        option: &'static str,
        source: std::io::Error,
    },
    #[error("--allowed-origins")]
    Origins(#[from] InvalidOrigin),
    #[error("the limits of sessions contradict each other")]
    SessionLimits(#[from] session_core::LimitsError),
    #[error("figures cannot be collected")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("the runtime could not be started")]
    Runtime(#[source] std::io::Error),
}

/// Serves until a signal says stop.
pub(crate) fn run(options: ServeOptions) -> Result<(), ServeError> {
    let settings = options.settle()?;
    telemetry::start_log(settings.log_format);
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let outcome = runtime.block_on(serve(settings));
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn serve(settings: Settings) -> Result<(), ServeError> {
    let mut stop = StopSignals::new().map_err(ServeError::Runtime)?;
    make_directory(&settings.data_dir)?;
    // The ports first: a port that is taken is the commonest mistake, and cheap to find.
    let ui = listen(settings.ui, "--ui").await?;
    let api = listen(settings.gateway, "--gateway").await?;
    let stores = Stores::open(&settings)?;
    let (ui_address, api_address) = (
        address_of(&ui, settings.ui),
        address_of(&api, settings.gateway),
    );
    let gateway = Gateway::new(parts(&settings, &stores, ui_address, api_address)?);
    gateway.serve(ui, Some(pages::pages()));
    gateway.serve(api, None);
    announce(ui_address, api_address);
    let reason = stop.wait().await;
    tracing::info!(reason, "stopping: clients are told to come back");
    gateway.stop().await;
    drop(gateway);
    stores.close();
    tracing::info!("stopped");
    Ok(())
}

fn parts(
    settings: &Settings,
    stores: &Stores,
    ui: SocketAddr,
    api: SocketAddr,
) -> Result<Parts, ServeError> {
    let clock = Arc::new(SystemClock);
    let library = Library::new(
        Arc::clone(&stores.documents),
        clock.clone(),
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        document_limits(settings),
    );
    let sessions = session_core::Manager::new(
        Arc::clone(&stores.sessions),
        clock.clone(),
        Arc::new(SystemEntropy),
        session_core::Limits::default(),
    )?;
    let own = [ui, api].into_iter().flat_map(origins_of);
    let mut limits = gateway::Limits::default();
    if let Some(rate) = settings.address_rate.and_then(NonZeroU32::new) {
        limits.address_requests_per_second = rate;
        limits.address_requests_burst = rate.saturating_mul(BURST_SECONDS);
    }
    Ok(Parts {
        library: Arc::new(library),
        sessions: Arc::new(sessions),
        tokens: secret::access_tokens(settings.token_key_file.as_deref(), &settings.data_dir)?,
        clock,
        allowed_origins: AllowedOrigins::new(own.chain(settings.allowed_origins.clone()))?,
        development_login: settings.development_login,
        limits,
        metrics: telemetry::start_metrics()?,
    })
}

/// Seconds' worth of requests that an address may make at once.
const BURST_SECONDS: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

fn document_limits(settings: &Settings) -> statesync_core::Limits {
    const MIB: usize = 1024 * 1024;
    let mut limits = statesync_core::Limits::default();
    if let Some(mib) = settings.document_memory_mib {
        limits.memory_bytes_max = mib.saturating_mul(MIB);
    }
    if let Some(seconds) = settings.document_idle_seconds {
        limits.idle_ms = seconds.saturating_mul(1000);
    }
    limits
}

/// Lets this process have as many files, and so connections, as the system gives it. The usual
/// 1,024 are a courtesy to programs that cannot count higher (`select`).
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

fn make_directory(path: &Path) -> Result<(), ServeError> {
    std::fs::create_dir_all(path).map_err(|source| ServeError::DataDirectory {
        path: path.to_owned(),
        source,
    })
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen {
            address,
            option,
            source,
        })
}

/// Where a listener listens: the port is known only now when any free one was asked for.
fn address_of(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// The origins under which a browser on this machine, or one that was given the address, finds
/// a listener.
fn origins_of(address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let mut origins = vec![
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
    ];
    if !address.ip().is_unspecified() {
        origins.push(format!("http://{address}"));
    }
    origins
}

/// The one thing on standard output: that it is ready, and where.
fn announce(ui: SocketAddr, api: SocketAddr) {
    let host = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the service serves all the same.
    let _unread = writeln!(
        out,
        "AetherFlow is ready: http://{}:{}",
        host(ui),
        ui.port()
    )
    .and_then(|()| writeln!(out, "gateway: http://{api}"))
    .and_then(|()| out.flush());
}

/// The signals that ask a process to end.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "asked to terminate",
        }
    }
}
