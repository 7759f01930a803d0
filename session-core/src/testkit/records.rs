//! Promises about one record: what is written is read, and nobody overwrites unseen changes.

use std::sync::Arc;

use super::admission::stored_alone;
use super::sample::{
    assert_conflict, assert_not_found, connection, full_record, kept, loaded, record, stored,
    strict, touched,
};
use crate::session::Revision;
use crate::store::{Filter, Page, SessionStore};

/// Every field of a record comes back as it was stored, whatever is in it.
pub async fn created_record_is_loaded_as_it_was(store: &dyn SessionStore) {
    let plain = record("alice", 1);
    let full = full_record();
    stored(store, &plain).await;
    stored(store, &full).await;
    assert_eq!(loaded(store, plain.session.session_id).await, plain);
    assert_eq!(loaded(store, full.session.session_id).await, full);
}

/// A session that was never created is not found, by any method, and is not created by one.
pub async fn unknown_session_is_not_found(store: &dyn SessionStore) {
    let unknown = record("alice", 1);
    let session_id = unknown.session.session_id;
    assert_not_found(&store.load(session_id).await);
    assert_not_found(&store.replace_if(&touched(&unknown), Revision::FIRST).await);
    assert_not_found(&store.remove(session_id, None).await);
    assert_not_found(&store.remove(session_id, Some(Revision::FIRST)).await);
    assert_not_found(&store.load(session_id).await);
}

/// A second session with the same id is refused, and the first is unharmed.
pub async fn taken_id_is_a_conflict(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let mut second = touched(&first);
    second.session.user_name = "Mallory".to_owned();
    let created = store.create(&second, strict(10)).await;
    assert_conflict(&created, (Revision::NONE, Revision::FIRST));
    assert_eq!(loaded(store, first.session.session_id).await, first);
}

/// A replacement succeeds with the stored revision and with no other.
pub async fn replacement_needs_the_stored_revision(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let second = touched(&first);
    kept(store.replace_if(&second, Revision::FIRST).await);
    let late = store.replace_if(&second, Revision::FIRST).await;
    assert_conflict(&late, (Revision::FIRST, Revision::new(2)));
    let early = store.replace_if(&second, Revision::new(7)).await;
    assert_conflict(&early, (Revision::new(7), Revision::new(2)));
    assert_eq!(loaded(store, first.session.session_id).await, second);
}

/// A replacement shows in every way to read the record.
pub async fn replacement_is_seen_by_every_read(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    let mut second = touched(&first);
    second.session.connection_id = Some(connection(1));
    kept(store.replace_if(&second, Revision::FIRST).await);
    assert_eq!(loaded(store, first.session.session_id).await, second);
    let user = Filter::User(first.session.user_id);
    for filter in [Filter::All, user, Filter::Connection(connection(1))] {
        let listed = kept(store.list(&filter, Page::first(10)).await);
        assert_eq!(listed.records, [second.clone()], "listed by {filter:?}");
    }
    let expired = kept(store.expired(second.session.expires_at, 10).await);
    assert_eq!(expired, [second]);
}

/// A removal answers with the record, and the next one finds nothing.
pub async fn removal_answers_with_the_record_once(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    assert_eq!(
        kept(store.remove(first.session.session_id, None).await),
        first
    );
    assert_not_found(&store.remove(first.session.session_id, None).await);
    assert_not_found(&store.load(first.session.session_id).await);
}

/// A removal that names a revision succeeds with the stored one and with no other.
pub async fn removal_needs_the_stored_revision_when_one_is_given(store: &dyn SessionStore) {
    let first = record("alice", 1);
    let second = touched(&first);
    let session_id = first.session.session_id;
    stored(store, &first).await;
    kept(store.replace_if(&second, Revision::FIRST).await);
    let late = store.remove(session_id, Some(Revision::FIRST)).await;
    assert_conflict(&late, (Revision::FIRST, Revision::new(2)));
    assert_eq!(loaded(store, session_id).await, second);
    assert_eq!(
        kept(store.remove(session_id, Some(Revision::new(2))).await),
        second
    );
    assert_not_found(&store.load(session_id).await);
}

/// A removed session is found in no way, and does not count against its user's limit.
pub async fn removed_session_is_in_no_index(store: &dyn SessionStore) {
    let mut first = record("alice", 1);
    first.session.connection_id = Some(connection(1));
    stored(store, &first).await;
    kept(store.remove(first.session.session_id, None).await);
    let user = Filter::User(first.session.user_id);
    for filter in [Filter::All, user, Filter::Connection(connection(1))] {
        let listed = kept(store.list(&filter, Page::first(10)).await);
        assert!(listed.records.is_empty(), "still listed by {filter:?}");
    }
    assert!(kept(store.expired(first.session.expires_at, 10).await).is_empty());
    let created = kept(store.create(&record("alice", 2), strict(1)).await);
    assert_eq!(created, stored_alone());
}

/// A change that was decided before a removal does not undo it.
pub async fn removed_session_is_not_brought_back_by_a_replacement(store: &dyn SessionStore) {
    let first = record("alice", 1);
    stored(store, &first).await;
    kept(store.remove(first.session.session_id, None).await);
    assert_not_found(&store.replace_if(&touched(&first), Revision::FIRST).await);
    assert_not_found(&store.load(first.session.session_id).await);
}

/// For durable stores: what was written before the store was closed is there after it was opened
/// again, indexes included, and what was removed is not. `open` opens the same place each time; the
/// store is dropped in between.
///
/// # Panics
///
/// When it is not so.
pub async fn sessions_survive_reopening<Open, Opening>(mut open: Open)
where
    Open: FnMut() -> Opening,
    Opening: Future<Output = Arc<dyn SessionStore>>,
{
    let (changed, removed) = (full_record(), record("alice", 1));
    let mut second = touched(&changed);
    second.session.connection_id = Some(connection(1));
    let store = open().await;
    stored(&*store, &changed).await;
    stored(&*store, &removed).await;
    kept(store.replace_if(&second, Revision::FIRST).await);
    kept(store.remove(removed.session.session_id, None).await);
    drop(store);

    let store = open().await;
    assert_eq!(loaded(&*store, changed.session.session_id).await, second);
    assert_not_found(&store.load(removed.session.session_id).await);
    let user = Filter::User(changed.session.user_id);
    for filter in [Filter::All, user, Filter::Connection(connection(1))] {
        let listed = kept(store.list(&filter, Page::first(10)).await);
        assert_eq!(listed.records, [second.clone()], "listed by {filter:?}");
    }
    let before = kept(
        store
            .list(&Filter::Connection(connection(9)), Page::first(10))
            .await,
    );
    assert!(before.records.is_empty(), "a connection that was replaced");
    assert_eq!(
        kept(store.expired(second.session.expires_at, 10).await),
        [second]
    );
}
