//! Why a socket is closed, as the client is told.
//!
//! The provider of y-websocket does not reconnect after codes 4400 to 4499 and retries after
//! every other one, so whatever may pass by itself has a code of RFC 6455 section 7.4, and what
//! needs a person has one of ours.

use std::borrow::Cow;

use axum::extract::ws::CloseFrame;
use axum::http::StatusCode;
use statesync_core::{Closed, EditError, OpenError, StoreError};

use crate::problem::Problem;

/// A close code and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: Cow<'static, str>,
}

impl Close {
    pub(crate) const MALFORMED: u16 = 4400;
    pub(crate) const UNAUTHENTICATED: u16 = 4401;
    pub(crate) const FORBIDDEN: u16 = 4403;
    pub(crate) const NOT_FOUND: u16 = 4404;
    pub(crate) const TOO_LARGE: u16 = 4413;
    /// RFC 6455: the server met something unexpected.
    pub(crate) const SERVER_ERROR: u16 = 1011;
    /// IANA registry: the service restarts.
    pub(crate) const RESTARTING: u16 = 1012;
    /// IANA registry: try again later.
    pub(crate) const TRY_AGAIN_LATER: u16 = 1013;

    pub(crate) fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Self::NOT_FOUND, "no such document")
    }

    pub(crate) fn restarting() -> Self {
        Self::new(Self::RESTARTING, "the service is restarting")
    }

    /// The frame that says it. A reason has at most 123 bytes (RFC 6455 section 5.5).
    pub(crate) fn frame(&self) -> CloseFrame {
        const REASON_BYTES_MAX: usize = 123;
        let ends = self
            .reason
            .char_indices()
            .map(|(start, letter)| start + letter.len_utf8());
        let end = ends
            .take_while(|end| *end <= REASON_BYTES_MAX)
            .last()
            .unwrap_or(0);
        CloseFrame {
            code: self.code,
            reason: self.reason[..end].into(),
        }
    }
}

impl From<EditError> for Close {
    fn from(error: EditError) -> Self {
        let code = match &error {
            EditError::Forbidden { role: None, .. } => return Self::not_found(),
            EditError::Forbidden { .. }
            | EditError::NotActive(_)
            | EditError::PolicyForbids(_)
            | EditError::Locked(_) => Self::FORBIDDEN,
            EditError::Busy => Self::TRY_AGAIN_LATER,
            EditError::TooLarge { .. } | EditError::Full { .. } => Self::TOO_LARGE,
            EditError::Unavailable(reason) => {
                tracing::warn!(reason, "edit not stored");
                return Self::new(Self::TRY_AGAIN_LATER, "the edit may not have been stored");
            }
            _ => Self::MALFORMED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<OpenError> for Close {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound(_) => Self::not_found(),
            OpenError::ShuttingDown => Self::restarting(),
            OpenError::Overloaded(_) => Self::new(Self::TRY_AGAIN_LATER, error.to_string()),
            OpenError::Store(error) => match &*error {
                StoreError::Corrupt { .. } => {
                    tracing::error!(%error, "a damaged document was asked for");
                    Self::new(Self::SERVER_ERROR, "the document is damaged")
                }
                _ => {
                    tracing::warn!(%error, "a document could not be opened");
                    Self::new(Self::TRY_AGAIN_LATER, "the document store is unavailable")
                }
            },
            _ => Self::new(Self::SERVER_ERROR, "the document could not be opened"),
        }
    }
}

impl From<Closed> for Close {
    fn from(reason: Closed) -> Self {
        match reason {
            Closed::ShuttingDown => Self::restarting(),
            _ => Self::new(Self::TRY_AGAIN_LATER, "the document store is unavailable"),
        }
    }
}

impl From<Problem> for Close {
    fn from(problem: Problem) -> Self {
        let code = match problem.status() {
            StatusCode::UNAUTHORIZED => Self::UNAUTHENTICATED,
            _ => Self::TRY_AGAIN_LATER,
        };
        Self::new(code, problem.detail().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_two_letters() {
        let close = Close::new(Close::MALFORMED, "\u{e9}".repeat(100));
        assert_eq!(close.frame().reason.as_str(), "\u{e9}".repeat(61));
        assert_eq!(Close::new(1000, "").frame().reason.as_str(), "");
    }

    #[test]
    fn only_what_needs_a_person_keeps_a_provider_from_coming_back() {
        let store_failed = EditError::Unavailable("disk".to_owned());
        let full = EditError::Full { max: 1 };
        assert!(!(4400..4500).contains(&Close::from(store_failed).code));
        assert!(!(4400..4500).contains(&Close::from(Closed::ShuttingDown).code));
        assert!((4400..4500).contains(&Close::from(full).code));
    }
}
