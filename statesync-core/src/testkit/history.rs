//! Promises about named snapshots and the audit log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use bytes::Bytes;

use super::{append_to, author, created};
use crate::audit::genesis;
use crate::history::{NamedSnapshot, Retention};
use crate::identity::{Timestamp, Version};
use crate::record::Snapshot;
use crate::store::{DocumentStore, Since, StoreError};

pub(super) async fn run_all(store: &dyn DocumentStore) {
    named_snapshots_stay_beside_the_newest(store).await;
    what_must_stay_readable_does_and_the_rest_goes(store).await;
    a_name_is_given_once(store).await;
    the_audit_log_has_every_record_and_outlives_it(store).await;
    versions_are_those_of_the_heads(store).await;
}

fn named(name: &str, version: u64, content: &'static [u8]) -> NamedSnapshot {
    NamedSnapshot {
        name: name.to_owned(),
        created_by: author("alice").user_id,
        created_at: Timestamp(5),
        snapshot: Snapshot {
            version: Version(version),
            content: Bytes::from_static(content),
        },
    }
}

/// Of all snapshots, named or not, the newest that is old enough is found.
pub async fn named_snapshots_stay_beside_the_newest(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let append = append_to(&mut document, &[b"1", b"2", b"3", b"4", b"5"]);
    store.append(append).await.unwrap();
    let id = document.id;
    assert_eq!(store.snapshot_before(id, Version(5)).await.unwrap(), None);
    let (second, fourth) = (named("second", 2, b"12"), named("fourth", 4, b"1234"));
    store.name_snapshot(id, fourth.clone()).await.unwrap();
    store.name_snapshot(id, second.clone()).await.unwrap();
    let newest = Snapshot {
        version: Version(5),
        content: Bytes::from_static(b"12345"),
    };
    store
        .save_snapshot(id, newest.clone(), Version(5))
        .await
        .unwrap();
    let expected = [
        (1, None),
        (2, Some(second.snapshot.clone())),
        (3, Some(second.snapshot.clone())),
        (4, Some(fourth.snapshot.clone())),
        (5, Some(newest)),
    ];
    for (version, snapshot) in expected {
        assert_eq!(
            store.snapshot_before(id, Version(version)).await.unwrap(),
            snapshot
        );
    }
    let listed = store.named_snapshots(id).await.unwrap();
    assert_eq!(listed, [second.without_content(), fourth.without_content()]);
}

/// However often a snapshot is saved: there is one behind each version that was asked for, with all
/// records after it, and nothing is kept that none of them needs.
pub async fn what_must_stay_readable_does_and_the_rest_goes(store: &dyn DocumentStore) {
    const KEPT: u64 = 5;
    let mut document = created(store).await;
    let id = document.id;
    let mut present = Vec::new();
    for version in (1..=24).map(Version) {
        store
            .append(append_to(&mut document, &[b"x"]))
            .await
            .unwrap();
        let readable_from = Version(version.0.saturating_sub(KEPT));
        store
            .save_snapshot(id, snapshot_of(version), readable_from)
            .await
            .unwrap();
        present.push(version);
        let retention = Retention::new(present.iter().copied(), readable_from);
        present.retain(|version| retention.keeps(*version));
        let pruned = retention.prune_through();
        for wanted in (0..=version.0).map(Version) {
            let found = store.snapshot_before(id, wanted).await.unwrap();
            let expected = present.iter().rfind(|present| **present <= wanted);
            assert_eq!(found, expected.copied().map(snapshot_of));
            let since = store.since(id, wanted, 100).await.unwrap();
            match since {
                Since::Records(records) => {
                    assert!(wanted >= pruned);
                    assert_eq!(records.len() as u64, version.0 - wanted.0);
                }
                Since::Pruned { oldest } => {
                    assert!(wanted < pruned);
                    assert_eq!(oldest, pruned.next());
                }
            }
        }
        let stored = store.load(id).await.unwrap();
        assert_eq!(stored.snapshot, Some(snapshot_of(version)));
        assert_eq!(stored.records, []);
    }
}

fn snapshot_of(version: Version) -> Snapshot {
    Snapshot {
        version,
        content: Bytes::from(version.to_string()),
    }
}

/// A second snapshot of the same name is refused, and the first one stays.
pub async fn a_name_is_given_once(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    store
        .append(append_to(&mut document, &[b"1"]))
        .await
        .unwrap();
    store
        .name_snapshot(document.id, named("first", 1, b"1"))
        .await
        .unwrap();
    let refused = store
        .name_snapshot(document.id, named("first", 1, b"?"))
        .await;
    assert!(
        matches!(refused, Err(StoreError::NameTaken(_))),
        "{refused:?}"
    );
    let kept = store
        .snapshot_before(document.id, Version(1))
        .await
        .unwrap();
    assert_eq!(kept.unwrap().content, Bytes::from_static(b"1"));
}

/// Entries come back as they were appended, also when their records are gone, and form a chain that
/// ends in the head.
pub async fn the_audit_log_has_every_record_and_outlives_it(store: &dyn DocumentStore) {
    let mut document = created(store).await;
    let mut expected = Vec::new();
    for payloads in [[b"1", b"2"], [b"3", b"4"]] {
        let payloads = payloads.map(|payload| payload.as_slice());
        let append = append_to(&mut document, &payloads);
        expected.extend(append.audit.clone());
        store.append(append).await.unwrap();
    }
    let snapshot = Snapshot {
        version: Version(4),
        content: Bytes::from_static(b"1234"),
    };
    store
        .save_snapshot(document.id, snapshot, Version(4))
        .await
        .unwrap();
    let entries = store.audit(document.id, Version::ZERO, 10).await.unwrap();
    assert_eq!(entries, expected);
    assert_eq!(
        store.audit(document.id, Version(1), 2).await.unwrap(),
        expected[1..3]
    );
    assert_eq!(store.audit(document.id, Version(4), 2).await.unwrap(), []);
    let mut previous = genesis();
    for entry in &entries {
        assert!(entry.follows(document.id, previous));
        previous = entry.hash;
    }
    assert_eq!(store.head(document.id).await.unwrap().audit, previous);
}

/// `versions` tells of those that there are, and of no other.
pub async fn versions_are_those_of_the_heads(store: &dyn DocumentStore) {
    let (mut one, other) = (created(store).await, created(store).await);
    store
        .append(append_to(&mut one, &[b"1", b"2"]))
        .await
        .unwrap();
    let unknown = super::new_document("alice").id;
    let mut versions = store.versions(&[unknown, other.id, one.id]).await.unwrap();
    versions.sort();
    let mut expected = [(one.id, Version(2)), (other.id, Version::ZERO)];
    expected.sort();
    assert_eq!(versions, expected);
    assert_eq!(store.versions(&[]).await.unwrap(), []);
}
