//! The part of a document's head that changes with each append.
//!
//! ```text
//!   0  layout            1   3
//!   1  flags             1   1 = has locks
//!   2  version           8   u64
//!  10  chain             8   over all records up to this version
//!  18  pruned through    8   u64, the newest version whose record is gone
//!  26  description       8   checksum of the description row
//!  34  updated at        8   u64, unix milliseconds
//!  42  audit            32   hash of the newest audit entry
//!  74  fence             8   u64, the newest that was given with a lock
//!  82  open conflicts    8   sum over the rows of all conflicts that wait
//!  90  named snapshots   8   sum over the rows of all named snapshots
//!  98  length            1
//!  99  updated by            that many bytes of user id
//!      snapshots         1   how many there are without a name; for each, the oldest first:
//!          version       8   u64
//!          chain         8   the chain at that version
//!      check             8   XXH3-64 of all of it; context: document
//! ```
//!
//! The sums are those of [`integrity::sum`]: a row that is missing from a set that is always read
//! whole shows.

use statesync_core::{Digest, DocumentId, Fence, StoreError, Timestamp, UserId, Version};

use super::{corrupt, key};
use crate::encoding::{Fields, Malformed};
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::rows::Rows;
use crate::tables::Lookup;

const LAYOUT: u8 = 3;
const HAS_LOCKS: u8 = 1;

/// Bytes of a row but for the user id and what is about snapshots.
const FIXED_BYTES: usize = 108;

/// Bytes about one snapshot.
const COVERED_BYTES: usize = 16;

/// A decoded head row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) chain: Check,
    pub(super) pruned_through: Version,
    /// Those without a name, the oldest first; as many as history needs.
    pub(super) snapshots: Vec<Covered>,
    pub(super) description: Check,
    pub(super) updated_at: Timestamp,
    pub(super) updated_by: UserId,
    pub(super) audit: Digest,
    pub(super) fence: Fence,
    /// Whether there is a row of locks, so that an append looks for one only when there is.
    pub(super) has_locks: bool,
    pub(super) open_conflicts: Check,
    pub(super) named: Check,
}

/// What a snapshot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) version: Version,
    pub(super) chain: Check,
}

impl Covered {
    fn decode_all(fields: &mut Fields<'_>) -> Result<Vec<Self>, Malformed> {
        let count = fields.u8()?;
        let one = |_| {
            Ok(Self {
                version: Version(fields.u64()?),
                chain: fields.u64()?,
            })
        };
        (0..count).map(one).collect()
    }
}

impl Head {
    /// The head of `id`, if there is such a document.
    pub(super) fn find(lookup: &impl Lookup, id: DocumentId) -> Result<Option<Self>, Damage> {
        let Some(row) = lookup.value(&key::head(id))? else {
            return Ok(None);
        };
        Ok(Some(Self::decode(id, &row)?))
    }

    /// The head of a document that must be there.
    pub(super) fn expect(lookup: &impl Lookup, id: DocumentId) -> Result<Self, StoreError> {
        let head = Self::find(lookup, id).map_err(|damage| corrupt(id, damage))?;
        head.ok_or(StoreError::NotFound(id))
    }

    /// The newest snapshot.
    pub(super) fn newest_snapshot(&self) -> Option<Covered> {
        self.snapshots.last().copied()
    }

    /// The chain at a version at which there is a snapshot.
    pub(super) fn chain_of_snapshot(&self, version: Version) -> Option<Check> {
        let mut snapshots = self.snapshots.iter();
        let covered = snapshots.find(|covered| covered.version == version);
        covered.map(|covered| covered.chain)
    }

    /// Puts it under its key.
    pub(super) fn write(&self, id: DocumentId, rows: &mut Rows) {
        let user = self.updated_by.as_str().as_bytes();
        let varying = user.len() + self.snapshots.len() * COVERED_BYTES;
        let mut row = Vec::with_capacity(FIXED_BYTES + varying);
        row.extend([LAYOUT, if self.has_locks { HAS_LOCKS } else { 0 }]);
        row.extend(self.version.0.to_le_bytes());
        row.extend(self.chain.to_le_bytes());
        row.extend(self.pruned_through.0.to_le_bytes());
        row.extend(self.description.to_le_bytes());
        row.extend(self.updated_at.0.to_le_bytes());
        row.extend(self.audit.0);
        row.extend(self.fence.0.to_le_bytes());
        row.extend(self.open_conflicts.to_le_bytes());
        row.extend(self.named.to_le_bytes());
        // A user id has at most 128 bytes.
        row.push(user.len() as u8);
        row.extend(user);
        // Three at most.
        row.push(self.snapshots.len() as u8);
        for covered in &self.snapshots {
            row.extend(covered.version.0.to_le_bytes());
            row.extend(covered.chain.to_le_bytes());
        }
        let check = integrity::check(&[id.0.as_bytes()], &row).to_le_bytes();
        rows.put(&key::head(id), &[&row, &check]);
    }

    /// Reads a row.
    pub(super) fn decode(id: DocumentId, row: &[u8]) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "head" };
        let (content, check) = row.split_last_chunk().ok_or(malformed)?;
        if integrity::check(&[id.0.as_bytes()], content).to_le_bytes() != *check {
            return Err(malformed);
        }
        let mut fields = Fields::of(content, malformed.what);
        let (layout, flags) = (fields.u8()?, fields.u8()?);
        let (version, chain) = (Version(fields.u64()?), fields.u64()?);
        let pruned_through = Version(fields.u64()?);
        let (description, updated_at) = (fields.u64()?, Timestamp(fields.u64()?));
        let (audit, fence) = (Digest(fields.array()?), Fence(fields.u64()?));
        let (open_conflicts, named) = (fields.u64()?, fields.u64()?);
        let length = usize::from(fields.u8()?);
        let updated_by = UserId::new(fields.text(length)?).map_err(|_| malformed)?;
        let snapshots = Covered::decode_all(&mut fields)?;
        fields.end()?;
        if layout != LAYOUT || flags & !HAS_LOCKS != 0 {
            return Err(malformed);
        }
        Ok(Self {
            version,
            chain,
            pruned_through,
            snapshots,
            description,
            updated_at,
            updated_by,
            audit,
            fence,
            has_locks: flags & HAS_LOCKS != 0,
            open_conflicts,
            named,
        })
    }
}
