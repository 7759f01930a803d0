//! The accept loop: TCP connections to requests, bounded in number and in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::limits::Limits;

/// What all listeners of a gateway share.
#[derive(Clone)]
pub(crate) struct Acceptor {
    connections: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    head_timeout: Duration,
}

impl Acceptor {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            tasks: TaskTracker::new(),
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
                    let served = self.clone().serve(stream, address, router.clone());
                    self.tasks.spawn(async move {
                        served.await;
                        drop(permit);
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
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(100);
        let service = TowerToHyperService::new(service);
        let mut connection =
            std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
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
