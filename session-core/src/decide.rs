//! The one place that knows what a command does to a session.
//!
//! In: the record as stored, the command, the time, the limits. Out: what to store. Pure and total:
//! no clock, no await, an answer for every combination. Called by [`Manager`](crate::Manager),
//! which carries it out.

use std::collections::BTreeMap;

use crate::command::{Command, Connection};
use crate::error::InvalidField;
use crate::event::{CloseReason, EventKind};
use crate::limits::Limits;
use crate::session::{Record, SessionState, Stats, expiry};
use crate::time::Timestamp;
use crate::token::{Nonce, Presented, PreviousToken, Token};

/// What a command does to a session.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Granted; there is nothing to store.
    Keep,
    /// Granted, once this record has replaced the one decided upon.
    Replace {
        /// The record, with the next revision.
        record: Box<Record>,
        /// What to announce then.
        event: Option<EventKind>,
    },
    /// A new token is granted, once this record has replaced the one decided upon.
    Rotate {
        /// The record, with the next revision.
        record: Box<Record>,
        /// The new token.
        token: Token,
    },
    /// The answer to the last rotation is granted again; there is nothing to store.
    Repeat {
        /// The current token.
        token: Token,
    },
    /// The session ends.
    Remove {
        /// Why.
        reason: CloseReason,
    },
    /// Not granted; there is nothing to store.
    Refuse(Refusal),
}

/// Why a command is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The token is none of this session's.
    UnknownToken,
    /// The session has outlived itself.
    Expired,
    /// The session is ending.
    Disconnecting,
    /// The command breaks a limit.
    Invalid(InvalidField),
}

/// Decides what `command` does at `now` to the session in `record`.
pub fn decide(record: &Record, command: &Command, now: Timestamp, limits: &Limits) -> Decision {
    let expired = record.session.is_expired(now);
    match command {
        Command::Present { token } => match admit(record, token, now, limits) {
            Ok(_) => touch(record, &Stats::default(), now, limits),
            Err(decision) => decision,
        },
        Command::Rotate { token, nonce } => match admit(record, token, now, limits) {
            Ok(Some(previous)) => Decision::Repeat {
                token: token.successor(&previous.nonce),
            },
            Ok(None) => rotate(record, token, nonce, now, limits),
            Err(decision) => decision,
        },
        Command::Expire => expire(record, expired),
        _ if expired => Decision::Refuse(Refusal::Expired),
        Command::Touch { report } => touch(record, report, now, limits),
        Command::Attach { connection } => attach(record, connection, now, limits),
        Command::Detach { connection_id } => {
            if record.session.connection_id != Some(*connection_id) {
                return Decision::Keep;
            }
            let mut next = next_revision(record, now, limits);
            next.session.connection_id = None;
            if next.session.state == SessionState::Active {
                next.session.state = SessionState::Idle;
            }
            let event = EventKind::Detached {
                connection_id: *connection_id,
            };
            Decision::Replace {
                record: next,
                event: Some(event),
            }
        }
        Command::Describe { metadata } => describe(record, metadata, now, limits),
        Command::Disconnect => disconnect(record, now, limits),
    }
}

/// Whether the holder of `token` is let in: with the current token (`None`), or with the previous
/// one during its grace period. Who shows none of the session's tokens learns nothing else about
/// it.
fn admit(
    record: &Record,
    token: &Token,
    now: Timestamp,
    limits: &Limits,
) -> Result<Option<PreviousToken>, Decision> {
    let presented = record.credential.classify(token);
    if presented == Presented::Foreign {
        return Err(Decision::Refuse(Refusal::UnknownToken));
    }
    if record.session.is_expired(now) {
        return Err(Decision::Refuse(Refusal::Expired));
    }
    let admitted = match presented {
        Presented::Current => None,
        Presented::Previous(previous) if in_grace(&previous, now, limits) => Some(previous),
        _ => {
            return Err(Decision::Remove {
                reason: CloseReason::TokenReused,
            });
        }
    };
    if record.session.state == SessionState::Disconnecting {
        return Err(Decision::Refuse(Refusal::Disconnecting));
    }
    Ok(admitted)
}

fn rotate(
    record: &Record,
    token: &Token,
    nonce: &Nonce,
    now: Timestamp,
    limits: &Limits,
) -> Decision {
    let successor = token.successor(nonce);
    let mut next = next_revision(record, now, limits);
    next.credential.previous = Some(PreviousToken {
        hash: record.credential.current,
        nonce: *nonce,
        rotated_at: now,
    });
    next.credential.current = successor.hash();
    record_activity(&mut next, now, limits);
    Decision::Rotate {
        record: next,
        token: successor,
    }
}

