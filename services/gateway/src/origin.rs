//! Which web pages may call: the `Origin` header of browsers (RFC 6454) against a list.
//!
//! Programs that are no browsers send none and are let through to authentication. The list is
//! never derived from the `Host` header, which a hostile name server can choose.

use std::collections::HashSet;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};

/// The origins of web pages that may call.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(HashSet<String>);

/// A text that is not the origin of a web page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: it takes a scheme and a host, like https://app.example.com")]
pub struct InvalidOrigin(String);

impl AllowedOrigins {
    /// Takes a list of origins.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`], also for `*`: who wants to let everybody in has to say whom.
    pub fn new<T: AsRef<str>>(origins: impl IntoIterator<Item = T>) -> Result<Self, InvalidOrigin> {
        origins
            .into_iter()
            .map(|origin| normal(origin.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the sender of these headers may call.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        headers
            .get(ORIGIN)
            .is_none_or(|origin| self.contains(origin))
    }

    /// Whether `origin` is in the list.
    pub(crate) fn contains(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| normal(origin).ok());
        origin.is_some_and(|origin| self.0.contains(&origin))
    }
}

fn normal(origin: &str) -> Result<String, InvalidOrigin> {
    let invalid = || InvalidOrigin(origin.to_owned());
    let lower = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) = lower.split_once("://").ok_or_else(invalid)?;
    let known = matches!(scheme, "http" | "https");
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    if !known || host.is_empty() || !host.chars().all(plain) {
        return Err(invalid());
    }
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    Ok(format!(
        "{scheme}://{}",
        host.strip_suffix(default_port).unwrap_or(host)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(origin: &'static str) -> bool {
        let allowed = AllowedOrigins::new(["http://localhost:8080", "https://app.example.com/"]);
        let headers = [(ORIGIN, HeaderValue::from_static(origin))]
            .into_iter()
            .collect();
        allowed.unwrap().allow(&headers)
    }

    #[test]
    fn listed_origins_are_allowed_in_every_spelling() {
        assert!(allows("http://localhost:8080"));
        assert!(allows("https://APP.example.com"));
        assert!(allows("https://app.example.com:443"));
    }

    #[test]
    fn other_origins_are_refused() {
        let others = [
            "http://localhost:8081",
            "http://app.example.com",
            "null",
            "",
            "*",
        ];
        for origin in others
            .into_iter()
            .chain(["https://app.example.com.evil.test"])
        {
            assert!(!allows(origin), "{origin}");
        }
    }

    #[test]
    fn a_caller_without_origin_is_no_browser() {
        assert!(AllowedOrigins::default().allow(&HeaderMap::new()));
    }

    #[test]
    fn a_list_names_its_origins() {
        for text in [
            "*",
            "localhost:8080",
            "file://x",
            "http://",
            "http://a b",
            "http://a/b",
        ] {
            assert!(AllowedOrigins::new([text]).is_err(), "{text}");
        }
    }
}
