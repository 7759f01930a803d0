//! Callers of the services that stand beside the gateway in its process and take the same access tokens.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use session_core::SessionId;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// Finds out who calls, as the gateway does for its own requests.
#[derive(Clone)]
pub struct Callers {
    app: Arc<App>,
}

/// A caller whose access token is good, and whose session is alive.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// Cancelled when the session ends.
    pub session: CancellationToken,
}

/// It is not known who calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The access token proves nothing, or its session has ended.
    #[error("{0}")]
    Unauthenticated(String),
    /// It cannot be found out now.
    #[error("{0}")]
    Unavailable(String),
}

impl Callers {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Who an access token speaks for, if its session is alive.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub async fn admit(&self, token: &str) -> Result<Caller, Refusal> {
        let principal = self.app.speaker(token)?;
        let id = principal.session_id;
        // Before the session is looked up: its end is heard of from here on.
        let session = self.app.session_ends.of(id);
        let alive = self.app.require_session(&principal);
        match tokio::time::timeout(self.app.limits.request_timeout, alive).await {
            Ok(Ok(())) => Ok(Caller { principal, session }),
            Ok(Err(problem)) => {
                if problem.status() == StatusCode::UNAUTHORIZED {
                    self.app.session_ends.end(id);
                }
                Err(problem.into())
            }
            Err(_) => Err(Problem::timed_out().into()),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let detail = problem.detail().to_owned();
        if problem.status() == StatusCode::UNAUTHORIZED {
            Self::Unauthenticated(detail)
        } else {
            Self::Unavailable(detail)
        }
    }
}

/// The sessions in which somebody called, each until it ends.
#[derive(Default)]
pub(crate) struct SessionEnds(Mutex<HashMap<SessionId, CancellationToken>>);

impl SessionEnds {
    fn of(&self, session: SessionId) -> CancellationToken {
        self.0.lock().entry(session).or_default().clone()
    }

    /// Tells everybody who waits for it that the session has ended.
    pub(crate) fn end(&self, session: SessionId) {
        if let Some(end) = self.0.lock().remove(&session) {
            end.cancel();
        }
    }

    /// The sessions whose end somebody may wait for.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        self.0.lock().keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use guuid::Guuid;

    use super::*;

    #[test]
    fn an_end_is_told_to_everybody_in_the_session_and_to_nobody_else() {
        let ends = SessionEnds::default();
        let [mine, yours] = [(); 2].map(|()| SessionId::from(Guuid::now()));
        let (first, second, other) = (ends.of(mine), ends.of(mine), ends.of(yours));
        ends.end(mine);
        assert!(first.is_cancelled() && second.is_cancelled());
        assert!(!other.is_cancelled());
        assert_eq!(ends.sessions(), [yours]);
        // It is not a new session that has ended.
        assert!(!ends.of(mine).is_cancelled());
    }
}
