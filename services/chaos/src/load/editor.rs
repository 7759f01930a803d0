//! A client who edits what it sees, all the time.

use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use parking_lot::Mutex;
use rand::RngExt as _;
use wire::operation_data::Kind;
use wire::resolution::Choice;

use super::edits::{Asked, Pen};
use super::{Purpose, Recorded, Worker};
use crate::failure::Failure;
use crate::mirror::Mirror;

/// Edits until nothing new is to be begun.
pub(super) async fn edit(
    mut worker: Worker,
    mirror: Arc<Mutex<Mirror>>,
    member: usize,
) -> Result<Recorded, Failure> {
    let purpose = worker.document.purpose;
    let as_yjs = purpose == Purpose::Text && member < YJS_EDITORS;
    let mut pen = Pen::new(&worker.recorded.user, purpose, as_yjs);
    while !worker.is_over() {
        let resolution = if purpose == Purpose::Contested && worker.random.random_bool(RESOLVES) {
            resolution(&mut worker).await?
        } else {
            None
        };
        let asked = match resolution {
            Some(kind) => Asked {
                seen: None,
                ..Asked::new(kind, 0)
            },
            None => pen.next(&mirror.lock(), &mut worker.random)?,
        };
        worker.carry_out(asked).await?;
        worker.pause(THINKING_MS).await;
    }
    Ok(worker.recorded)
}

/// Settles a conflict that waits, if one does: one of its operations holds.
async fn resolution(worker: &mut Worker) -> Result<Option<Kind>, Failure> {
    let open = worker.open_conflicts().await?;
    let Some(conflict) = open.first() else {
        return Ok(None);
    };
    let chosen = worker.random.random_range(0..conflict.ops.len().max(1));
    let chosen = conflict.ops.get(chosen);
    Ok(chosen.map(|chosen| {
        Kind::Resolve(wire::Resolution {
            conflict_id: conflict.id.clone(),
            choice: Some(Choice::ResolvedOp(chosen.id.clone())),
        })
    }))
}

/// Of the clients of a text, those who send Yjs updates.
const YJS_EDITORS: usize = 3;
/// How often somebody settles a conflict instead of making more of them.
const RESOLVES: f64 = 0.3;
const THINKING_MS: std::ops::Range<u64> = 0..40;
