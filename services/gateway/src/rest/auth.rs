//! Logging in, staying in, logging out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use session_core::{CloseReason, OpenRequest, Session, Token};
use statesync_core::UserId;

use super::json::Json;
use super::view::{UserView, time};
use crate::app::App;
use crate::auth::{AccessTokens, Principal};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    refresh_token: String,
}

#[derive(Serialize)]
pub(super) struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    session_id: String,
    user: UserView,
}

#[derive(Serialize)]
pub(super) struct Me {
    user: UserView,
    session_id: String,
    expires_at: String,
}

/// Development login: whoever sits at this machine may say who they are.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Json(login): Json<Login>,
) -> Result<axum::Json<Tokens>, Problem> {
    if !app.development_login {
        return Err(Problem::not_found("development login is off"));
    }
    if !address.ip().to_canonical().is_loopback() {
        return Err(Problem::forbidden(
            "development login is for this machine only",
        ));
    }
    let (id, name) = user_of(&login.name)?;
    let id = session_core::UserId::new(id).map_err(|error| Problem::invalid(error.to_string()))?;
    let request = OpenRequest {
        user_name: name,
        ..OpenRequest::new(id)
    };
    let (session, token) = app.sessions.open(request).await?;
    tokens(&app, &session, &token).map(axum::Json)
}

/// The id and the name of whoever logs in as `name`.
fn user_of(name: &str) -> Result<(String, String), Problem> {
    const NAME_CHARACTERS_MAX: usize = 40;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = name.chars().count();
    if characters == 0 || characters > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {NAME_CHARACTERS_MAX} characters");
        return Err(Problem::invalid(detail));
    }
    let id = name.to_lowercase().replace(' ', "-");
    UserId::new(&id).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok((id, name))
}

/// New tokens for a session that is alive.
pub(super) async fn refresh(
    State(app): State<Arc<App>>,
    Json(refresh): Json<Refresh>,
) -> Result<axum::Json<Tokens>, Problem> {
    let token: Token = refresh
        .refresh_token
        .parse()
        .map_err(|_| Problem::unauthenticated("log in again"))?;
    let (session, token) = app.sessions.rotate(&token).await?;
    tokens(&app, &session, &token).map(axum::Json)
}

/// Ends the session, and with it its tokens and sockets.
pub(super) async fn logout(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<StatusCode, Problem> {
    app.sessions
        .revoke(principal.session_id, CloseReason::LoggedOut)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is asking.
pub(super) async fn me(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<axum::Json<Me>, Problem> {
    let session = app.sessions.load(principal.session_id).await?;
    Ok(axum::Json(Me {
        user: UserView {
            id: principal.user_id.to_string(),
            name: principal.name,
        },
        session_id: session.session_id.to_string(),
        expires_at: time(session.expires_at.unix_ms()),
    }))
}

fn tokens(app: &App, session: &Session, token: &Token) -> Result<Tokens, Problem> {
    let principal = Principal {
        user_id: UserId::new(session.user_id.as_str())
            .map_err(|error| Problem::invalid(error.to_string()))?,
        name: session.user_name.clone(),
        session_id: session.session_id,
    };
    let access_token = app
        .tokens
        .issue(&principal, app.clock.unix_ms() / 1000)
        .ok_or_else(|| Problem::unavailable("an access token could not be made"))?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: AccessTokens::LIFETIME.as_secs(),
        refresh_token: token.expose(),
        session_id: session.session_id.to_string(),
        user: UserView {
            id: principal.user_id.to_string(),
            name: principal.name,
        },
    })
}
