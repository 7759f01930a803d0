//! `statesync-service`: puts the parts together, listens, and stops on a signal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use guuid::{Guuid, SystemClock};
use lifecycle::{FiguresError, StopSignals};
use statesync_core::{Library, Limits};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::auth::TrustedGateway;
use crate::call::CallLimits;
use crate::options::{Options, OptionsError, Settings};
use crate::server::{Parts, ServerError, serve};
use crate::stores::{self, Store, StoresError};

/// The service could not start, or not stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The options cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The store or the bus cannot be had.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The address cannot be had.
    #[error("cannot listen on {address} ({option})")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// By which option it was asked for.
        option: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Figures cannot be collected.
    #[error(transparent)]
    Figures(#[from] FiguresError),
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The runtime could not be started.
    #[error("the runtime could not be started")]
    Runtime(#[source] std::io::Error),
}

/// Serves until a signal says stop.
///
/// # Errors
///
/// See [`RunError`].
pub fn run(options: Options) -> Result<(), RunError> {
    let settings = options.settle()?;
    lifecycle::start_log(settings.log_format);
    lifecycle::allow_many_files();
    lifecycle::run(serve_until_told(settings)).map_err(RunError::Runtime)?
}

async fn serve_until_told(settings: Settings) -> Result<(), RunError> {
    let mut signals = StopSignals::new().map_err(RunError::Runtime)?;
    let listener = listen(settings.listen, "--listen").await?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let figures = match settings.metrics {
        Some(address) => Some(listen(address, "--metrics").await?),
        None => None,
    };
    let store = Store::open(&settings.document_store, settings.accept_data_loss).await?;
    let parts = parts(&settings, &store)?;
    let mut ready = vec![format!("statesync-service is ready: http://{address}")];
    if let Some(listener) = figures {
        ready.extend(
            listener
                .local_addr()
                .map(|at| format!("metrics: http://{at}")),
        );
        serve_figures(listener, &parts.library)?;
    }
    tracing::info!(%address, store = ?settings.document_store, "serving");
    lifecycle::announce(&ready);
    let stop = CancellationToken::new();
    let told = stop.clone();
    let listening = tokio::spawn(async move {
        let reason = signals.wait().await;
        tracing::info!(reason, "stopping: callers are told to come back");
        told.cancel();
    });
    let outcome = serve(listener, parts, stop).await;
    listening.abort();
    store.close();
    Ok(outcome?)
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen {
            address,
            option,
            source,
        })
}

/// Begins to collect figures, and to answer whoever asks for them.
fn serve_figures(listener: TcpListener, library: &Arc<Library>) -> Result<(), RunError> {
    let figures = lifecycle::start_figures()?;
    let library = Arc::downgrade(library);
    let report = move || {
        if let Some(library) = library.upgrade() {
            let statistics = library.statistics();
            metrics::gauge!("statesync_open_documents").set(statistics.open_documents as f64);
            metrics::gauge!("statesync_memory_bytes").set(statistics.memory_bytes as f64);
        }
    };
    tokio::spawn(lifecycle::serve_figures(listener, figures, report));
    Ok(())
}

fn parts(settings: &Settings, store: &Store) -> Result<Parts, RunError> {
    let library = Library::new(
        Arc::clone(&store.documents),
        Arc::new(SystemClock),
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        Limits::default(),
    );
    let mut limits = CallLimits::default();
    if let Some(seconds) = settings.call_seconds {
        limits.duration_max = Duration::from_secs(seconds);
    }
    Ok(Parts {
        library: stores::on_bus(library, &settings.bus)?,
        authenticate: Arc::new(TrustedGateway::new(settings.service_secret.clone())),
        limits,
    })
}
