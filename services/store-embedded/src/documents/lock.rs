//! Locks: all live ones of a document in one row, which an append reads when the head says that
//! there is one.
//!
//! ```text
//!  0  check    8   XXH3-64 of everything after it; context: document
//!  8  as of    8   u64, unix milliseconds: when it was written, by the store's clock
//! 16  the locks in the order of their fences, in postcard
//! ```
//!
//! There are few (the core allows a thousand), they change seldom, and a write of the whole document
//! is checked against all of them.
//!
//! What was decided because a lease was over takes that lock out in the same commit, and the clock
//! never goes on from before the row was written: no lease comes back to life when the store is
//! opened with a clock that was set back.

use std::sync::Arc;

use statesync_core::{DocumentId, Fence, Lock, LockId, LockRequest, Record, StoreError, Timestamp};

use super::head::Head;
use super::{corrupt, key};
use crate::encoding::{Fields, Malformed};
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::leases::LeaseClock;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::tables::{Lookup, View};

/// The live locks of a document, now.
struct Locks {
    live: Vec<Lock>,
    now: Timestamp,
    /// Whether the row has some that are over.
    some_are_over: bool,
}

impl Locks {
    fn read(
        lookup: &impl Lookup,
        id: DocumentId,
        head: &Head,
        clock: &LeaseClock,
    ) -> Result<Self, StoreError> {
        let damaged = |damage: Damage| corrupt(id, damage);
        let (as_of, mut live) = if head.has_locks {
            let row = lookup.value(&key::locks(id)).map_err(damaged)?;
            let row = row.ok_or_else(|| corrupt(id, "the locks are missing"))?;
            decode(id, &row).map_err(|bad| damaged(bad.into()))?
        } else {
            (Timestamp(0), Vec::new())
        };
        let now = clock.now(as_of);
        let before = live.len();
        live.retain(|lock| lock.is_live(now));
        Ok(Self {
            some_are_over: live.len() < before,
            live,
            now,
        })
    }

    /// Replaces the row, and says in the head whether there is one.
    fn write(&self, id: DocumentId, head: &mut Head, rows: &mut Rows) -> Result<(), StoreError> {
        head.has_locks = !self.live.is_empty();
        if !head.has_locks {
            rows.delete(&key::locks(id));
            return Ok(());
        }
        let content = self.now.0.to_le_bytes().to_vec();
        let content = postcard::to_extend(&self.live, content)
            .map_err(|error| StoreError::Backend(Box::new(error)))?;
        let check = content_check(id, &content).to_le_bytes();
        rows.put(&key::locks(id), &[&check, &content]);
        Ok(())
    }

    fn expires_at(&self, lease_ms: u64) -> Timestamp {
        Timestamp(self.now.0.saturating_add(lease_ms))
    }
}

/// Whether the locks allow that these records are written now.
pub(super) fn expect_allowed(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    head: &mut Head,
    records: &[Arc<Record>],
    clock: &LeaseClock,
) -> Result<(), StoreError> {
    let relies_on_a_lock = |record: &Arc<Record>| record.terms.fence.is_some();
    if !head.has_locks && !records.iter().any(relies_on_a_lock) {
        return Ok(());
    }
    let locks = Locks::read(reads, id, head, clock)?;
    for (record, asked) in records.iter().enumerate() {
        if let Some(violation) = asked.violation(&locks.live, locks.now) {
            return Err(StoreError::Guarded {
                id,
                record,
                violation,
            });
        }
    }
    if locks.some_are_over {
        locks.write(id, head, rows)?;
    }
    Ok(())
}

/// Grants a lock, or renews the one that the same holder has.
pub(super) fn acquire(
    reads: &Reads<'_>,
    rows: &mut Rows,
    request: LockRequest,
    clock: &LeaseClock,
) -> Result<Lock, StoreError> {
    let id = request.document_id;
    let mut head = Head::expect(reads, id)?;
    let mut locks = Locks::read(reads, id, &head, clock)?;
    let expires_at = locks.expires_at(request.lease_ms);
    let in_the_way =
        |lock: &&Lock| lock.target.overlaps(&request.target) && !lock.is_of(&request.holder);
    if let Some(held) = locks.live.iter().find(in_the_way) {
        return Err(StoreError::LockHeld(Box::new(held.clone())));
    }
    let mut live = locks.live.iter_mut();
    let lock = if let Some(known) = live.find(|lock| lock.target == request.target) {
        known.expires_at = known.expires_at.max(expires_at);
        known.clone()
    } else {
        head.fence = Fence(head.fence.0 + 1);
        let lock = Lock {
            id: request.id,
            document_id: id,
            target: request.target,
            holder: request.holder,
            fence: head.fence,
            acquired_at: locks.now,
            expires_at,
        };
        locks.live.push(lock.clone());
        lock
    };
    locks.write(id, &mut head, rows)?;
    head.write(id, rows);
    Ok(lock)
}

/// Makes a live lock last from now on.
pub(super) fn renew(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    lock: LockId,
    lease_ms: u64,
    clock: &LeaseClock,
) -> Result<Lock, StoreError> {
    let mut head = Head::expect(reads, id)?;
    let mut locks = Locks::read(reads, id, &head, clock)?;
    let expires_at = locks.expires_at(lease_ms);
    let mut live = locks.live.iter_mut();
    let renewed = live.find(|held| held.id == lock);
    let renewed = renewed.ok_or(StoreError::LockLost(lock))?;
    renewed.expires_at = renewed.expires_at.max(expires_at);
    let renewed = renewed.clone();
    locks.write(id, &mut head, rows)?;
    Ok(renewed)
}

/// Ends a lock; whether it was live.
pub(super) fn release(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    lock: LockId,
    clock: &LeaseClock,
) -> Result<bool, StoreError> {
    let mut head = Head::expect(reads, id)?;
    let mut locks = Locks::read(reads, id, &head, clock)?;
    let before = locks.live.len();
    locks.live.retain(|held| held.id != lock);
    let was_live = locks.live.len() < before;
    if was_live || locks.some_are_over {
        locks.write(id, &mut head, rows)?;
        head.write(id, rows);
    }
    Ok(was_live)
}

/// The live ones.
pub(super) fn live(
    view: &View<'_>,
    id: DocumentId,
    clock: &LeaseClock,
) -> Result<Vec<Lock>, StoreError> {
    let head = Head::expect(view, id)?;
    Ok(Locks::read(view, id, &head, clock)?.live)
}

fn decode(id: DocumentId, row: &[u8]) -> Result<(Timestamp, Vec<Lock>), Malformed> {
    let mut fields = Fields::of(row, "locks");
    let malformed = fields.malformed();
    if fields.u64()? != content_check(id, fields.clone().rest()) {
        return Err(malformed);
    }
    let as_of = Timestamp(fields.u64()?);
    match postcard::take_from_bytes(fields.rest()) {
        Ok((locks, [])) => Ok((as_of, locks)),
        _ => Err(malformed),
    }
}

fn content_check(id: DocumentId, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes()], content)
}
