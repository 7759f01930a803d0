//! Locks: one holder, a fence that goes with each operation, and everybody hears of it.

use aetherflow_api::statesync::v1 as wire;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::document_event::Event;

use crate::board::{Replica, apply, document, fill, operation, rectangle};
use crate::world::{Client, World};

const LEASE: u64 = 600_000;

fn acquire(doc_id: &str, object: &str, lease_ms: u64) -> wire::AcquireLockRequest {
    wire::AcquireLockRequest {
        doc_id: doc_id.to_owned(),
        object_id: object.to_owned(),
        lease_ms,
    }
}

async fn lock(client: &mut Client, doc_id: &str, object: &str) -> Result<wire::Lock, Status> {
    let answer = client.acquire_lock(acquire(doc_id, object, LEASE)).await?;
    Ok(answer.into_inner().lock.unwrap())
}

async fn release(client: &mut Client, lock: &wire::Lock) -> Result<(), Status> {
    let asked = wire::ReleaseLockRequest {
        doc_id: lock.doc_id.clone(),
        lock_id: lock.id.clone(),
    };
    client.release_lock(asked).await.map(|_| ())
}

async fn paint(client: &mut Client, doc_id: &str, fence: Option<u64>) -> Result<(), Status> {
    let mut asked = operation(doc_id, None, fill("box", "blue"));
    asked.fence = fence;
    client.apply_operation(asked).await.map(|_| ())
}

async fn is_locked(client: &mut Client, doc_id: &str, object: &str) -> bool {
    let asked = wire::IsLockedRequest {
        doc_id: doc_id.to_owned(),
        object_id: object.to_owned(),
    };
    let answer = client.is_locked(asked).await.unwrap().into_inner();
    assert_eq!(answer.locked, !answer.locks.is_empty());
    answer.locked
}

#[tokio::test]
async fn others_are_told_who_holds_a_lock_and_an_old_fence_is_refused() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "lww").await;
    apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    let mut replica = Replica::new(&mut alice, &doc_id, None).await;

    let held = lock(&mut bob, &doc_id, "box").await.unwrap();
    let told = replica.until(|event| match event {
        Event::LockAcquired(lock) => Some(lock.clone()),
        _ => None,
    });
    assert_eq!(told.await, held);
    assert!(is_locked(&mut alice, &doc_id, "box").await);
    assert!(!is_locked(&mut alice, &doc_id, "circle").await);
    let refusals = [
        paint(&mut alice, &doc_id, None).await.unwrap_err(),
        lock(&mut alice, &doc_id, "").await.unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.code(), Code::Aborted);
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.reason, "LOCKED");
        assert_eq!(info.metadata["user_id"], "bob");
        assert_eq!(info.metadata["lock_id"], held.id);
        let expires: u64 = info.metadata["expires_at_ms"].parse().unwrap();
        let seconds = u64::try_from(held.expires_at.unwrap().seconds).unwrap();
        assert_eq!(expires / 1_000, seconds);
    }
    paint(&mut bob, &doc_id, Some(held.fence)).await.unwrap();
    let renew = wire::RenewLockRequest {
        doc_id: doc_id.clone(),
        lock_id: held.id.clone(),
        lease_ms: LEASE,
    };
    let renewed = bob.renew_lock(renew.clone()).await.unwrap().into_inner();
    assert_eq!(renewed.lock.unwrap().fence, held.fence);

    release(&mut bob, &held).await.unwrap();
    let told = replica.until(|event| match event {
        Event::LockReleased(lock) => Some(lock.id.clone()),
        _ => None,
    });
    assert_eq!(told.await, held.id);
    let theirs = lock(&mut alice, &doc_id, "").await.unwrap();
    assert!(theirs.fence > held.fence);
    paint(&mut alice, &doc_id, Some(theirs.fence))
        .await
        .unwrap();
    release(&mut alice, &theirs).await.unwrap();
    // The first holder was away, and believes that nothing has happened.
    let late = paint(&mut bob, &doc_id, Some(held.fence))
        .await
        .unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
    assert_eq!(late.get_details_error_info().unwrap().reason, "FENCED");
    let late = bob.renew_lock(renew).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_lease_that_runs_out_is_told_like_a_release() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "lww").await;
    let mut replica = Replica::new(&mut alice, &doc_id, Some(1)).await;
    let short = alice.acquire_lock(acquire(&doc_id, "", 1_000)).await;
    let short = short.unwrap().into_inner().lock.unwrap();
    let told = replica.until(|event| match event {
        Event::LockAcquired(lock) => Some(lock.clone()),
        _ => None,
    });
    assert_eq!(told.await, short);
    let told = replica.until(|event| match event {
        Event::LockReleased(lock) => Some(lock.id.clone()),
        _ => None,
    });
    assert_eq!(told.await, short.id);
}