/// Activity is stored when it matters: not again within [`Limits::touch_interval`].
fn touch(record: &Record, report: &Stats, now: Timestamp, limits: &Limits) -> Decision {
    let session = &record.session;
    let disconnecting = session.state == SessionState::Disconnecting;
    let settled = session.state == SessionState::Active || disconnecting;
    let recent = now.since(session.last_active_at) < limits.touch_interval;
    if settled && recent && report.is_empty() {
        return Decision::Keep;
    }
    let mut next = next_revision(record, now, limits);
    next.session.stats.add(report);
    record_activity(&mut next, now, limits);
    Decision::Replace {
        record: next,
        event: None,
    }
}

fn attach(record: &Record, connection: &Connection, now: Timestamp, limits: &Limits) -> Decision {
    let server_addr = connection.server_addr.as_deref().unwrap_or_default();
    if let Err(invalid) = limits.check_server_addr(server_addr) {
        return Decision::Refuse(Refusal::Invalid(invalid));
    }
    if record.session.state == SessionState::Disconnecting {
        return Decision::Refuse(Refusal::Disconnecting);
    }
    if is_attached(record, connection) {
        return touch(record, &Stats::default(), now, limits);
    }
    let mut next = next_revision(record, now, limits);
    let replaced = next.session.connection_id.replace(connection.connection_id);
    next.session.client_ip = connection.client_ip;
    next.session.client_port = connection.client_port;
    next.session.server_addr.clone_from(&connection.server_addr);
    record_activity(&mut next, now, limits);
    let replaced = replaced.filter(|replaced| *replaced != connection.connection_id);
    Decision::Replace {
        record: next,
        event: Some(EventKind::Attached { replaced }),
    }
}

fn is_attached(record: &Record, connection: &Connection) -> bool {
    let session = &record.session;
    session.connection_id == Some(connection.connection_id)
        && session.client_ip == connection.client_ip
        && session.client_port == connection.client_port
        && session.server_addr == connection.server_addr
}

fn describe(
    record: &Record,
    changes: &BTreeMap<String, Option<String>>,
    now: Timestamp,
    limits: &Limits,
) -> Decision {
    let mut next = next_revision(record, now, limits);
    for (key, value) in changes {
        match value {
            Some(value) => next.session.metadata.insert(key.clone(), value.clone()),
            None => next.session.metadata.remove(key),
        };
    }
    if next.session.metadata == record.session.metadata {
        return Decision::Keep;
    }
    match limits.check_metadata(&next.session.metadata) {
        Ok(()) => Decision::Replace {
            record: next,
            event: None,
        },
        Err(invalid) => Decision::Refuse(Refusal::Invalid(invalid)),
    }
}

fn disconnect(record: &Record, now: Timestamp, limits: &Limits) -> Decision {
    if record.session.state == SessionState::Disconnecting {
        return Decision::Keep;
    }
    let mut next = next_revision(record, now, limits);
    next.session.state = SessionState::Disconnecting;
    let deadline = now.plus(limits.disconnect_grace);
    next.session.expires_at = next.session.expires_at.min(deadline);
    Decision::Replace {
        record: next,
        event: Some(EventKind::Disconnecting),
    }
}

fn expire(record: &Record, expired: bool) -> Decision {
    match (expired, record.session.state) {
        (false, _) => Decision::Keep,
        (true, SessionState::Disconnecting) => Decision::Remove {
            reason: CloseReason::Disconnected,
        },
        (true, _) => Decision::Remove {
            reason: CloseReason::Expired,
        },
    }
}

/// A copy with the next revision, from which a previous token is dropped that nobody may use any
/// more.
fn next_revision(record: &Record, now: Timestamp, limits: &Limits) -> Box<Record> {
    let mut next = Box::new(record.clone());
    next.session.revision = record.session.revision.next();
    next.credential.previous = record
        .credential
        .previous
        .filter(|previous| in_grace(previous, now, limits));
    next
}

/// Moves activity and expiry forward, never back: processes' clocks may differ a little. A session
/// that is disconnecting keeps its deadline.
fn record_activity(record: &mut Record, now: Timestamp, limits: &Limits) {
    let session = &mut record.session;
    session.last_active_at = session.last_active_at.max(now);
    if session.state != SessionState::Disconnecting {
        session.state = SessionState::Active;
        let expires_at = expiry(session.created_at, now, limits);
        session.expires_at = session.expires_at.max(expires_at);
    }
}

fn in_grace(previous: &PreviousToken, now: Timestamp, limits: &Limits) -> bool {
    now.since(previous.rotated_at) < limits.rotation_grace
}
