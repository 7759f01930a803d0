//! `/api/v1`: logging in and managing documents.

mod auth;
mod documents;
mod json;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::problem::Problem;

/// The routes below `/api/v1`.
pub(crate) fn routes() -> Router<Arc<App>> {
    let one_document = get(documents::read)
        .patch(documents::change)
        .delete(documents::delete);
    Router::new()
        .route("/auth/login", post(auth::login))
        .route("/auth/refresh", post(auth::refresh))
        .route("/auth/logout", post(auth::logout))
        .route("/auth/me", get(auth::me))
        .route("/documents", get(documents::list).post(documents::create))
        .route("/documents/{id}", one_document)
        .route("/documents/{id}/content", get(documents::content))
        .fallback(async || Problem::nothing_here())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}
