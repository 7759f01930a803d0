//! Whether something may be tried again.
//!
//! Until `COMMIT` is sent, a failure means that nothing was written. From then on only an answer of the
//! database tells: without one, the attempt is *in doubt*, and it is looked up what became of it.

use std::time::Duration;

use deadpool_postgres::PoolError;
use statesync_core::StoreError;
use tokio::time::Instant;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::connect::told;

/// Why one attempt did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is stored forbids it.
    Refused(StoreError),
    /// The database refused a statement, and with it the transaction.
    Engine(Error),
    /// The connection was lost, or there was none. Nothing was written.
    Lost(String),
    /// No answer in time. Nothing was written.
    Silent(String),
    /// Lost or silent after `COMMIT` was sent.
    Doubtful(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.as_db_error().is_some() || !is_broken(&error) {
            Self::Engine(error)
        } else {
            Self::Lost(told(&error))
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) if error.as_db_error().is_some() => Self::Engine(error),
            PoolError::Backend(error) => Self::Lost(told(&error)),
            PoolError::Timeout(_) => Self::Silent("no connection in time".to_owned()),
            other => Self::Silent(other.to_string()),
        }
    }
}

impl Failure {
    /// What an error means that came back after `COMMIT` was sent.
    pub(crate) fn after_commit(error: Error) -> Self {
        if error.as_db_error().is_some_and(is_definite) {
            Self::Engine(error)
        } else {
            Self::Doubtful(told(&error))
        }
    }

    /// Whether the database still listens on the connection.
    pub(crate) fn leaves_the_connection(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Engine(error) => error.as_db_error().is_some_and(is_definite),
            Self::Lost(_) | Self::Silent(_) | Self::Doubtful(_) => false,
        }
    }
}

/// Whether the error says for certain that the transaction was rolled back.
///
/// An error that ends the connection does not: a pooler sends such for a server that went away, which
/// may have committed. Nor do the codes that say so themselves.
fn is_definite(refusal: &DbError) -> bool {
    let code = refusal.code();
    // The relatives of PostgreSQL may leave out the severity that is never translated.
    let severity = refusal.parsed_severity();
    let is_error = severity.map_or(refusal.severity() == "ERROR", |severity| {
        severity == Severity::Error
    });
    is_error
        && !code.code().starts_with("08")
        && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
}

/// Whether it is the connection that failed, not what was said on it.
fn is_broken(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    error.is_closed()
}

/// Says when to stop trying.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    failed: u32,
    doubtful_since: Option<Instant>,
    looked: u32,
}

impl Tries {
    /// Whether an attempt is in doubt.
    pub(crate) fn in_doubt(&self) -> bool {
        self.doubtful_since.is_some()
    }

    /// It turned out that nothing was written.
    pub(crate) fn cleared(&mut self) {
        self.doubtful_since = None;
        self.looked = 0;
    }

    /// Waits a moment if it makes sense to try again.
    ///
    /// # Errors
    ///
    /// When it does not: what the caller of the store is told.
    pub(crate) async fn again(&mut self, failure: Failure) -> Result<(), StoreError> {
        let unavailable = |reason| StoreError::Unavailable { reason };
        let reason = match failure {
            Failure::Refused(error) => return Err(error),
            Failure::Engine(error) if !self.is_worth_another(&error) => return Err(engine(error)),
            Failure::Engine(error) => told(&error),
            Failure::Silent(reason) if !self.in_doubt() => return Err(unavailable(reason)),
            Failure::Doubtful(reason) => {
                self.failed += 1;
                self.doubtful_since.get_or_insert_with(Instant::now);
                reason
            }
            Failure::Lost(reason) | Failure::Silent(reason) => reason,
        };
        let round = if let Some(since) = self.doubtful_since {
            if since.elapsed() > DOUBT_MAX {
                return Err(unavailable(self.with_doubt(reason)));
            }
            self.looked += 1;
            self.looked
        } else {
            self.failed += 1;
            self.failed
        };
        if self.failed > RETRIES_MAX {
            return Err(unavailable(self.with_doubt(reason)));
        }
        tracing::debug!(round, %reason, "trying again");
        tokio::time::sleep(pause(round)).await;
        Ok(())
    }

    /// While something is in doubt, a database that is only slow is asked again, too.
    fn is_worth_another(&self, error: &Error) -> bool {
        is_passing(error) || (self.in_doubt() && is_unavailable(error))
    }

    fn with_doubt(&self, reason: String) -> String {
        if self.in_doubt() {
            format!("it is unknown whether it was written: {reason}")
        } else {
            reason
        }
    }
}

/// Longer each time, and not the same for those who failed together.
fn pause(round: u32) -> Duration {
    let longest = PAUSE_FIRST.saturating_mul(1 << round.min(PAUSE_DOUBLINGS_MAX));
    longest.mul_f64(rand::random_range(0.5..1.0))
}

/// Whether the same may succeed a moment later: it ran into somebody else's transaction, or the server
/// starts, stops or has too many connections.
fn is_passing(error: &Error) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        // The server gave up on a transaction in which this process was silent for long.
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    passing.contains(code) || code.code().starts_with("08")
}

/// Whether it is the database that cannot do it now, whatever it was asked.
fn is_unavailable(error: &Error) -> bool {
    let waited = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        // A standby that became nobody's primary yet.
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // 53: out of disk, memory or connections. 57: the operator intervenes.
    error.code().is_some_and(|code| {
        waited.contains(code) || matches!(code.code().get(..2), Some("53" | "57"))
    })
}

/// What the caller is told of a refusal that will not pass by itself soon.
fn engine(error: Error) -> StoreError {
    if is_unavailable(&error) {
        let reason = told(&error);
        StoreError::Unavailable { reason }
    } else {
        StoreError::Backend(Box::new(error))
    }
}

/// Attempts after the first one of which it is known that they wrote nothing.
const RETRIES_MAX: u32 = 3;
/// How long to look for what became of an attempt. A failover takes longer, and then the caller decides.
const DOUBT_MAX: Duration = Duration::from_secs(5);
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_DOUBLINGS_MAX: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Failure {
        Failure::Lost("gone".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_is_tried_three_times_more() {
        let mut tries = Tries::default();
        for _ in 0..RETRIES_MAX {
            tries.again(lost()).await.unwrap();
        }
        let told = tries.again(lost()).await;
        assert!(matches!(told, Err(StoreError::Unavailable { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_is_looked_into_for_a_while_and_then_told() {
        let mut tries = Tries::default();
        // The doubt begins here, before a pause as long as chance will have it.
        let start = Instant::now();
        tries
            .again(Failure::Doubtful("cut".to_owned()))
            .await
            .unwrap();
        let told = loop {
            assert!(tries.in_doubt());
            if let Err(error) = tries.again(lost()).await {
                break error;
            }
        };
        assert!(start.elapsed() >= DOUBT_MAX);
        assert!(told.to_string().contains("unknown"), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_that_are_always_in_doubt_come_to_an_end() {
        let mut tries = Tries::default();
        for _ in 0..RETRIES_MAX {
            let doubtful = Failure::Doubtful("cut".to_owned());
            tries.again(doubtful).await.unwrap();
            tries.cleared();
        }
        assert!(
            tries
                .again(Failure::Doubtful("cut".to_owned()))
                .await
                .is_err()
        );
    }
}
