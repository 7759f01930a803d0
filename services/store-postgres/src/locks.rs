//! Locks. Whoever grants, renews or ends one holds the lock of the head meanwhile, as does an append:
//! none of them sees another halfway. Whether a lock is live is decided by the database's clock alone, read
//! when the head is locked.

use std::collections::HashMap;

use statesync_core::{
    DocumentId, Fence, Lock, LockId, LockRequest, LockTarget, StoreError, Timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::load::{ENDS, found};
use crate::moment::Moment;
use crate::rows::{self, Columns};
use crate::texts::kept;
use crate::transaction::{Statement, Transaction, Transactions};

/// Grants a lock. It may be done twice: whoever has it, has it.
pub(crate) async fn acquire(
    transactions: &Transactions,
    request: &LockRequest,
) -> Result<Lock, Failure> {
    let transaction = transactions.start().await?;
    let outcome = granted(&transaction, &transactions.writing, request).await;
    transaction.end(outcome)
}

async fn granted(
    transaction: &Transaction,
    begin: &str,
    request: &LockRequest,
) -> Result<Lock, Failure> {
    let id = request.document_id;
    let Found { fence, now, locks } = locked(transaction, begin, id).await?;
    let live = || locks.iter().filter(|lock| lock.is_live(now));
    let mut others = live().filter(|lock| lock.holder != request.holder);
    if let Some(held) = others.find(|lock| lock.target.overlaps(&request.target)) {
        return Err(StoreError::LockHeld(Box::new(held.clone())).into());
    }
    let expires_at = end_of_lease(now, request.lease_ms);
    if let Some(known) = live().find(|lock| lock.target == request.target) {
        return extended(transaction, known, expires_at).await;
    }
    let lock = Lock {
        id: request.id,
        document_id: id,
        target: request.target.clone(),
        holder: request.holder.clone(),
        fence: Fence(fence.0 + 1),
        acquired_at: now,
        expires_at,
    };
    insert(transaction, &lock).await?;
    Ok(lock)
}

/// Makes a live lock last longer. It may be done twice.
pub(crate) async fn renew(
    transactions: &Transactions,
    id: DocumentId,
    lock: LockId,
    lease_ms: u64,
) -> Result<Lock, Failure> {
    let transaction = transactions.start().await?;
    let outcome = renewed(&transaction, &transactions.writing, id, lock, lease_ms).await;
    transaction.end(outcome)
}

async fn renewed(
    transaction: &Transaction,
    begin: &str,
    id: DocumentId,
    lock: LockId,
    lease_ms: u64,
) -> Result<Lock, Failure> {
    let Found { now, locks, .. } = locked(transaction, begin, id).await?;
    let mut live = locks.iter().filter(|held| held.is_live(now));
    let known = live.find(|held| held.id == lock);
    let known = known.ok_or(StoreError::LockLost(lock))?;
    extended(transaction, known, end_of_lease(now, lease_ms)).await
}

/// Ends a lock. `was_live` is set as soon as it is known: when this is done again because the answer to
/// the commit was lost, there may be nothing left to see.
pub(crate) async fn release(
    transactions: &Transactions,
    id: DocumentId,
    lock: LockId,
    was_live: &mut bool,
) -> Result<(), Failure> {
    let transaction = transactions.start().await?;
    let outcome = released(&transaction, &transactions.writing, id, lock, was_live).await;
    transaction.end(outcome)
}

async fn released(
    transaction: &Transaction,
    begin: &str,
    id: DocumentId,
    lock: LockId,
    was_live: &mut bool,
) -> Result<(), Failure> {
    let Found { now, locks, .. } = locked(transaction, begin, id).await?;
    *was_live |= locks
        .iter()
        .any(|held| held.id == lock && held.is_live(now));
    let (uuid, lock) = (id.0.to_uuid(), lock.0.to_uuid());
    let delete = Statement::new(DELETE, [(&uuid, Type::UUID), (&lock, Type::UUID)]);
    transaction.commit(&[delete]).await?;
    Ok(())
}

/// The live locks, in the order of their fences.
pub(crate) async fn live(
    transactions: &Transactions,
    id: DocumentId,
) -> Result<Vec<Lock>, Failure> {
    let uuid = id.0.to_uuid();
    let all = format!("SELECT {} FROM locks WHERE document_id = $1", rows::LOCK);
    let of_document = |sql| Statement::new(sql, [(&uuid, Type::UUID)]);
    let clock = Statement::new(CLOCK, []);
    let statements = [of_document(ENDS), clock, of_document(all.as_str())];
    let [ends, clock, locks] = transactions.read(statements).await?;
    found(&ends, id)?;
    let now = time(&clock, id)?;
    let mut locks = parsed(&locks, id)?;
    locks.retain(|lock| lock.is_live(now));
    Ok(locks)
}

/// All locks of documents whose heads are locked, by document, and the database's time.
pub(crate) async fn all(
    transaction: &Transaction,
    ids: &[DocumentId],
) -> Result<(Timestamp, HashMap<DocumentId, Vec<Lock>>), Failure> {
    let uuids: Vec<_> = ids.iter().map(|id| id.0.to_uuid()).collect();
    let all = format!(
        "SELECT document_id, {} FROM locks WHERE document_id = ANY($1)",
        rows::LOCK
    );
    let all = Statement::new(&all, [(&uuids, Type::UUID_ARRAY)]);
    let [clock, found] = transaction.ask([Statement::new(CLOCK, []), all]).await?;
    let any = ids.first().copied();
    let any = any.ok_or_else(|| Failure::Lost("locks of nothing".to_owned()))?;
    let mut locks = HashMap::<_, Vec<_>>::new();
    for row in &found {
        let id = DocumentId(Columns::of(row, any, "lock").guuid("document_id")?);
        locks.entry(id).or_default().push(rows::lock(row, id)?);
    }
    for held in locks.values_mut() {
        held.sort_by_key(|lock| lock.fence);
    }
    Ok((time(&clock, any)?, locks))
}

/// What is found when the head is locked.
struct Found {
    /// Of the newest grant.
    fence: Fence,
    now: Timestamp,
    /// Live and expired ones.
    locks: Vec<Lock>,
}

async fn locked(transaction: &Transaction, begin: &str, id: DocumentId) -> Result<Found, Failure> {
    let uuid = id.0.to_uuid();
    let all = format!("SELECT {} FROM locks WHERE document_id = $1", rows::LOCK);
    let of_document = |sql| Statement::new(sql, [(&uuid, Type::UUID)]);
    let clock = Statement::new(CLOCK, []);
    let statements = [of_document(LOCK_HEAD), clock, of_document(all.as_str())];
    let [head, clock, locks] = transaction.begin(begin, statements).await?;
    let fence = Columns::of(found(&head, id)?, id, "head").version("fence")?;
    Ok(Found {
        fence: Fence(fence.0),
        now: time(&clock, id)?,
        locks: parsed(&locks, id)?,
    })
}

async fn insert(transaction: &Transaction, lock: &Lock) -> Result<(), Failure> {
    let document = lock.document_id.0.to_uuid();
    let id = lock.id.0.to_uuid();
    let target = match &lock.target {
        LockTarget::Document => None,
        LockTarget::Object(object) => Some(object.as_str()),
    };
    let user = lock.holder.user_id.as_str();
    let session = kept(&lock.holder.session_id);
    let fence = i64::try_from(lock.fence.0).unwrap_or(i64::MAX);
    let (acquired_at, expires_at) = (Moment(lock.acquired_at), Moment(lock.expires_at));
    let insert = Statement::new(
        INSERT,
        [
            (&document, Type::UUID),
            (&id, Type::UUID),
            (&target, Type::TEXT),
            (&user, Type::TEXT),
            (&session, Type::TEXT),
            (&fence, Type::INT8),
            (&acquired_at, Type::TIMESTAMPTZ),
            (&expires_at, Type::TIMESTAMPTZ),
        ],
    );
    let expired = Statement::new(
        DELETE_EXPIRED,
        [(&document, Type::UUID), (&acquired_at, Type::TIMESTAMPTZ)],
    );
    let head = Statement::new(
        GRANT,
        [
            (&document, Type::UUID),
            (&fence, Type::INT8),
            (&expires_at, Type::TIMESTAMPTZ),
        ],
    );
    transaction.commit(&[expired, insert, head]).await?;
    Ok(())
}

async fn extended(
    transaction: &Transaction,
    lock: &Lock,
    expires_at: Timestamp,
) -> Result<Lock, Failure> {
    let (document, id) = (lock.document_id.0.to_uuid(), lock.id.0.to_uuid());
    let expires_at = expires_at.max(lock.expires_at);
    let end = Moment(expires_at);
    let extend = Statement::new(
        EXTEND,
        [
            (&document, Type::UUID),
            (&id, Type::UUID),
            (&end, Type::TIMESTAMPTZ),
        ],
    );
    let head = Statement::new(
        EXTEND_HEAD,
        [(&document, Type::UUID), (&end, Type::TIMESTAMPTZ)],
    );
    transaction.commit(&[extend, head]).await?;
    Ok(Lock {
        expires_at,
        ..lock.clone()
    })
}

/// Leases that would end after all time that a column can have end with it.
fn end_of_lease(now: Timestamp, lease_ms: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(lease_ms)).min(Moment::MAX)
}

