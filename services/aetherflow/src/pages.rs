//! The files of the user interface, embedded into the binary.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Files;

/// What scripts and connections a page may use: its own server's, and nothing else. Editors set
/// styles in elements; pictures may be in the document itself.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' ws: wss:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Answers with files; addresses without a file are pages that the interface draws itself.
pub(crate) fn pages() -> Router {
    Router::new().fallback(page)
}

async fn page(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Files::get(path) {
        return answer(path, file);
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.contains('.') {
        return (StatusCode::NOT_FOUND, "there is nothing at this address\n").into_response();
    }
    match Files::get("index.html") {
        Some(file) => answer("index.html", file),
        None => NOT_BUILT.into_response(),
    }
}

/// What a binary says that was built without the user interface.
const NOT_BUILT: (StatusCode, &str) = (
    StatusCode::NOT_FOUND,
    "This binary was built without the user interface: start with `cargo up`, which builds it.\n",
);

fn answer(path: &str, file: EmbeddedFile) -> Response {
    // Built files have a hash of their content in their name.
    let lasting = path.starts_with("assets/");
    let caching = if lasting {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (CACHE_CONTROL, caching.to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (headers, file.data).into_response()
}
