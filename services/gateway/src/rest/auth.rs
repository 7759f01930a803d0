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
    if !(1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) {
        let detail = format!("a name has 1 to {NAME_CHARACTERS_MAX} characters");
        return Err(Problem::invalid(detail));
    }
    if name.chars().any(is_invisible) {
        return Err(Problem::invalid("a name has no invisible characters"));
    }
    let id = name.to_lowercase().replace(' ', "-");
    UserId::new(&id).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok((id, name))
}

/// Control characters, and those that change how others look or are not seen themselves: one
/// could pass for somebody else with them (Unicode Technical Report 36, section 2.5).
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_case_do_not_make_another_user() {
        let user = ("anna-lena".to_owned(), "Anna Lena".to_owned());
        assert_eq!(user_of("  Anna \t Lena "), Ok(user));
        assert_eq!(
            user_of("\u{c9}lo\u{ef}se").map(|user| user.0),
            Ok("\u{e9}lo\u{ef}se".to_owned())
        );
    }

    #[test]
    fn a_name_can_be_seen_and_is_not_too_long() {
        let long = "x".repeat(41);
        for name in [
            "",
            "  ",
            &long,
            "\u{202e}\u{200b}",
            "Al\u{200b}ice",
            "a\u{0}b",
        ] {
            assert!(user_of(name).is_err(), "{name:?}");
        }
        assert!(user_of(&"x".repeat(40)).is_ok());
        assert!(user_of("\u{1f600}").is_ok());
    }
}
