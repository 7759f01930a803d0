//! Appends of many documents share transactions, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use guuid::Guuid;
use statesync_core::{
    Append, Author, Document, DocumentStore as _, LockId, LockRequest, LockTarget, StoreError,
    Timestamp, UserId, Version, testkit,
};
use store_postgres::PostgresStore;
use store_postgres::testkit::{Cluster, client, connect, options};
use tokio_postgres::Client;

struct Scene {
    _cluster: Arc<Cluster>,
    url: String,
    store: PostgresStore,
    documents: Vec<Document>,
}

/// A store with these documents, which commits one group at a time.
async fn scene(database: &str, documents: usize) -> Scene {
    let cluster = Cluster::shared();
    let url = cluster.database(database).await;
    let options = options(&url).committing(1);
    let store = PostgresStore::connect(&options).await.unwrap();
    let documents: Vec<_> = (0..documents)
        .map(|_| testkit::new_document("alice"))
        .collect();
    for document in &documents {
        store.create(document).await.unwrap();
    }
    Scene {
        _cluster: cluster,
        url,
        store,
        documents,
    }
}

impl Scene {
    /// One append to each document.
    fn appends(&mut self) -> Vec<Append> {
        let documents = self.documents.iter_mut();
        documents
            .map(|document| testkit::append_to(document, &[b"one", b"two"]))
            .collect()
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<(), StoreError>> {
        join_all(appends.into_iter().map(|append| self.store.append(append))).await
    }

    async fn versions(&self) -> Vec<u64> {
        let mut versions = Vec::new();
        for document in &self.documents {
            let stored = self.store.load(document.id).await.unwrap();
            assert_eq!(stored.records.len() as u64, stored.document.version.0);
            versions.push(stored.document.version.0);
        }
        versions
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_wait_at_the_same_time_share_transactions() {
    const DOCUMENTS: usize = 40;
    let mut scene = scene("shared", DOCUMENTS).await;
    let appends = scene.appends();
    for outcome in scene.append_all(appends).await {
        outcome.unwrap();
    }
    assert_eq!(scene.versions().await, [2; DOCUMENTS]);
    let client = client(&scene.url).await;
    let count = "SELECT count(DISTINCT xmin::text) FROM operations";
    let transactions: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    assert!(transactions < DOCUMENTS as i64 / 2, "{transactions}");
    for document in &scene.documents {
        let audit = scene.store.audit(document.id, Version::ZERO, usize::MAX);
        let audit = audit.await.unwrap();
        assert_eq!(audit.last().unwrap().hash, document.audit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_does_not_disturb_the_others() {
    let mut scene = scene("refused", 6).await;
    let mut appends = scene.appends();
    // One is of a version that is not there, one of a document that is not, and one cannot be written:
    // its time is beyond all that a column can have.
    appends[1].expected = Version(7);
    appends[2].document.id = testkit::new_document("alice").id;
    Arc::make_mut(&mut appends[3].records[1]).timestamp = Timestamp(u64::MAX);
    let outcomes = scene.append_all(appends).await;
    let is_written = outcomes.iter().map(Result::is_ok);
    let is_written: Vec<_> = is_written.collect();
    assert!(matches!(
        outcomes[1],
        Err(StoreError::Conflict {
            actual: Version::ZERO,
            ..
        })
    ));
    assert!(matches!(outcomes[2], Err(StoreError::NotFound(_))));
    assert_eq!(is_written[0..3], [true, false, false]);
    assert_eq!(is_written[4..], [true, true]);
    let versions = scene.versions().await;
    assert_eq!(versions[0..3], [2, 0, 0]);
    assert_eq!(versions[4..], [2, 2]);
    // Whether or not such a time can be kept, all of an append is there or nothing.
    assert_eq!(versions[3], if is_written[3] { 2 } else { 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_of_one_is_refused_of_one() {
    let mut scene = scene("engine", 5).await;
    let client = client(&scene.url).await;
    // A row where the next record has to go, which nobody knows of.
    let stray = "INSERT INTO operations SELECT $1, 2, gen_random_uuid(), 'text', 'applied', 'x', '', '', \
         NULL, now(), false, NULL, '', 0";
    let id = scene.documents[2].id.0.to_uuid();
    client.execute(stray, &[&id]).await.unwrap();
    let appends = scene.appends();
    let outcomes = scene.append_all(appends).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Err(StoreError::Backend(_)) if index == 2 => {}
            Ok(()) if index != 2 => {}
            other => panic!("{index}: {other:?}"),
        }
    }
    let versions = scene.store.versions(&[scene.documents[2].id]).await;
    assert_eq!(versions.unwrap()[0].1, Version::ZERO);
}

/// Waits until somebody waits for a lock of a row.
async fn somebody_waits(client: &Client) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND datname = current_database()";
    let looking = async {
        loop {
            let count: i64 = client.query_one(waiting, &[]).await.unwrap().get(0);
            if count > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), looking).await;
    waited.expect("nobody waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_somebody_is_at_holds_up_nobody_else() {
    let mut scene = scene("held", 5).await;
    let (holder, looker) = (client(&scene.url).await, client(&scene.url).await);
    let id = scene.documents[0].id.0.to_uuid();
    holder.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM documents WHERE id = $1 FOR UPDATE";
    holder.execute(lock, &[&id]).await.unwrap();
    let mut appends = scene.appends();
    let held = appends.remove(0);
    let held = scene.store.append(held);
    let others = async {
        somebody_waits(&looker).await;
        // One after the other and at the same time: the group goes on without the one that waits.
        for outcome in scene.append_all(appends).await {
            outcome.unwrap();
        }
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (held, ()) = tokio::join!(held, others);
    held.unwrap();
    assert_eq!(scene.versions().await, [2; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_waiting_leaves_all_or_nothing() {
    let mut scene = scene("dropped", 8).await;
    let appends = scene.appends();
    let all = scene.append_all(appends);
    // Polled once, and dropped.
    let polled = tokio::select! {
        biased;
        outcomes = all => Some(outcomes),
        () = std::future::ready(()) => None,
    };
    assert!(polled.is_none());
    // The next ones come after them, and find out what became of them.
    for (index, document) in scene.documents.iter().enumerate() {
        let known = scene.store.head(document.id).await.unwrap();
        let mut next = known.clone();
        let mut append = testkit::append_to(&mut next, &[b"three"]);
        loop {
            match scene.store.append(append).await {
                Ok(()) => break,
                Err(StoreError::Conflict { actual, .. }) => {
                    assert_eq!(actual, Version(2), "{index}");
                    let mut head = scene.store.head(document.id).await.unwrap();
                    append = testkit::append_to(&mut head, &[b"three"]);
                }
                Err(other) => panic!("{index}: {other:?}"),
            }
        }
    }
    let whole = scene.versions().await;
    assert!(
        whole.iter().all(|version| [1, 3].contains(version)),
        "{whole:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_another_process_changed_is_written_whole() {
    let mut scene = scene("described", 1).await;
    let other = connect(&scene.url).await;
    let append = scene.appends().remove(0);
    scene.store.append(append).await.unwrap();
    // The other one renames it and lets bob in.
    let mut renamed = scene.documents[0].clone();
    renamed.name = "Renamed".to_owned();
    let bob = UserId::new("bob").unwrap();
    renamed.metadata.permissions.editors.insert(bob.clone());
    let append = testkit::append_to(&mut renamed, &[b"rename"]);
    other.append(append).await.unwrap();
    // This one goes on from there, and then takes it back.
    let append = testkit::append_to(&mut renamed, &[b"after that"]);
    scene.store.append(append).await.unwrap();
    let found = other.load(renamed.id).await.unwrap();
    assert_eq!(found.document, renamed);
    renamed.name = "Minutes".to_owned();
    renamed.metadata.permissions.editors.clear();
    let append = testkit::append_to(&mut renamed, &[b"back"]);
    scene.store.append(append).await.unwrap();
    let found = other.load(renamed.id).await.unwrap();
    assert_eq!(found.document, renamed);
    let members = "SELECT user_id FROM members WHERE document_id = $1";
    let id = renamed.id.0.to_uuid();
    let client = client(&scene.url).await;
    let members = client.query(members, &[&id]).await.unwrap();
    let members: Vec<String> = members.iter().map(|row| row.get(0)).collect();
    assert_eq!(members, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_usual_of_one_is_not_in_the_way_of_the_others() {
    let mut scene = scene("unusual", 6).await;
    for append in scene.appends() {
        scene.store.append(append).await.unwrap();
    }
    // From here on the store takes the heads for known. Of one document another process wrote more, of
    // one somebody has a lock, and somebody holds the head of one.
    let other = connect(&scene.url).await;
    let mut ahead = scene.documents[0].clone();
    let append = testkit::append_to(&mut ahead, &[b"more"]);
    other.append(append).await.unwrap();
    let request = LockRequest {
        document_id: scene.documents[1].id,
        target: LockTarget::Document,
        holder: Author {
            user_id: UserId::new("bob").unwrap(),
            session_id: "of bob".into(),
        },
        id: LockId(Guuid::now()),
        lease_ms: 60_000,
    };
    other.acquire_lock(request).await.unwrap();
    let (holder, looker) = (client(&scene.url).await, client(&scene.url).await);
    let held = scene.documents[2].id.0.to_uuid();
    holder.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM documents WHERE id = $1 FOR UPDATE";
    holder.execute(lock, &[&held]).await.unwrap();
    let appends = scene.appends();
    let release = async {
        somebody_waits(&looker).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(scene.append_all(appends), release);
    assert!(matches!(
        outcomes[0],
        Err(StoreError::Conflict {
            actual: Version(3),
            ..
        })
    ));
    assert!(matches!(outcomes[1], Err(StoreError::Guarded { .. })));
    for outcome in &outcomes[2..] {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(scene.versions().await, [3, 2, 4, 4, 4, 4]);
}

/// The writer of one document waits for a transaction that somebody has begun by hand; those who come while
/// it stands still do not.
#[tokio::test]
async fn a_transaction_that_stands_still_is_not_waited_for() {
    const LONGER_THAN_ANY_TEST: Duration = Duration::from_secs(600);
    let cluster = Cluster::shared();
    let url = cluster.database("stands_still").await;
    let options = options(&url)
        .statement_timeout(LONGER_THAN_ANY_TEST)
        .lock_timeout(LONGER_THAN_ANY_TEST);
    let store = Arc::new(PostgresStore::connect(&options).await.unwrap());
    let mut documents = [(); 2].map(|()| testkit::new_document("alice"));
    for document in &documents {
        store.create(document).await.unwrap();
    }
    let [held, free] = &mut documents;
    let by_hand = client(&url).await;
    let in_the_way = format!(
        "BEGIN; INSERT INTO operations VALUES ('{}', 1, gen_random_uuid(), 'yjs', 'applied', 'eve', \
         '', '', NULL, now(), false, NULL, '', 0)",
        held.id
    );
    by_hand.batch_execute(&in_the_way).await.unwrap();
    let (append, its_store) = (testkit::append_to(held, &[b"one"]), Arc::clone(&store));
    let held = tokio::spawn(async move { its_store.append(append).await });
    let waits = "SELECT FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while by_hand.query(waits, &[]).await.unwrap().is_empty() {}

    // More than one: those that come soon after another have nobody of their own to commit them.
    let others = async {
        for _ in 0..5 {
            store
                .append(testkit::append_to(free, &[b"one"]))
                .await
                .unwrap();
        }
    };
    let others = tokio::time::timeout(LONGER_THAN_ANY_TEST / 10, others).await;
    others.expect("they are not held up");
    assert!(!held.is_finished());
    by_hand.batch_execute("ROLLBACK").await.unwrap();
    held.await.unwrap().unwrap();
}
