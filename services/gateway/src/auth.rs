//! Who is asking: access tokens (JWT, RFC 7519) and where they are found in a request.
//!
//! An access token is good for minutes and names a session; the session is looked up on every
//! use, so ending it ends its tokens. Tokens are taken from the `Authorization` header or, from
//! browsers that open a socket, from its subprotocols; never from the address, which ends up in
//! logs (RFC 6750 section 5.3).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use guuid::Guuid;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use session_core::SessionId;
use statesync_core::UserId;

use crate::app::App;
use crate::problem::Problem;

/// Somebody who has proven who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: UserId,
    /// What to call them on a screen.
    pub name: String,
    /// The session that they act in.
    pub session_id: SessionId,
}

/// Makes and checks access tokens with one key of one algorithm, HS256.
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

/// A key that is too short to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key for access tokens has at least {} bytes (RFC 7518 section 3.2)",
    AccessTokens::KEY_BYTES_MIN
)]
pub struct WeakKey;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    name: String,
    sid: Guuid,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// Issuer and audience of our own tokens.
const OURSELVES: &str = "aetherflow";

impl AccessTokens {
    /// Shortest key that is taken: as long as the hash (RFC 7518 section 3.2).
    pub const KEY_BYTES_MIN: usize = 32;

    /// How long a token is good for. Short, because the session behind it can be renewed.
    pub const LIFETIME: Duration = Duration::from_secs(600);

    /// Tokens signed with `key`.
    ///
    /// # Errors
    ///
    /// [`WeakKey`].
    pub fn new(key: &[u8]) -> Result<Self, WeakKey> {
        if key.len() < Self::KEY_BYTES_MIN {
            return Err(WeakKey);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[OURSELVES]);
        validation.set_audience(&[OURSELVES]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        // Maker and checker are one machine here.
        validation.leeway = 5;
        Ok(Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
            lifetime: Self::LIFETIME,
        })
    }

    /// A token for `principal`, made at `unix_seconds`; `None` when it cannot be encoded.
    #[must_use]
    pub fn issue(&self, principal: &Principal, unix_seconds: u64) -> Option<String> {
        let claims = Claims {
            iss: OURSELVES.to_owned(),
            aud: OURSELVES.to_owned(),
            sub: principal.user_id.to_string(),
            name: principal.name.clone(),
            sid: principal.session_id.guuid(),
            iat: unix_seconds,
            nbf: unix_seconds,
            exp: unix_seconds + self.lifetime.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()
    }

    /// Who a token speaks for; `None` when it is not one of ours, or not good now.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<Principal> {
        // Ours have some 400 bytes; a longer one need not be looked at.
        const TOKEN_BYTES_MAX: usize = 4096;
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let token = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?;
        let claims = token.claims;
        Some(Principal {
            user_id: UserId::new(claims.sub).ok()?,
            name: claims.name,
            session_id: SessionId::from(claims.sid),
        })
    }
}

/// The token of a request's `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token among the subprotocols that a browser offers: `bearer.<token>`.
pub(crate) fn subprotocol_bearer(headers: &HeaderMap) -> Option<&str> {
    offered_protocols(headers).find_map(|protocol| protocol.strip_prefix("bearer."))
}

/// The subprotocols that a client offers, in its order.
pub(crate) fn offered_protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

impl FromRequestParts<Arc<App>> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| Problem::unauthenticated("an Authorization header is needed"))?;
        app.authenticate(token).await
    }
}

#[cfg(test)]
mod tests;
