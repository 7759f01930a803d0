//! Events, as they wait and as they are sent.

use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{
    Attendance, Change, Conflict, Document, DocumentId, Lock, News, Participant, Record, Version,
};
use wire::document_event::Event;

use crate::convert;

/// What waits to be sent. Records are shared with everybody else until it is their turn.
pub(super) enum Item {
    /// From the hub.
    News(Arc<News>),
    /// From the log.
    Logged(Arc<Record>),
    /// About a document whose version does not change.
    Other(Version, Box<Event>),
}

/// The event that is a record.
pub(super) fn of_record(id: DocumentId, record: &Record) -> Event {
    Event::OperationApplied(convert::operation(id, record))
}

/// What a record does to conflicts.
pub(super) fn of_conflicts(record: &Record, conflicts: &[Arc<Conflict>]) -> Vec<Event> {
    let mut events = Vec::new();
    let settles = matches!(record.change, Change::Resolve(_));
    for conflict in conflicts {
        if !settles {
            events.push(Event::ConflictDetected(convert::conflict(conflict)));
        }
        let settled_at = conflict.outcome.as_ref().map(|outcome| outcome.version);
        if settles || settled_at == Some(record.version) {
            events.push(Event::ConflictResolved(convert::conflict(conflict)));
        }
    }
    events
}

pub(super) fn user(participant: &Participant) -> wire::User {
    wire::User {
        user_id: participant.user_id.to_string(),
        name: participant.name.clone(),
    }
}

pub(super) fn attendance(change: &Attendance) -> Event {
    let user = user(&change.participant);
    if change.here {
        Event::UserJoined(user)
    } else {
        Event::UserLeft(user)
    }
}

/// What happened to locks between two moments.
pub(super) fn of_locks(before: &[Lock], now: &[Lock]) -> Vec<Event> {
    let gone = before
        .iter()
        .filter(|lock| now.iter().all(|other| other.id != lock.id));
    let gone = gone.map(|lock| Event::LockReleased(convert::lock(lock)));
    let new = now.iter().filter(|lock| !before.contains(lock));
    let new = new.map(|lock| Event::LockAcquired(convert::lock(lock)));
    gone.chain(new).collect()
}

pub(super) fn present(
    subscription_id: String,
    document: &Document,
    participants: &[Participant],
    locks: &[Lock],
) -> Event {
    Event::Present(wire::Present {
        subscription_id,
        document: Some(convert::document(document, participants)),
        users: participants.iter().map(user).collect(),
        locks: locks.iter().map(convert::lock).collect(),
    })
}
