//! The front door: Yjs over WebSocket and REST, with authentication and limits.
//!
//! [`Gateway::new`] takes its [`Parts`], [`Gateway::serve`] a listener. A request passes, in this
//! order: the accept loop (`listen.rs`: connections and time), the address's rate and the origin
//! (`lib.rs`, `guard`), then its route: `rest.rs` or `yjs.rs`.

mod app;
mod auth;
mod callers;
mod health;
mod limits;
mod lingering;
mod listen;
mod neighbours;
mod origin;
mod problem;
mod rest;
mod sockets;
mod yjs;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::listen::Acceptor;
use crate::problem::Problem;

pub use crate::app::Parts;
pub use crate::auth::{AccessTokens, Principal, WeakKey};
pub use crate::callers::{Caller, Callers, Refusal};
pub use crate::limits::Limits;
pub use crate::origin::{AllowedOrigins, InvalidOrigin};

/// A running gateway. Must be made within a tokio runtime.
pub struct Gateway {
    app: Arc<App>,
    acceptor: Acceptor,
}

impl Gateway {
    /// Puts the parts together and begins to look after them.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let events = parts.sessions.events();
        let tasks = TaskTracker::new();
        let acceptor = Acceptor::new(&parts.limits, tasks.clone());
        let app = Arc::new(App::new(parts, tasks));
        tokio::spawn(Arc::clone(&app).follow_sessions(events));
        tokio::spawn(Arc::clone(&app).sweep());
        Self { app, acceptor }
    }

    /// Serves whoever connects to `listener`. `pages` answers what is not the gateway's own: the
    /// files of a user interface, or nothing.
    pub fn serve(&self, listener: TcpListener, pages: Option<Router>) {
        self.acceptor.spawn(listener, self.router(pages));
    }

    fn router(&self, pages: Option<Router>) -> Router {
        let app = &self.app;
        let answers = Router::new()
            .nest("/api/v1", rest::routes())
            // Nothing below this is a page.
            .route("/api/{*path}", any(async || Problem::nothing_here()))
            .route("/readyz", get(health::readyz))
            .layer(DefaultBodyLimit::max(app.limits.body_bytes_max))
            .layer(middleware::from_fn_with_state(Arc::clone(app), in_time));
        let router = Router::new()
            .merge(answers)
            .route("/yjs/{id}", get(yjs::upgrade))
            .layer(middleware::from_fn_with_state(Arc::clone(app), guard))
            // Around the guard, so that a page from elsewhere can read why it was refused.
            .layer(cors(app))
            // Those who watch over the service are not counted.
            .route("/livez", get(health::livez))
            .route("/metrics", get(health::metrics))
            .route("/version", get(health::version))
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(Arc::clone(app));
        match pages {
            Some(pages) => router.fallback_service(pages),
            None => router.fallback(async || Problem::nothing_here()),
        }
    }

    /// For services beside the gateway that take the same access tokens.
    #[must_use]
    pub fn callers(&self) -> Callers {
        Callers::new(Arc::clone(&self.app))
    }

    /// Stops: lets nobody in, tells every client to come back, finishes what was begun, waits for
    /// `others` who work with the documents, and closes the documents. Takes some 20 seconds at most,
    /// beside what the others take.
    pub async fn stop(&self, others: impl Future<Output = ()>) {
        const PATIENCE: Duration = Duration::from_secs(8);
        self.app.drain();
        tokio::join!(self.acceptor.stop(PATIENCE), others);
        if tokio::time::timeout(PATIENCE, self.app.library.close())
            .await
            .is_err()
        {
            tracing::warn!("documents did not close in time");
        }
    }
}

/// Before anything is known about the caller: its address's rate, and the page it comes from.
async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(wait) = app.addresses.check(address.ip()) {
        metrics::counter!("gateway_rate_limited_total").increment(1);
        return Problem::rate_limited(wait).into_response();
    }
    if !app.allowed_origins.allow(request.headers()) {
        return Problem::forbidden("this web page may not call here").into_response();
    }
    next.run(request).await
}

/// An answer within the time limit, also when the store hangs.
async fn in_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(app.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timed_out().into_response(),
    }
}

fn cors(app: &Arc<App>) -> CorsLayer {
    let app = Arc::clone(app);
    let allowed = move |origin: &HeaderValue, _: &_| app.allowed_origins.contains(origin);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([HeaderName::from_static("retry-after")])
        .max_age(Duration::from_secs(600))
}