fn time(clock: &[Row], id: DocumentId) -> Result<Timestamp, StoreError> {
    let row = clock.first();
    let row = row.ok_or_else(|| rows::corrupt(id, "the database has no time"))?;
    Columns::of(row, id, "the database's clock").time("now")
}

/// In the order of their fences.
fn parsed(found: &[Row], id: DocumentId) -> Result<Vec<Lock>, StoreError> {
    let locks = found.iter().map(|row| rows::lock(row, id));
    let mut locks: Vec<_> = locks.collect::<Result<_, _>>()?;
    locks.sort_by_key(|lock| lock.fence);
    Ok(locks)
}

const CLOCK: &str = "SELECT clock_timestamp() AS now";
const LOCK_HEAD: &str = "SELECT fence FROM documents WHERE id = $1 FOR UPDATE";
const INSERT: &str = "INSERT INTO locks (document_id, id, target, user_id, session_id, fence, \
     acquired_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const DELETE: &str = "DELETE FROM locks WHERE document_id = $1 AND id = $2";
const DELETE_EXPIRED: &str = "DELETE FROM locks WHERE document_id = $1 AND expires_at <= $2";
/// Appends look for locks while `locked_until` is to come.
const GRANT: &str = "UPDATE documents SET fence = $2, \
     locked_until = GREATEST(locked_until, $3) WHERE id = $1";
const EXTEND: &str = "UPDATE locks SET expires_at = $3 WHERE document_id = $1 AND id = $2";
const EXTEND_HEAD: &str =
    "UPDATE documents SET locked_until = GREATEST(locked_until, $2) WHERE id = $1";
