//! For those who run it: is it alive, is it ready, how is it doing, what is it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use statesync_core::{DocumentState, ListQuery};

use crate::app::App;

/// The process answers.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// The process can do its work: it is not stopping, and the store answers.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    let query = ListQuery {
        member: None,
        state: Some(DocumentState::Active),
        before: None,
        limit: 1,
    };
    match app.library.list(query).await {
        Ok(_) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the document store is unavailable\n",
            )
        }
    }
}

/// Figures in the text format of Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.report();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], app.metrics.render()).into_response()
}

/// Which version this is.
pub(crate) async fn version() -> axum::Json<serde_json::Value> {
    axum::Json(json!({ "name": "aetherflow", "version": env!("CARGO_PKG_VERSION") }))
}
