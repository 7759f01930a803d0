//! A client who writes under locks, and does not always give them back.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::RngExt as _;

use super::edits::paint;
use super::{Document, Recorded, Worker};
use crate::failure::Failure;
use crate::history::Answer;
use crate::mirror::Mirror;

/// Takes locks and writes until nothing new is to be begun.
pub(super) async fn hold(
    mut worker: Worker,
    mirror: Arc<Mutex<Mirror>>,
) -> Result<Recorded, Failure> {
    while !worker.is_over() {
        let object = Document::object(worker.random.random_range(0..LOCKED));
        let lease_ms = worker.random.random_range(LEASE_MS);
        if let Some(lock) = worker.acquire(&object, lease_ms).await? {
            for count in 0..worker.random.random_range(1..4) {
                let label = format!("{} {count}", worker.recorded.user);
                let seen = mirror.lock().version;
                let asked = paint(object.clone(), label, seen).with_fence(lock.fence);
                let answer = worker.carry_out(asked).await?;
                if !matches!(answer, Answer::Accepted { .. }) {
                    break;
                }
            }
            if worker.random.random_bool(GIVEN_BACK) {
                worker.release(&lock).await?;
            }
        }
        worker.pause(THINKING_MS).await;
    }
    Ok(worker.recorded)
}

/// Objects that are locked now and then; the others never are.
const LOCKED: usize = 2;
const LEASE_MS: std::ops::Range<u64> = 100..500;
/// How many are given back; the lease ends the others.
const GIVEN_BACK: f64 = 0.5;
const THINKING_MS: std::ops::Range<u64> = 0..60;
