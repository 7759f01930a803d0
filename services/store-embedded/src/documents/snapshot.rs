//! Snapshots without a name: the newest one and those that history needs, and the records that they
//! make unnecessary.
//!
//! ```text
//!  0  check    8   XXH3-64 of the content; context: document, version, chain (as in the head)
//!  8  content
//! ```

use bytes::Bytes;
use statesync_core::{DocumentId, OperationId, Retention, Snapshot, StoreError, Version};

use super::head::{Covered, Head};
use super::record::Linked;
use super::{corrupt, key, operation, refused};
use crate::encoding::Malformed;
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::queue::Reads;
use crate::rows::Rows;
use crate::tables::{Lookup, View};

/// How far [`save`] and [`prune`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Everything is done.
    Done,
    /// There are more records to prune.
    MoreToPrune,
}

/// What to prune, a portion at a time.
pub(super) struct Prune {
    /// The oldest version that must stay readable.
    readable_from: Version,
    /// The newest record to forget, as far as is known before the committer has its turn.
    through: Version,
    /// At most so many at once.
    records_max: u64,
    /// The names of those of the portion that have one.
    names: Vec<(Version, OperationId)>,
}

impl Prune {
    /// The next portion once there is a snapshot of version `saved`. The names are found before the
    /// committer has its turn: it would have to read all of the records.
    pub(super) fn find(
        view: &View<'_>,
        id: DocumentId,
        saved: Version,
        readable_from: Version,
        records_max: u64,
    ) -> Result<Self, StoreError> {
        let head = Head::expect(view, id)?;
        let snapshots = versions(&head).chain([saved]);
        let through = Retention::new(snapshots, readable_from).prune_through();
        Ok(Self {
            readable_from,
            through,
            records_max,
            names: operation::names_to_prune(view, id, &head, through, records_max),
        })
    }
}

/// Adds a snapshot that is not older than the others, removes those that it makes unnecessary, and
/// prunes a portion.
pub(super) fn save(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    snapshot: &Snapshot,
    prune: &Prune,
) -> Result<Progress, StoreError> {
    let mut head = Head::expect(reads, id)?;
    let newest = head.newest_snapshot();
    if newest.is_some_and(|newest| newest.version > snapshot.version) {
        return Ok(Progress::Done);
    }
    if snapshot.version > head.version {
        return Err(refused("a snapshot cannot be newer than the log"));
    }
    let version = snapshot.version;
    let chain = chain_at(reads, id, &head, version).map_err(|damage| corrupt(id, damage))?;
    let covered = Covered { version, chain };
    let check = content_check(id, covered, &snapshot.content).to_le_bytes();
    rows.put(&key::snapshot(id, version), &[&check, &snapshot.content]);
    head.snapshots.retain(|present| present.version != version);
    head.snapshots.push(covered);
    let retention = Retention::new(versions(&head), prune.readable_from);
    let unneeded = |covered: &mut Covered| !retention.keeps(covered.version);
    for covered in head.snapshots.extract_if(.., unneeded) {
        rows.delete(&key::snapshot(id, covered.version));
    }
    let progress = forget(id, &mut head, rows, prune);
    head.write(id, rows);
    Ok(progress)
}

/// Prunes a portion.
pub(super) fn prune(
    reads: &Reads<'_>,
    rows: &mut Rows,
    id: DocumentId,
    prune: &Prune,
) -> Result<Progress, StoreError> {
    let mut head = Head::expect(reads, id)?;
    let progress = forget(id, &mut head, rows, prune);
    if !rows.is_empty() {
        head.write(id, rows);
    }
    Ok(progress)
}

/// Reads the row that `covered` is about.
pub(super) fn decode(id: DocumentId, covered: Covered, row: &[u8]) -> Result<Snapshot, Malformed> {
    let malformed = Malformed { what: "snapshot" };
    let (stored, content) = row.split_first_chunk().ok_or(malformed)?;
    if content_check(id, covered, content).to_le_bytes() != *stored {
        return Err(malformed);
    }
    Ok(Snapshot {
        version: covered.version,
        content: Bytes::copy_from_slice(content),
    })
}

/// Versions of the snapshots.
fn versions(head: &Head) -> impl Iterator<Item = Version> + Clone {
    head.snapshots.iter().map(|covered| covered.version)
}

/// Records that no snapshot covers are never forgotten.
fn forget(id: DocumentId, head: &mut Head, rows: &mut Rows, prune: &Prune) -> Progress {
    let retention = Retention::new(versions(head), prune.readable_from);
    let goal = prune.through.min(retention.prune_through());
    let first = head.pruned_through.next();
    let last = goal.min(Version(head.pruned_through.0 + prune.records_max));
    for version in first.0..=last.0 {
        rows.delete(&key::record(id, Version(version)));
    }
    // One that is not among these may be in use again.
    let forgotten = |version: &Version| (first..=last).contains(version);
    for (_, name) in prune.names.iter().filter(|(version, _)| forgotten(version)) {
        rows.delete(&key::operation(id, *name));
    }
    head.pruned_through = head.pruned_through.max(last);
    if head.pruned_through < goal {
        Progress::MoreToPrune
    } else {
        Progress::Done
    }
}

fn chain_at(
    reads: &Reads<'_>,
    id: DocumentId,
    head: &Head,
    version: Version,
) -> Result<Check, Damage> {
    if version == Version::ZERO {
        return Ok(integrity::genesis(id.0.as_bytes()));
    }
    if version == head.version {
        return Ok(head.chain);
    }
    if let Some(chain) = head.chain_of_snapshot(version) {
        return Ok(chain);
    }
    let row = reads.value(&key::record(id, version))?;
    let row = row.ok_or_else(|| Damage::new(format!("record {version} is missing")))?;
    Ok(Linked::decode(id, version, &row)?.chain)
}

fn content_check(id: DocumentId, covered: Covered, content: &[u8]) -> Check {
    let version = covered.version.0.to_le_bytes();
    integrity::check(
        &[id.0.as_bytes(), &version, &covered.chain.to_le_bytes()],
        content,
    )
}
