//! What the system before this one did wrong, each with a test that shows it done right. What it did wrong
//! outside of documents is in the tests of those parts: the Origin of pages and the keys of tokens in
//! `services/aetherflow/tests/service/hostile`, forged resets and packet numbers in `quantum/proto`.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use guuid::{ManualClock, SystemClock};
use statesync_core::Limits;
use store_postgres::testkit::proxy::{Cut, Door, Proxy};
use store_postgres::testkit::{Cluster, client, connect};
use tonic::Code;
use tonic_types::StatusExt;
use wire::document_event::Event;
use wire::{ConflictState, DocumentType};

use crate::board::{
    Replica, apply, conflicts, content, document, edit_text, field, fill, operation, rectangle,
    text,
};
use crate::places::{Place, database, with_clocks, world};
use crate::world::{Client, World, soon};

/// Versions of a document by what the tables say: the head's, and those of its log and of its audit log.
async fn stored(tables: &tokio_postgres::Client, doc_id: &str) -> (i64, Vec<i64>, Vec<i64>) {
    let id: uuid::Uuid = doc_id.parse().unwrap();
    let at_one_moment = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    tables.batch_execute(at_one_moment).await.unwrap();
    let versions = async |table: &str| -> Vec<i64> {
        let query = format!("SELECT version FROM {table} WHERE document_id = $1 ORDER BY version");
        let rows = tables.query(&query, &[&id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let head = "SELECT version FROM documents WHERE id = $1";
    let head = tables.query_one(head, &[&id]).await.unwrap();
    let found = (
        head.get(0),
        versions("operations").await,
        versions("audit").await,
    );
    tables.batch_execute("COMMIT").await.unwrap();
    found
}

/// It raised the version in one transaction, and wrote the operation in another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_there_with_its_operation_or_not_at_all_whenever_the_database_is_cut_off() {
    let (cluster, url) = database().await;
    let proxy = Proxy::start(cluster.port(), &url).await;
    let name = url.rsplit('/').next().unwrap();
    let store = connect(&Cluster::url_at(proxy.port(), name)).await;
    let world = world(Arc::new(store), Limits::default(), Arc::clone(&cluster)).await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let tables = client(&url).await;
    let mut expected = 1;
    for cut in [Cut::Before, Cut::After, Cut::Late]
        .into_iter()
        .cycle()
        .take(9)
    {
        let asked = operation(&doc_id, None, edit_text(0, 0, "x"));
        proxy.cut(cut, Door::Open);
        let mut answer = alice.apply_operation(asked.clone()).await;
        proxy.was_cut().await;
        let (head, log, audit) = stored(&tables, &doc_id).await;
        let versions: Vec<_> = (1..=head).collect();
        assert_eq!((&log, &audit), (&versions, &versions), "{cut:?}");
        // Whoever is not told what became of it asks again under the same name.
        while let Err(status) = &answer {
            assert_eq!(status.code(), Code::Unavailable, "{cut:?}: {status:?}");
            answer = alice.apply_operation(asked.clone()).await;
        }
        expected += 1;
        assert_eq!(answer.unwrap().into_inner().version, expected, "{cut:?}");
    }
    let kept = content(&mut alice, &doc_id).await;
    assert_eq!(kept.text, "x".repeat(9));
}

/// It let the later time of day win, by the clock of whoever wrote.
#[tokio::test]
async fn the_later_in_the_log_holds_whatever_the_clocks_of_the_services_say() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let now = Duration::from_millis(guuid::Clock::unix_ms(&SystemClock));
    let ahead = Arc::new(ManualClock::new(now + HOUR));
    let behind = Arc::new(ManualClock::new(now - HOUR));
    for policy in ["lww", "merge"] {
        let worlds = with_clocks([ahead.clone(), behind.clone()]).await;
        let mut bob = worlds[0].client("bob").await;
        let mut carol = worlds[1].client("carol").await;
        let doc_id = document(&mut bob, DocumentType::Whiteboard, policy).await;
        let seen = Some(
            apply(&mut bob, &doc_id, None, rectangle("box", "white"))
                .await
                .version,
        );
        let mut at_one = Replica::new(&mut bob, &doc_id, Some(0)).await;
        let mut at_other = Replica::new(&mut carol, &doc_id, Some(0)).await;
        let first = apply(&mut bob, &doc_id, seen, fill("box", "blue")).await;
        let second = apply(&mut carol, &doc_id, seen, fill("box", "red")).await;
        assert_eq!(second.version, first.version + 1);
        for (replica, reader, name) in [
            (&mut at_one, &mut bob, "bob"),
            (&mut at_other, &mut carol, "carol"),
        ] {
            // Their service has it then.
            replica.reach(second.version).await;
            let now = content(reader, &doc_id).await;
            assert_eq!(field(&now, "box", "fill"), Some(text("red")), "{name}");
            replica.assert_has(&now);
        }
        let settled = conflicts(&mut bob, &doc_id, ConflictState::Resolved).await;
        assert_eq!(settled.len(), 1);
        assert_eq!(Some(&settled[0].resolved_op), second.operation_id.as_ref());
    }
}

async fn lock(client: &mut Client, doc_id: &str, lease_ms: u64) -> wire::Lock {
    let asked = wire::AcquireLockRequest {
        doc_id: doc_id.to_owned(),
        object_id: "box".to_owned(),
        lease_ms,
    };
    client
        .acquire_lock(asked)
        .await
        .unwrap()
        .into_inner()
        .lock
        .unwrap()
}

async fn paint(client: &mut Client, doc_id: &str, fence: u64) -> Result<(), tonic::Status> {
    let mut asked = operation(doc_id, None, fill("box", "blue"));
    asked.fence = Some(fence);
    client.apply_operation(asked).await.map(|_| ())
}

/// Its locks had no fence, and it did not look whether they had run out.
#[tokio::test]
async fn a_lock_that_ran_out_is_in_nobodys_way_and_whoever_had_it_writes_nothing_under_it() {
    for place in Place::ALL {
        let worlds = place.worlds().await;
        let mut bob = worlds[0].client("bob").await;
        let mut carol = worlds[worlds.len() - 1].client("carol").await;
        let doc_id = document(&mut bob, DocumentType::Whiteboard, "lww").await;
        apply(&mut bob, &doc_id, None, rectangle("box", "white")).await;
        let mut replica = Replica::new(&mut bob, &doc_id, None).await;
        let ran_out = lock(&mut bob, &doc_id, 100).await;
        let told = replica.until(|event| match event {
            Event::LockReleased(lock) => Some(lock.id.clone()),
            _ => None,
        });
        assert_eq!(told.await, ran_out.id);
        // Nobody has taken it since: a lease that is over is over.
        let late = paint(&mut bob, &doc_id, ran_out.fence).await.unwrap_err();
        assert_eq!(
            late.get_details_error_info().unwrap().reason,
            "FENCED",
            "{place:?}"
        );
        let held = lock(&mut carol, &doc_id, 600_000).await;
        assert!(held.fence > ran_out.fence);
        paint(&mut carol, &doc_id, held.fence).await.unwrap();
        let late = paint(&mut bob, &doc_id, ran_out.fence).await.unwrap_err();
        assert_eq!(
            late.get_details_error_info().unwrap().reason,
            "FENCED",
            "{place:?}"
        );
    }
}

async fn stats(client: &mut Client, doc_id: &str) -> wire::DocumentStats {
    let asked = wire::GetStatsRequest {
        doc_id: doc_id.to_owned(),
    };
    client
        .get_stats(asked)
        .await
        .unwrap()
        .into_inner()
        .document
        .unwrap()
}

/// Its counters were raised and lowered beside what they counted, and drifted away from it.
#[tokio::test]
async fn what_is_counted_is_what_there_is_however_people_left() {
    for place in Place::ALL {
        let world: World = place.world().await;
        let mut alice = world.client("alice").await;
        let doc_id = document(&mut alice, DocumentType::Whiteboard, "manual").await;
        let seen = Some(
            apply(&mut alice, &doc_id, None, rectangle("box", "white"))
                .await
                .version,
        );
        let mut watcher = Replica::new(&mut alice, &doc_id, None).await;
        for count in 0..20 {
            let user = format!("user{count}");
            let mut client = world.client(&user).await;
            let replica = Replica::new(&mut client, &doc_id, None).await;
            assert_eq!(stats(&mut alice, &doc_id).await.active_users, 2);
            if count % 2 == 0 {
                // Politely, and then again.
                let asked = wire::UnsubscribeDocumentRequest {
                    doc_id: doc_id.clone(),
                    subscription_id: replica.present.subscription_id.clone(),
                };
                client.unsubscribe_document(asked.clone()).await.unwrap();
                drop(client.unsubscribe_document(asked).await);
            }
            drop((client, replica));
            let left = watcher.until(|event| match event {
                Event::UserLeft(left) => Some(left.user_id.clone()),
                _ => None,
            });
            assert_eq!(soon(left).await, user);
            assert_eq!(stats(&mut alice, &doc_id).await.active_users, 1);
        }
        // The same change of two people, asked for again and again, waits once.
        let mut bob = world.client("bob").await;
        apply(&mut alice, &doc_id, seen, fill("box", "blue")).await;
        let asked = operation(&doc_id, seen, fill("box", "red"));
        for _ in 0..3 {
            bob.apply_operation(asked.clone()).await.unwrap();
        }
        lock(&mut bob, &doc_id, 600_000).await;
        lock(&mut bob, &doc_id, 600_000).await;
        let counted = stats(&mut alice, &doc_id).await;
        assert_eq!((counted.open_conflicts, counted.locks), (1, 1), "{place:?}");
    }
}
