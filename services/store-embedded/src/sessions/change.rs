//! Changes of sessions, decided in the order of commits.

use session_core::{
    Admission, Created, Record, Revision, Session, SessionId, StoreError, Timestamp, WhenFull,
};

use super::{corrupt, find, key, row};
use crate::queue::Reads;
use crate::rows::Rows;

/// Adds a record if its user may have one more.
pub(super) fn create(
    reads: &Reads<'_>,
    rows: &mut Rows,
    record: &Record,
    encoded: &row::Encoded,
    admission: Admission,
) -> Result<Created, StoreError> {
    let session = &record.session;
    if let Some(stored) = find::one(reads, session.session_id)? {
        let (expected, actual) = (Revision::NONE, stored.session.revision);
        return Err(StoreError::Conflict { expected, actual });
    }
    let live = live_oldest_first(reads, session, admission.now)?;
    let allowed = admission.sessions_max.get() as usize;
    let excess = (live.len() + 1).saturating_sub(allowed);
    if excess > 0 && admission.when_full == WhenFull::Reject {
        return Ok(Created::Full {
            live: u32::try_from(live.len()).unwrap_or(u32::MAX),
        });
    }
    let oldest = live.into_iter().take(excess);
    let evicted: Vec<Record> = oldest
        .map(|(_, id)| find::indexed(reads, id))
        .collect::<Result<_, _>>()?;
    evicted
        .iter()
        .for_each(|evicted| row::erase(&evicted.session, None, rows));
    encoded.write(session, rows);
    Ok(Created::Stored { evicted })
}

/// Replaces a record if it has the revision.
pub(super) fn replace(
    reads: &Reads<'_>,
    rows: &mut Rows,
    record: &Record,
    encoded: &row::Encoded,
    expected: Revision,
) -> Result<(), StoreError> {
    let session = &record.session;
    let stored = at_revision(reads, session.session_id, Some(expected))?;
    row::erase(&stored.session, Some(session), rows);
    encoded.write(session, rows);
    Ok(())
}

/// Removes a record, whatever it is or if it has the revision.
pub(super) fn remove(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: SessionId,
    expected: Option<Revision>,
) -> Result<Record, StoreError> {
    let stored = at_revision(reads, id, expected)?;
    row::erase(&stored.session, None, rows);
    Ok(stored)
}

fn at_revision(
    reads: &Reads<'_>,
    id: SessionId,
    expected: Option<Revision>,
) -> Result<Record, StoreError> {
    let stored = find::one(reads, id)?.ok_or(StoreError::NotFound)?;
    let actual = stored.session.revision;
    match expected {
        Some(expected) if expected != actual => Err(StoreError::Conflict { expected, actual }),
        _ => Ok(stored),
    }
}

fn live_oldest_first(
    reads: &Reads<'_>,
    session: &Session,
    now: Timestamp,
) -> Result<Vec<(Timestamp, SessionId)>, StoreError> {
    let mut live = Vec::new();
    for (found, times) in reads
        .prefixed(&key::of_user(&session.user_id))
        .map_err(corrupt)?
    {
        let (created_at, expires_at) = row::decode_times(&times).map_err(corrupt)?;
        if expires_at > now {
            live.push((created_at, key::parse(&found).map_err(corrupt)?));
        }
    }
    live.sort_unstable();
    Ok(live)
}
