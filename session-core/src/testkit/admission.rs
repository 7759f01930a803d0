//! Promises about the limit of sessions per user.

use core::time::Duration;

use super::listing::listed_ids;
use super::sample::touched;
use super::sample::{T0, evicting, kept, loaded, record, sampled_user, stored, strict};
use crate::session::Revision;
use crate::store::{Admission, Created, Filter, SessionStore};

/// At the limit, with the policy to reject, nothing is stored and nothing is lost.
pub async fn full_user_is_rejected_and_nothing_changes(store: &dyn SessionStore) {
    let (first, second) = (record("alice", 1), record("alice", 2));
    assert_eq!(kept(store.create(&first, strict(2)).await), stored_alone());
    assert_eq!(kept(store.create(&second, strict(2)).await), stored_alone());
    let third = record("alice", 3);
    assert_eq!(
        kept(store.create(&third, strict(2)).await),
        Created::Full { live: 2 }
    );
    let ids = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(ids, [first.session.session_id, second.session.session_id]);
    assert_eq!(loaded(store, first.session.session_id).await, first);
}

/// At the limit, with the policy to evict, the session that was opened first goes: neither the one
/// that is first in the index, nor the one that was active least recently.
pub async fn oldest_session_is_evicted(store: &dyn SessionStore) {
    let (older, newer) = (record("alice", 5), record("alice", 9));
    stored(store, &newer).await;
    stored(store, &older).await;
    let active = touched(&older);
    kept(store.replace_if(&active, Revision::FIRST).await);
    let third = record("alice", 12);
    let created = kept(store.create(&third, evicting(2)).await);
    assert_eq!(
        created,
        Created::Stored {
            evicted: vec![active]
        }
    );
    let ids = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(ids, [newer.session.session_id, third.session.session_id]);
    assert_eq!(listed_ids(store, &Filter::All).await.len(), 2);
}

/// When the limit was lowered, one creation brings the user down to it, the oldest going first.
pub async fn as_many_are_evicted_as_the_limit_needs(store: &dyn SessionStore) {
    let records = [1, 2, 3, 4, 5].map(|age_ms| record("alice", age_ms));
    for record in records.iter().rev() {
        stored(store, record).await;
    }
    let newest = record("alice", 6);
    let created = kept(store.create(&newest, evicting(2)).await);
    assert_eq!(
        created,
        Created::Stored {
            evicted: records[..4].to_vec()
        }
    );
    let ids = listed_ids(store, &Filter::User(sampled_user("alice"))).await;
    assert_eq!(
        ids,
        [records[4].session.session_id, newest.session.session_id]
    );
}

/// A user's limit is no other user's business, not even of one with a similar name.
pub async fn other_users_do_not_count(store: &dyn SessionStore) {
    for user in [
        "alice", "alice ", "Alice", "alic", "alice:1", "{alice}", "alice/", "*",
    ] {
        assert_eq!(
            kept(store.create(&record(user, 1), strict(1)).await),
            stored_alone()
        );
    }
    let created = store.create(&record("alice", 2), evicting(1)).await;
    assert_eq!(
        kept(created),
        Created::Stored {
            evicted: vec![record("alice", 1)]
        }
    );
    assert_eq!(listed_ids(store, &Filter::All).await.len(), 8);
}

/// Sessions that have expired at the moment of a creation do not count, and remain to be swept.
pub async fn expired_sessions_neither_count_nor_go(store: &dyn SessionStore) {
    let expired = record("alice", 1);
    stored(store, &expired).await;
    let now = expired.session.expires_at;
    let next = record("alice", 2);
    let just_before = T0.plus(now.since(T0) - Duration::from_millis(1));
    let early = Admission {
        now: just_before,
        ..strict(1)
    };
    assert_eq!(
        kept(store.create(&next, early).await),
        Created::Full { live: 1 }
    );
    for admission in [strict(1), evicting(1)] {
        let admission = Admission { now, ..admission };
        assert_eq!(kept(store.create(&next, admission).await), stored_alone());
        kept(store.remove(next.session.session_id, None).await);
    }
    assert_eq!(kept(store.expired(now, 10).await), [expired]);
}

/// A session that was extended counts for as long as it lives now.
pub async fn extended_session_counts_by_its_new_expiry(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let mut extended = touched(&first);
    extended.session.expires_at = first.session.expires_at.plus(Duration::from_secs(60));
    kept(store.replace_if(&extended, Revision::FIRST).await);
    let admission = Admission {
        now: first.session.expires_at,
        ..strict(1)
    };
    let created = kept(store.create(&record("alice", 2), admission).await);
    assert_eq!(created, Created::Full { live: 1 });
}

pub(super) const fn stored_alone() -> Created {
    Created::Stored {
        evicted: Vec::new(),
    }
}
