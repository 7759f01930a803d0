//! The connection is cut around a `COMMIT`: nothing is lost or written twice, and the answer is true.

use guuid::Guuid;
use statesync_core::{
    Document, DocumentStore as _, NamedSnapshot, Snapshot, StoreError, Timestamp, Version, testkit,
};
use store_postgres::PostgresStore;
use store_postgres::testkit::{Cluster, connect};

use store_postgres::testkit::proxy::{Cut, Door, Proxy};

struct Scene {
    _cluster: std::sync::Arc<Cluster>,
    proxy: Proxy,
    /// Sees the database through the proxy.
    store: PostgresStore,
    /// Sees it directly.
    other: PostgresStore,
    document: Document,
}

async fn scene(database: &str) -> Scene {
    let cluster = Cluster::shared();
    let url = cluster.database(database).await;
    let proxy = Proxy::start(cluster.port(), &url).await;
    let store = connect(&Cluster::url_at(proxy.port(), database)).await;
    let other = connect(&url).await;
    let document = testkit::new_document("alice");
    other.create(&document).await.unwrap();
    Scene {
        _cluster: cluster,
        proxy,
        store,
        other,
        document,
    }
}

impl Scene {
    async fn assert_is_whole(&self) {
        let stored = self.other.load(self.document.id).await.unwrap();
        assert_eq!(stored.document, self.document);
        assert_eq!(stored.records.len() as u64, self.document.version.0);
        let audit = self
            .other
            .audit(self.document.id, Version::ZERO, usize::MAX);
        assert_eq!(audit.await.unwrap().len(), stored.records.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_cut_is_written_once() {
    let mut scene = scene("cut").await;
    for cut in [Cut::Before, Cut::After, Cut::Late].repeat(5) {
        let append = testkit::append_to(&mut scene.document, &[b"one", b"two"]);
        scene.proxy.cut(cut, Door::Open);
        let answer = scene.store.append(append).await;
        assert!(answer.is_ok(), "{cut:?}: {answer:?}");
        scene.proxy.was_cut().await;
        scene.assert_is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_never_arrived_and_came_too_late_is_a_conflict() {
    let mut scene = scene("late").await;
    let lost = testkit::append_to(&mut scene.document.clone(), &[b"lost"]);
    let won = testkit::append_to(&mut scene.document, &[b"won"]);
    scene.proxy.cut(Cut::Before, Door::Held);
    let others = async {
        scene.proxy.was_cut().await;
        scene.other.append(won).await.unwrap();
        scene.proxy.door(Door::Open);
    };
    let (answer, ()) = tokio::join!(scene.store.append(lost), others);
    assert!(
        matches!(
            answer,
            Err(StoreError::Conflict {
                actual: Version(1),
                ..
            })
        ),
        "{answer:?}"
    );
    scene.assert_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_arrived_is_acknowledged_although_others_wrote_since() {
    let mut scene = scene("since").await;
    let first = testkit::append_to(&mut scene.document, &[b"first"]);
    let second = testkit::append_to(&mut scene.document, &[b"second"]);
    scene.proxy.cut(Cut::After, Door::Held);
    let others = async {
        scene.proxy.was_cut().await;
        scene.other.append(second).await.unwrap();
        // Also when its record is pruned by now.
        let snapshot = Snapshot {
            version: Version(2),
            content: bytes::Bytes::new(),
        };
        let saved = scene
            .other
            .save_snapshot(scene.document.id, snapshot, Version(2));
        saved.await.unwrap();
        scene.proxy.door(Door::Open);
    };
    let (answer, ()) = tokio::join!(scene.store.append(first), others);
    assert!(answer.is_ok(), "{answer:?}");
    let stored = scene.other.load(scene.document.id).await.unwrap();
    assert_eq!(stored.document, scene.document);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stays_away_the_answer_is_that_it_is_unknown() {
    let mut scene = scene("away").await;
    let append = testkit::append_to(&mut scene.document, &[b"one"]);
    let again = append.clone();
    scene.proxy.cut(Cut::After, Door::Closed);
    let answer = scene.store.append(append).await;
    let Err(StoreError::Unavailable { reason }) = answer else {
        panic!("{answer:?}");
    };
    assert!(reason.contains("unknown"), "{reason}");
    scene.proxy.door(Door::Open);
    // It was written, and who asks again hears of it.
    let answer = scene.store.append(again).await;
    assert!(
        matches!(answer, Err(StoreError::Conflict { .. })),
        "{answer:?}"
    );
    scene.assert_is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_given_up_happens_as_a_whole_or_not_at_all() {
    let mut scene = scene("given_up").await;
    for patience_us in (0..60).map(|round| round * 150) {
        let append = testkit::append_to(&mut scene.document.clone(), &[b"one", b"two"]);
        let patience = std::time::Duration::from_micros(patience_us);
        // However far it came.
        let _ = tokio::time::timeout(patience, scene.store.append(append)).await;
        // The next one has the connection that is left, or a new one.
        loop {
            scene.document = scene.store.head(scene.document.id).await.unwrap();
            let mut next = scene.document.clone();
            let append = testkit::append_to(&mut next, &[b"three"]);
            match scene.store.append(append).await {
                Ok(()) => break scene.document = next,
                // It was still on its way.
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    scene.assert_is_whole().await;
    let stored = scene.other.load(scene.document.id).await.unwrap();
    let count = |bytes: &'static [u8]| {
        let asked = statesync_core::Change::Yjs(bytes::Bytes::from_static(bytes));
        let records = stored.records.iter();
        records.filter(|record| record.change == asked).count()
    };
    assert_eq!((count(b"one"), count(b"three")), (count(b"two"), 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_writes_that_are_cut_are_done_once() {
    let scene = scene("others").await;
    for cut in [Cut::Before, Cut::After] {
        let document = testkit::new_document("alice");
        scene.proxy.cut(cut, Door::Open);
        scene.store.create(&document).await.unwrap();
        assert_eq!(scene.other.head(document.id).await.unwrap(), document);

        let named = NamedSnapshot {
            name: "first".to_owned(),
            created_by: document.created_by.clone(),
            created_at: Timestamp(5),
            snapshot: Snapshot {
                version: Version(0),
                content: bytes::Bytes::from_static(b"x"),
            },
        };
        scene.proxy.cut(cut, Door::Open);
        let given = scene.store.name_snapshot(document.id, named.clone()).await;
        assert!(given.is_ok(), "{cut:?}: {given:?}");
        let taken = scene.store.name_snapshot(document.id, named).await;
        assert!(matches!(taken, Err(StoreError::NameTaken(_))), "{taken:?}");

        let request = statesync_core::LockRequest {
            id: statesync_core::LockId(Guuid::now()),
            document_id: document.id,
            target: statesync_core::LockTarget::Document,
            holder: statesync_core::Author {
                user_id: document.created_by.clone(),
                session_id: "s".into(),
            },
            lease_ms: 3_600_000,
        };
        scene.proxy.cut(cut, Door::Open);
        let lock = scene.store.acquire_lock(request).await.unwrap();
        assert_eq!(
            scene.other.locks(document.id).await.unwrap(),
            std::slice::from_ref(&lock)
        );
        scene.proxy.cut(cut, Door::Open);
        let released = scene.store.release_lock(document.id, lock.id).await;
        assert!(released.unwrap(), "{cut:?}");
        assert_eq!(scene.other.locks(document.id).await.unwrap(), []);
    }
}
