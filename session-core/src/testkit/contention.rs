//! Promises about many callers at once. The calls are interleaved on one task; with a store that
//! works on threads of its own, or in other processes, they truly run at the same time.

use core::time::Duration;
use std::collections::BTreeSet;

use futures::future::join_all;

use super::listing::listed_ids;
use super::sample::{
    assert_not_found, evicting, kept, loaded, record, sampled_user, stored, strict, touched,
};
use crate::error::StoreError;
use crate::id::SessionId;
use crate::session::{Record, Revision};
use crate::store::{Created, Filter, SessionStore};

/// Of many replacements that expect the same revision, one succeeds, and its record is the stored
/// one.
pub async fn one_of_many_replacements_wins(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let candidates: Vec<Record> = (0..CALLERS)
        .map(|number| {
            let mut next = touched(&first);
            next.session.stats.packets_sent = number;
            next.session.expires_at = first.session.expires_at.plus(Duration::from_secs(number));
            next
        })
        .collect();
    let calls = candidates
        .iter()
        .map(|next| store.replace_if(next, Revision::FIRST));
    let results = join_all(calls).await;
    let winners: Vec<&Record> = candidates
        .iter()
        .zip(&results)
        .filter_map(|(candidate, result)| result.is_ok().then_some(candidate))
        .collect();
    assert_eq!(winners.len(), 1, "one replacement must win: {results:?}");
    let is_conflict =
        |result: &&Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
    assert_eq!(
        results.iter().filter(is_conflict).count() as u64,
        CALLERS - 1
    );
    assert_eq!(&loaded(store, first.session.session_id).await, winners[0]);
    let far = first.session.expires_at.plus(Duration::from_secs(CALLERS));
    let expired = kept(store.expired(far, 100).await);
    assert_eq!(
        expired,
        [winners[0].clone()],
        "the losers left something in the index"
    );
}

/// Of many removals of one session, one gets the record.
pub async fn one_of_many_removals_gets_the_record(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let session_id = first.session.session_id;
    let results = join_all((0..CALLERS).map(|_| store.remove(session_id, None))).await;
    let (got, missed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(got.len(), 1, "one removal must get the record");
    missed.iter().for_each(assert_not_found);
}

/// However many log in at once, the limit holds, and exactly the limit is reached.
pub async fn concurrent_creations_never_exceed_the_limit(store: &dyn SessionStore) {
    let records: Vec<Record> = (0..CALLERS).map(|age_ms| record("alice", age_ms)).collect();
    let calls = records.iter().map(|record| store.create(record, strict(5)));
    let results: Vec<Created> = join_all(calls).await.into_iter().map(kept).collect();
    let full = results
        .iter()
        .filter(|created| **created == Created::Full { live: 5 })
        .count();
    assert_eq!(full as u64, CALLERS - 5);
    let ids = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(ids.len(), 5);
}

/// However many log in at once, each evicts exactly what is necessary: what was stored is either
/// live or was evicted once.
pub async fn concurrent_evictions_leave_exactly_the_limit(store: &dyn SessionStore) {
    let records: Vec<Record> = (0..CALLERS).map(|age_ms| record("alice", age_ms)).collect();
    let calls = records
        .iter()
        .map(|record| store.create(record, evicting(5)));
    let results: Vec<Created> = join_all(calls).await.into_iter().map(kept).collect();
    let evicted: Vec<SessionId> = results
        .into_iter()
        .flat_map(|created| match created {
            Created::Stored { evicted } => evicted,
            Created::Full { .. } => Vec::new(),
        })
        .map(|record| record.session.session_id)
        .collect();
    let live = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(live.len(), 5);
    assert_eq!(
        evicted.len() as u64,
        CALLERS - 5,
        "one eviction each beyond the limit"
    );
    let seen: BTreeSet<SessionId> = live.iter().chain(&evicted).copied().collect();
    assert_eq!(
        seen.len() as u64,
        CALLERS,
        "live and evicted are disjoint, and nobody is lost"
    );
}

/// Enough to overlap, little enough for a store that syncs to disk each time.
const CALLERS: u64 = 40;
