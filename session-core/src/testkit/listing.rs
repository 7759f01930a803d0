//! Promises about finding sessions by user, connection and expiry.

use core::time::Duration;

use super::sample::{T0, connection, kept, record, sampled_user, stored, touched};
use crate::id::SessionId;
use crate::session::Revision;
use crate::store::{Filter, Page, SessionStore};
use crate::time::Timestamp;

/// The sessions of a user come in the order of their ids, whatever the order of creation, and no
/// other user's.
pub async fn sessions_of_a_user_are_listed_in_the_order_of_ids(store: &dyn SessionStore) {
    for age_ms in [5, 1, 4, 2, 3] {
        stored(store, &record("alice", age_ms)).await;
        stored(store, &record("bob", age_ms)).await;
    }
    let expected = [1, 2, 3, 4, 5].map(|age_ms| record("alice", age_ms).session.session_id);
    let ids = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(ids, expected);
}

/// Walking over pages of any size meets each session exactly once, and no page is larger than
/// asked.
pub async fn pages_join_to_the_whole_without_repetition(store: &dyn SessionStore) {
    let mut all = Vec::new();
    for age_ms in 0..20 {
        let user = ["alice", "bob", "carol", "dan"][age_ms as usize % 4];
        let record = record(user, age_ms);
        stored(store, &record).await;
        all.push(record.session.session_id);
    }
    all.sort_unstable();
    for limit in [1, 3, 20, 100] {
        let mut walked = walk(store, &Filter::All, limit).await;
        walked.sort_unstable();
        assert_eq!(walked, all, "all sessions, {limit} at a time");
        let of_bob = walk(store, &Filter::User(sampled_user("bob")), limit).await;
        assert_eq!(of_bob.len(), 5, "one user's sessions, {limit} at a time");
    }
}

/// A walk whose last page ended with a session that is gone by now goes on behind it.
pub async fn walk_goes_on_after_its_last_session_was_removed(store: &dyn SessionStore) {
    for age_ms in 0..6 {
        stored(store, &record("alice", age_ms)).await;
    }
    for filter in [Filter::User(sampled_user("alice")), Filter::All] {
        let before = listed_ids(store, &filter).await;
        let page = kept(store.list(&filter, Page::first(2)).await);
        let seen: Vec<SessionId> = page
            .records
            .iter()
            .map(|record| record.session.session_id)
            .collect();
        for session_id in &seen {
            kept(store.remove(*session_id, None).await);
        }
        let rest = kept(
            store
                .list(
                    &filter,
                    Page {
                        after: page.next,
                        limit: 100,
                    },
                )
                .await,
        );
        let rest: Vec<SessionId> = rest
            .records
            .iter()
            .map(|record| record.session.session_id)
            .collect();
        assert_eq!([seen, rest].concat(), before, "listed by {filter:?}");
    }
}

/// A session is found by the connection that it has now, and not by one that it had.
pub async fn connection_index_follows_replacements(store: &dyn SessionStore) {
    let (first, other) = (record("alice", 1), record("bob", 2));
    let mut second = touched(&first);
    second.session.connection_id = Some(connection(1));
    let mut third = touched(&second);
    third.session.connection_id = Some(connection(2));
    let mut fourth = touched(&third);
    fourth.session.connection_id = None;
    stored(store, &first).await;
    stored(store, &other).await;
    let session_id = first.session.session_id;
    let found: [&[SessionId]; 3] = [&[session_id], &[], &[]];
    let moved: [&[SessionId]; 3] = [&[], &[session_id], &[]];
    for (record, [one, two, three]) in [(second, found), (third, moved), (fourth, [&[]; 3])] {
        let expected = Revision::new(record.session.revision.number() - 1);
        kept(store.replace_if(&record, expected).await);
        assert_eq!(
            listed_ids(store, &Filter::Connection(connection(1))).await,
            one
        );
        assert_eq!(
            listed_ids(store, &Filter::Connection(connection(2))).await,
            two
        );
        assert_eq!(
            listed_ids(store, &Filter::Connection(connection(3))).await,
            three
        );
    }
}

/// Who has no sessions has an empty list, and its end is known.
pub async fn unmatched_filter_lists_nothing(store: &dyn SessionStore) {
    stored(store, &record("alice", 1)).await;
    for filter in [
        Filter::User(sampled_user("nobody")),
        Filter::Connection(connection(1)),
    ] {
        assert!(
            listed_ids(store, &filter).await.is_empty(),
            "listed by {filter:?}"
        );
    }
}

/// Expired sessions are found, those that expired first before the others, and none that has not.
pub async fn expired_sessions_are_found_earliest_first(store: &dyn SessionStore) {
    let mut ids = Vec::new();
    for (age_ms, lives_s) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        let mut record = record(["alice", "bob"][age_ms as usize % 2], age_ms);
        record.session.expires_at = T0.plus(Duration::from_secs(lives_s));
        stored(store, &record).await;
        ids.push(record.session.session_id);
    }
    let at_30_s = T0.plus(Duration::from_secs(30));
    let just_before_10_s = T0.plus(Duration::from_millis(9_999));
    assert_eq!(
        expired_ids(store, at_30_s, 10).await,
        [ids[1], ids[2], ids[0]]
    );
    assert_eq!(expired_ids(store, at_30_s, 2).await, [ids[1], ids[2]]);
    assert!(expired_ids(store, just_before_10_s, 10).await.is_empty());
}

/// A session that was extended is expired at its new time only; one that was cut short, at the
/// earlier one.
pub async fn extended_session_is_not_expired(store: &dyn SessionStore) {
    let (first, other) = (record("alice", 1), record("bob", 2));
    stored(store, &first).await;
    stored(store, &other).await;
    let mut longer = touched(&first);
    longer.session.expires_at = first.session.expires_at.plus(Duration::from_secs(60));
    kept(store.replace_if(&longer, Revision::FIRST).await);
    let mut shorter = touched(&other);
    shorter.session.expires_at = T0;
    kept(store.replace_if(&shorter, Revision::FIRST).await);
    let (first_id, other_id) = (first.session.session_id, other.session.session_id);
    assert_eq!(expired_ids(store, T0, 10).await, [other_id]);
    assert_eq!(
        expired_ids(store, first.session.expires_at, 10).await,
        [other_id]
    );
    let at_the_end = longer.session.expires_at;
    assert_eq!(
        expired_ids(store, at_the_end, 10).await,
        [other_id, first_id]
    );
}

pub(super) async fn listed_ids(store: &dyn SessionStore, filter: &Filter) -> Vec<SessionId> {
    walk(store, filter, 100).await
}

/// Ids over all pages. Ends, whatever the store does: no promise here has a thousand pages.
async fn walk(store: &dyn SessionStore, filter: &Filter, limit: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    let mut page = Page::first(limit);
    for _ in 0..1000 {
        let listed = kept(store.list(filter, page).await);
        assert!(
            listed.records.len() <= limit,
            "a page must not exceed its limit of {limit}"
        );
        ids.extend(
            listed
                .records
                .iter()
                .map(|record| record.session.session_id),
        );
        if listed.next.is_none() {
            return ids;
        }
        page.after = listed.next;
    }
    ids
}

async fn expired_ids(store: &dyn SessionStore, before: Timestamp, limit: usize) -> Vec<SessionId> {
    let expired = kept(store.expired(before, limit).await);
    expired
        .iter()
        .map(|record| record.session.session_id)
        .collect()
}
