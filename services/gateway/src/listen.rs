//! The accept loop: TCP connections to requests, bounded in number and in time.
//!
//! HTTP/1.1 only: browsers speak HTTP/2 over TLS alone, which a proxy in front ends; so there is
//! one parser less to attack, and no connection that idles before it has chosen one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::limits::Limits;
use crate::lingering::Lingering;
use crate::neighbours::Neighbours;

/// Largest head of a request, in bytes, and what is read of a body at once. Ours have some 600;
/// those of browsers with many cookies stay below 16 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Connections that are closed and still read from: each holds a file and a few KiB, for seconds.
const LINGERING_MAX: usize = 1_024;

/// What all listeners of a gateway share.
#[derive(Clone)]
pub(crate) struct Acceptor {
    connections: Arc<Semaphore>,
    neighbours: Arc<Neighbours>,
    connections_per_address_max: usize,
    lingering: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    head_timeout: Duration,
}

impl Acceptor {
    /// `tasks` counts what has to end before [`Acceptor::stop`] does.
    pub(crate) fn new(limits: &Limits, tasks: TaskTracker) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            neighbours: Arc::default(),
            connections_per_address_max: limits.connections_per_address_max,
            lingering: Arc::new(Semaphore::new(LINGERING_MAX)),
            tasks,
            stop: CancellationToken::new(),
            head_timeout: limits.head_timeout,
        }
    }

    /// Serves `router` to whoever connects to `listener`, until [`Acceptor::stop`].
    pub(crate) fn spawn(&self, listener: TcpListener, router: Router) {
        let acceptor = self.clone();
        self.tasks.spawn(async move {
            let stop = acceptor.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = acceptor.accept(listener, router) => {}
            }
        });
    }

    async fn accept(&self, listener: TcpListener, router: Router) {
        loop {
            // At the limit, further connections wait in the kernel's bounded queue.
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, address)) => {
                    let max = self.connections_per_address_max;
                    let Some(place) = self.neighbours.enter(address.ip(), max) else {
                        metrics::counter!("gateway_connections_refused_total").increment(1);
                        continue;
                    };
                    let served = self.clone().serve(stream, address, router.clone());
                    self.tasks.spawn(async move {
                        served.await;
                        drop((permit, place));
                    });
                }
                Err(error) => {
                    // Out of file descriptors, or the client went away: neither ends the service.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream, address: SocketAddr, router: Router) {
        // Edits are small and must not wait for each other.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no delay could not be set");
        }
        let service = router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            request.map(axum::body::Body::new)
        });
        let mut builder = Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(HEAD_BYTES_MAX);
        let stream = Lingering::new(stream, Arc::clone(&self.lingering));
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection.with_upgrades());
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%address, %error, "connection ended");
        }
    }

    /// Accepts nobody any more, lets requests finish, and waits for the rest for `patience`.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(left = self.tasks.len(), "connections did not end in time");
        }
    }
}
