//! From a request for `/yjs/<document id>` to a socket in a document, or to a close code.
//!
//! Everything is decided from the request's head, before a single frame is read: an anonymous
//! flood has nothing to fill. A browser sees no status of a failed upgrade and its provider would
//! try again for ever, so a refusal is an upgrade followed by a close code.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Path, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use statesync_core::{DocumentId, Participant};
use tokio::time::timeout;

use super::close::Close;
use super::ending::refuse;
use super::socket::{Seat, effective_role, serve};
use crate::app::App;
use crate::auth::{Principal, bearer, offered_protocols, subprotocol_bearer};
use crate::problem::Problem;

/// The subprotocol of unmodified clients.
const PLAIN: &str = "aetherflow.yjs";

/// The subprotocol of clients that want to be told what is durable.
const SAVED: &str = "aetherflow.yjs.saved";

/// Bytes that tungstenite reads at once and keeps for each socket (its default is 128 KiB).
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Largest frame that is read, to be forgotten, from a client that was not let in: more than the
/// state vector with which it begins.
const REFUSED_FRAME_BYTES_MAX: usize = 16 * 1024;

/// Answers a request for `/yjs/<document id>`.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    document: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mut upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return Problem::of_status(rejection.status(), rejection.body_text()).into_response();
        }
    };
    // What is no text is no id.
    let document = document.map_or(String::new(), |Path(document)| document);
    let offered = offered_protocols(&headers);
    let protocol = offered.filter_map(known_protocol).next();
    if let Some(protocol) = protocol {
        upgrade.set_selected_protocol(HeaderValue::from_static(protocol));
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0);
    let wants_saved = protocol == Some(SAVED);
    let seated = seat(&app, &headers, query.as_deref(), &document, wants_saved);
    let seated = timeout(app.limits.request_timeout, seated).await;
    let overdue = || Close::new(Close::TRY_AGAIN_LATER, "the document did not open in time");
    match seated.unwrap_or_else(|_| Err(overdue())) {
        Ok(seat) => {
            let tasks = app.tasks.clone();
            let upgrade = limited(upgrade, app.limits.frame_bytes_max);
            upgrade.on_upgrade(move |socket| tasks.track_future(serve(socket, seat)))
        }
        Err(close) => {
            tracing::debug!(%address, code = close.code, reason = %close.reason, "socket refused");
            let Ok(permit) = Arc::clone(&app.refusals).try_acquire_owned() else {
                return Problem::unavailable("too many refused sockets").into_response();
            };
            let tasks = app.tasks.clone();
            let upgrade = limited(upgrade, REFUSED_FRAME_BYTES_MAX);
            upgrade.on_upgrade(move |socket| {
                tasks.track_future(async move {
                    refuse(socket, close).await;
                    drop(permit);
                })
            })
        }
    }
}

/// A larger frame, or as much in fragments, is not read but an error.
fn limited(upgrade: WebSocketUpgrade, frame_bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .max_frame_size(frame_bytes_max)
        .max_message_size(frame_bytes_max)
}

fn known_protocol(offered: &str) -> Option<&'static str> {
    [SAVED, PLAIN].into_iter().find(|known| *known == offered)
}

/// Everything that must be true before a client gets a place in a document.
async fn seat(
    app: &Arc<App>,
    headers: &HeaderMap,
    query: Option<&str>,
    document: &str,
    wants_saved: bool,
) -> Result<Seat, Close> {
    let principal = authenticate(app, headers, query).await?;
    let id = document
        .parse()
        .map(DocumentId)
        .map_err(|_| Close::not_found())?;
    // The head first: strangers do not get to load documents.
    let head = app.library.head(id).await?;
    effective_role(&head, &principal).ok_or_else(Close::not_found)?;
    if !head.kind.is_yjs() {
        let reason = "this document is made of objects, not of Yjs";
        return Err(Close::new(Close::MALFORMED, reason));
    }
    let registration =
        app.sockets
            .register(principal.session_id, &principal.user_id, &app.limits)?;
    let participant = Participant {
        user_id: principal.user_id.clone(),
        name: principal.name.clone(),
    };
    let subscription = app.library.open(id).await?.subscribe(participant)?;
    // Once more: whatever changes from here on is news to the subscription.
    let head = subscription.document().document();
    let role = effective_role(&head, &principal).ok_or_else(Close::not_found)?;
    Ok(Seat {
        app: Arc::clone(app),
        principal,
        subscription,
        registration,
        role,
        wants_saved,
    })
}

async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Principal, Close> {
    let unauthenticated = |reason: &'static str| Close::new(Close::UNAUTHENTICATED, reason);
    if query.is_some_and(has_token) {
        let reason = "a token in the address ends up in logs: send it as a subprotocol";
        return Err(unauthenticated(reason));
    }
    let token = bearer(headers)
        .or_else(|| subprotocol_bearer(headers))
        .ok_or_else(|| unauthenticated("an access token is needed"))?;
    app.authenticate(token).await.map_err(Close::from)
}

fn has_token(query: &str) -> bool {
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    names
        .into_iter()
        .any(|name| matches!(name, "token" | "access_token" | "jwt" | "auth"))
}
