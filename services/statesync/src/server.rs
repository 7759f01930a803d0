//! Listens, serves, and stops in order: health says no, streams end, calls finish, documents are closed.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::FILE_DESCRIPTOR_SET;
use aetherflow_api::statesync::v1::state_sync_service_server::{
    SERVICE_NAME, StateSyncServiceServer,
};
use statesync_core::Library;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

use crate::auth::{Authenticate, Door};
use crate::call::CallLimits;
use crate::service::StateSync;
use crate::status::in_one_line;

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

/// Serves until `stop` is cancelled, and what is at work then is finished.
///
/// # Errors
///
/// See [`ServerError`].
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let library = parts.library;
    let service = StateSync::new(Arc::clone(&library), parts.limits, stop.clone());
    let service = StateSyncServiceServer::new(service)
        .max_decoding_message_size(parts.limits.request_bytes_max);
    let service = InterceptedService::new(service, Door(parts.authenticate));
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
    let upkeep = tokio::spawn(upkeep(Arc::clone(&library)));
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
    upkeep.abort();
    if tokio::time::timeout(DRAIN, library.close()).await.is_err() {
        tracing::warn!("some documents did not close");
    }
    Ok(outcome?)
}

/// Looks after the documents: what others wrote, what nobody uses.
async fn upkeep(library: Arc<Library>) {
    /// Without hints, what others wrote is told after this and a look into the store, which has to be less
    /// than the second that operators are promised.
    const POLL: Duration = Duration::from_millis(500);
    /// Polls between two sweeps.
    const SWEEP: u64 = 10;
    let mut ticks = tokio::time::interval(POLL);
    // After a pause one look is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 0_u64.. {
        ticks.tick().await;
        if let Err(error) = library.poll().await {
            let error = in_one_line(&error);
            tracing::warn!(error, "the store does not say how far documents are");
        }
        if count % SWEEP == 0 {
            library.sweep();
        }
    }
}
