//! The loop of every change: load, decide, replace if nobody else did, answer.

use crate::command::Command;
use crate::decide::{Decision, Refusal, decide};
use crate::error::{AccessError, SessionError, StoreError};
use crate::event::EventKind;
use crate::id::SessionId;
use crate::manager::Manager;
use crate::session::{Record, Session};
use crate::time::Timestamp;
use crate::token::Token;

impl Manager {
    pub(super) async fn change(
        &self,
        session_id: SessionId,
        command: Command,
    ) -> Result<Session, SessionError> {
        match self.execute(session_id, &command).await {
            Ok(Outcome::Granted(session) | Outcome::Token(session, _)) => Ok(session),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The loop of every change. Ends after [`crate::Limits::update_attempts_max`] lost attempts.
    pub(super) async fn execute(
        &self,
        session_id: SessionId,
        command: &Command,
    ) -> Result<Outcome, Failure> {
        let attempts = self.limits.update_attempts_max;
        for _ in 0..attempts {
            let record = self.store.load(session_id).await?;
            let now = self.now();
            match self.carry_out(&record, command, now).await {
                Err(Failure::Store(StoreError::Conflict { .. })) => {}
                finished => return finished,
            }
        }
        Err(Failure::Contended { attempts })
    }

    async fn carry_out(
        &self,
        record: &Record,
        command: &Command,
        now: Timestamp,
    ) -> Result<Outcome, Failure> {
        let expected = record.session.revision;
        let session = match decide(record, command, now, &self.limits) {
            Decision::Keep => record.session.clone(),
            Decision::Replace {
                record: next,
                event,
            } => {
                self.store.replace_if(&next, expected).await?;
                if let Some(event) = event {
                    self.announcer.announce(&next.session, now, event);
                }
                next.session
            }
            Decision::Rotate {
                record: next,
                token,
            } => {
                self.store.replace_if(&next, expected).await?;
                self.announcer
                    .announce(&next.session, now, EventKind::Rotated);
                return Ok(Outcome::Token(next.session, token));
            }
            Decision::Repeat { token } => {
                self.announcer
                    .announce(&record.session, now, EventKind::RotationRepeated);
                let session = record.session.clone().as_of(now, &self.limits);
                return Ok(Outcome::Token(session, token));
            }
            Decision::Remove { reason } => {
                // Whatever it is by now: a stolen token does not become harmless by a heartbeat.
                let removed = self.store.remove(record.session.session_id, None).await?;
                self.announce_closed(removed.session, reason);
                return Err(Failure::Removed);
            }
            Decision::Refuse(refusal) => return Err(Failure::Refused(refusal)),
        };
        Ok(Outcome::Granted(session.as_of(now, &self.limits)))
    }
}

/// What a command gave.
pub(super) enum Outcome {
    Granted(Session),
    Token(Session, Token),
}

/// Why a command gave nothing.
pub(super) enum Failure {
    Refused(Refusal),
    Removed,
    Contended { attempts: u32 },
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for AccessError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(Refusal::UnknownToken | Refusal::Invalid(_))
            | Failure::Store(StoreError::NotFound) => Self::Unknown,
            Failure::Refused(Refusal::Expired) => Self::Expired,
            Failure::Refused(Refusal::Disconnecting) => Self::Disconnecting,
            Failure::Removed => Self::Reused,
            Failure::Contended { attempts } => Self::Contended { attempts },
            Failure::Store(error) => Self::Store(error),
        }
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(Refusal::UnknownToken | Refusal::Expired) | Failure::Removed => {
                Self::NotFound
            }
            Failure::Refused(Refusal::Disconnecting) => Self::Disconnecting,
            Failure::Refused(Refusal::Invalid(invalid)) => Self::Invalid(invalid),
            Failure::Contended { attempts } => Self::Contended { attempts },
            Failure::Store(error) => session_error(error),
        }
    }
}

pub(super) fn session_error(error: StoreError) -> SessionError {
    match error {
        StoreError::NotFound => SessionError::NotFound,
        error => SessionError::Store(error),
    }
}
