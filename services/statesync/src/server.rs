//! Listens, serves, and stops in order: health says no, streams end, calls finish, documents are closed.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::FILE_DESCRIPTOR_SET;
use aetherflow_api::statesync::v1::state_sync_service_server::SERVICE_NAME;
use lifecycle::in_one_line;
use statesync_core::Library;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

use crate::auth::Authenticate;
use crate::call::CallLimits;
use crate::door::Door;
use crate::route::Routes;
use crate::service::StateSync;

/// How long a silent connection is believed in, and how long an answer to the question may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// Calls and streams of one connection: a gateway has all of its users on few connections.
const STREAMS_PER_CONNECTION_MAX: u32 = 16_384;

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: u32 = 16 * 1024;

/// How long calls may go on after the service was told to stop, and then documents to be closed.
const DRAIN: Duration = Duration::from_secs(10);

/// What a server is made of.
pub struct Parts {
    /// The documents.
    pub library: Arc<Library>,
    /// Who finds out who calls.
    pub authenticate: Arc<dyn Authenticate>,
    /// Bounds.
    pub limits: CallLimits,
}

/// The server failed.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The descriptions of the interfaces cannot be read.
    #[error("reflection cannot be offered")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener failed.
    #[error("the server failed")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `stop` is cancelled, and what is at work then is finished. Looks after the documents
/// meanwhile, and closes them in the end.
///
/// # Errors
///
/// See [`ServerError`].
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let library = Arc::clone(&parts.library);
    let tasks = [
        tokio::spawn(follow_others(Arc::clone(&library))),
        tokio::spawn(sweep(Arc::clone(&library))),
    ];
    let outcome = answer(listener, parts, stop).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    if tokio::time::timeout(DRAIN, library.close()).await.is_err() {
        tracing::warn!("some documents did not close");
    }
    outcome
}

/// Answers calls until `stop` is cancelled, and finishes those that are at work then: for a process in
/// which somebody else looks after the documents.
///
/// # Errors
///
/// See [`ServerError`].
pub async fn answer(
    listener: TcpListener,
    parts: Parts,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let library = parts.library;
    let service = StateSync::new(library, parts.limits, stop.clone());
    let routes = Routes::new(service, parts.limits.request_bytes_max);
    let service = Door::new(routes, parts.authenticate);
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status(SERVICE_NAME, ServingStatus::Serving)
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .http2_max_header_list_size(Some(HEAD_BYTES_MAX))
        .max_concurrent_streams(Some(STREAMS_PER_CONNECTION_MAX))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let too_long = async {
        stop.cancelled().await;
        health
            .set_service_status("", ServingStatus::NotServing)
            .await;
        health
            .set_service_status(SERVICE_NAME, ServingStatus::NotServing)
            .await;
        tokio::time::sleep(DRAIN).await;
    };
    let outcome = tokio::select! {
        outcome = serving => outcome,
        () = too_long => {
            tracing::warn!("calls are cut that did not end");
            Ok(())
        }
    };
    Ok(outcome?)
}

/// Finds out what other processes wrote to the documents that are open here, for ever: for what no hint
/// came of.
pub async fn follow_others(library: Arc<Library>) {
    /// Without hints, what others wrote is told after this and a look into the store, which has to be less
    /// than the second that operators are promised.
    const POLL: Duration = Duration::from_millis(500);
    let mut ticks = tokio::time::interval(POLL);
    // After a pause one look is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = library.poll().await {
            let error = in_one_line(&error);
            tracing::warn!(error, "the store does not say how far documents are");
        }
    }
}

/// Puts away what nobody uses, every few seconds, for ever.
async fn sweep(library: Arc<Library>) {
    const EVERY: Duration = Duration::from_secs(5);
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        library.sweep();
    }
}
