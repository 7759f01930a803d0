//! Refusals over HTTP: `application/problem+json` (RFC 9457), with a code for programs and a
//! sentence for people.

use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use statesync_core::{CreateError, EditError, OpenError, StoreError};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn nothing_here() -> Self {
        Self::not_found("there is nothing at this address")
    }

    pub(crate) fn method_not_allowed() -> Self {
        let detail = "this address does not take that method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    pub(crate) fn no_such_document() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "document_not_found",
            "there is no such document",
        )
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let detail = "too many requests from this address";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        problem.retry_after = Some(wait);
        problem
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after = Some(Duration::from_secs(1));
        problem
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed_out",
            "the answer took too long",
        )
    }

    fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// A problem for a status that a library below us answered with.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(detail),
            StatusCode::NOT_FOUND => Self::not_found(detail),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(status, "invalid_request", detail),
            _ => Self::invalid(detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(_) => Self::no_such_document(),
            StoreError::Corrupt { .. } => {
                tracing::error!(%error, "a damaged document was asked for");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "corrupt",
                    "the document is damaged and is not served; its operator has been told",
                )
            }
            _ => {
                tracing::warn!(%error, "the document store failed");
                Self::unavailable("the document store is unavailable")
            }
        }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound(_) => Self::no_such_document(),
            OpenError::Store(error) => match &*error {
                StoreError::Corrupt { id, lost } => StoreError::Corrupt {
                    id: *id,
                    lost: lost.clone(),
                }
                .into(),
                other => {
                    tracing::warn!(error = %other, "the document store failed");
                    Self::unavailable("the document store is unavailable")
                }
            },
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Invalid(error) => error.into(),
            CreateError::Store(error) => error.into(),
            _ => Self::internal("the document could not be made"),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        let detail = error.to_string();
        match error {
            EditError::Forbidden { role: None, .. } => Self::no_such_document(),
            EditError::Forbidden { .. } | EditError::NotActive(_) => Self::forbidden(detail),
            EditError::TooLarge { .. } | EditError::Full { .. } => Self::too_large(detail),
            EditError::Unavailable(_) | EditError::Busy => Self::unavailable(detail),
            _ => Self::invalid(detail),
        }
    }
}

impl From<session_core::OpenError> for Problem {
    fn from(error: session_core::OpenError) -> Self {
        match error {
            session_core::OpenError::Invalid(error) => Self::invalid(error.to_string()),
            session_core::OpenError::Full { .. } => Self::forbidden(error.to_string()),
            other => {
                tracing::warn!(error = %other, "a session could not be opened");
                Self::unavailable("the session store is unavailable")
            }
        }
    }
}

impl From<session_core::AccessError> for Problem {
    fn from(error: session_core::AccessError) -> Self {
        match error {
            session_core::AccessError::Store(error) => {
                tracing::warn!(%error, "the session store failed");
                Self::unavailable("the session store is unavailable")
            }
            session_core::AccessError::Contended { .. } => Self::unavailable(error.to_string()),
            _ => Self::unauthenticated("log in again"),
        }
    }
}

impl From<session_core::SessionError> for Problem {
    fn from(error: session_core::SessionError) -> Self {
        match error {
            session_core::SessionError::Store(error) => {
                tracing::warn!(%error, "the session store failed");
                Self::unavailable("the session store is unavailable")
            }
            session_core::SessionError::Contended { .. } => Self::unavailable(error.to_string()),
            _ => Self::unauthenticated("the session has ended; log in again"),
        }
    }
}
