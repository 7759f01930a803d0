//! `aetherflow serve`: opens the stores, puts the parts together, listens, and stops in order.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::{AllowedOrigins, Gateway, InvalidOrigin, Parts};
use guuid::{Guuid, SystemClock, SystemEntropy};
use lifecycle::StopSignals;
use statesync::server::ServerError;
use statesync::{CallLimits, server};
use statesync_core::Library;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::callers::Doorkeeper;
use crate::options::{OptionsError, ServeOptions, Settings};
use crate::secret::SecretError;
use crate::stores::{OpenStoresError, Stores};
use crate::{pages, secret};

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
    Stores(#[from] OpenStoresError),
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
    #[error(transparent)]
    Figures(#[from] lifecycle::FiguresError),
    #[error("the document service failed")]
    DocumentService(#[from] ServerError),
    #[error("the runtime could not be started")]
    Runtime(#[source] std::io::Error),
}

/// Serves until a signal says stop.
pub(crate) fn run(options: ServeOptions) -> Result<(), ServeError> {
    let settings = options.settle()?;
    lifecycle::start_log(settings.log_format);
    lifecycle::allow_many_files();
    lifecycle::run(serve(settings)).map_err(ServeError::Runtime)?
}

async fn serve(settings: Settings) -> Result<(), ServeError> {
    let mut stop = StopSignals::new().map_err(ServeError::Runtime)?;
    make_directory(&settings.data_dir)?;
    // The ports first: a port that is taken is the commonest mistake, and cheap to find.
    let doors = Doors::open(&settings).await?;
    let stores = Stores::open(&settings).await?;
    let addresses = doors.addresses(&settings);
    let library = library(&settings, &stores)?;
    let gateway = Gateway::new(parts(&settings, &stores, &library, &addresses)?);
    gateway.serve(doors.ui, Some(pages::pages()));
    gateway.serve(doors.gateway, None);
    let others = settings.document_store.is_shared();
    let others = others.then(|| tokio::spawn(server::follow_others(Arc::clone(&library))));
    let doorkeeper = Doorkeeper::new(gateway.callers(), settings.service_secret);
    let mut calls = Calls::begin(doors.statesync, library, doorkeeper);
    lifecycle::announce(&addresses.announcement());
    let outcome = tokio::select! {
        reason = stop.wait() => {
            tracing::info!(reason, "stopping: clients are told to come back");
            calls.stop.cancel();
            Ok(())
        }
        ended = &mut calls.served => ended.unwrap_or(Ok(())),
    };
    gateway.stop(calls.ended()).await;
    others.iter().for_each(JoinHandle::abort);
    drop(gateway);
    stores.close();
    tracing::info!("stopped");
    Ok(outcome?)
}

/// Where clients come in.
struct Doors {
    ui: TcpListener,
    gateway: TcpListener,
    statesync: TcpListener,
}

impl Doors {
    async fn open(settings: &Settings) -> Result<Self, ServeError> {
        Ok(Self {
            ui: listen(settings.ui, "--ui").await?,
            gateway: listen(settings.gateway, "--gateway").await?,
            statesync: listen(settings.statesync_grpc, "--statesync-grpc").await?,
        })
    }

    fn addresses(&self, settings: &Settings) -> Addresses {
        Addresses {
            ui: address_of(&self.ui, settings.ui),
            gateway: address_of(&self.gateway, settings.gateway),
            statesync: address_of(&self.statesync, settings.statesync_grpc),
        }
    }
}

/// Where the doors are.
struct Addresses {
    ui: SocketAddr,
    gateway: SocketAddr,
    statesync: SocketAddr,
}

impl Addresses {
    fn announcement(&self) -> [String; 3] {
        let (ui, gateway, statesync) = (self.ui, self.gateway, self.statesync);
        [
            format!("AetherFlow is ready: http://{}:{}", host(ui), ui.port()),
            format!("gateway: http://{gateway}"),
            format!("statesync-grpc: http://{statesync}"),
        ]
    }
}

/// The document service, at work.
struct Calls {
    stop: CancellationToken,
    served: JoinHandle<Result<(), ServerError>>,
}

impl Calls {
    fn begin(listener: TcpListener, library: Arc<Library>, doorkeeper: Doorkeeper) -> Self {
        let stop = CancellationToken::new();
        let parts = server::Parts {
            library,
            authenticate: Arc::new(doorkeeper),
            limits: CallLimits::default(),
        };
        let served = tokio::spawn(server::answer(listener, parts, stop.clone()));
        Self { stop, served }
    }

    /// Resolves when nothing is at work any more.
    async fn ended(self) {
        if self.served.is_finished() {
            return;
        }
        if let Ok(Err(error)) = self.served.await {
            let error = lifecycle::in_one_line(&error);
            tracing::warn!(error, "the document service did not end as it should");
        }
    }
}

fn library(settings: &Settings, stores: &Stores) -> Result<Arc<Library>, OpenStoresError> {
    let library = Library::new(
        Arc::clone(&stores.documents),
        Arc::new(SystemClock),
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        document_limits(settings),
    );
    Ok(statesync::stores::on_bus(library, &settings.bus)?)
}

fn parts(
    settings: &Settings,
    stores: &Stores,
    library: &Arc<Library>,
    addresses: &Addresses,
) -> Result<Parts, ServeError> {
    let clock = Arc::new(SystemClock);
    let sessions = session_core::Manager::new(
        Arc::clone(&stores.sessions),
        clock.clone(),
        Arc::new(SystemEntropy),
        session_core::Limits::default(),
    )?;
    let own = [addresses.ui, addresses.gateway];
    let own = own.into_iter().flat_map(origins_of);
    let mut limits = gateway::Limits::default();
    if let Some(rate) = settings.address_rate.and_then(NonZeroU32::new) {
        limits.address_requests_per_second = rate;
        limits.address_requests_burst = rate.saturating_mul(BURST_SECONDS);
    }
    Ok(Parts {
        library: Arc::clone(library),
        sessions: Arc::new(sessions),
        tokens: secret::access_tokens(settings.token_key_file.as_deref(), &settings.data_dir)?,
        clock,
        allowed_origins: AllowedOrigins::new(own.chain(settings.allowed_origins.clone()))?,
        development_login: settings.development_login,
        limits,
        metrics: lifecycle::start_figures()?,
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

/// What a browser on this machine calls an address.
fn host(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
