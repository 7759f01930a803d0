//! The part of a document's head that changes with each append.
//!
//! ```text
//!  0  layout            1   1
//!  1  has a snapshot    1   0 or 1
//!  2  version           8   u64
//! 10  chain             8   over all records up to this version
//! 18  pruned through    8   u64, the newest version whose record is gone
//! 26  snapshot version  8   u64, zero without one
//! 34  snapshot chain    8   the chain at that version
//! 42  description       8   checksum of the description row
//! 50  updated at        8   u64, unix milliseconds
//! 58  length            1
//! 59  updated by            that many bytes of user id
//!     check             8   XXH3-64 of all of it; context: document
//! ```

use statesync_core::{DocumentId, Timestamp, UserId, Version};

use super::key;
use crate::encoding::{Fields, Malformed};
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::rows::Rows;
use crate::tables::Lookup;

const LAYOUT: u8 = 1;

/// A decoded head row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) chain: Check,
    pub(super) pruned_through: Version,
    pub(super) snapshot: Option<Covered>,
    pub(super) description: Check,
    pub(super) updated_at: Timestamp,
    pub(super) updated_by: UserId,
}

/// What the snapshot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) version: Version,
    pub(super) chain: Check,
}

impl Head {
    /// The head of `id`, if there is such a document.
    pub(super) fn find(lookup: &impl Lookup, id: DocumentId) -> Result<Option<Self>, Damage> {
        let Some(row) = lookup.value(&key::head(id))? else {
            return Ok(None);
        };
        Ok(Some(Self::decode(id, &row)?))
    }

    /// Puts it under its key.
    pub(super) fn write(&self, id: DocumentId, rows: &mut Rows) {
        let mut row = Vec::with_capacity(80);
        let snapshot = self.snapshot.unwrap_or(Covered {
            version: Version::ZERO,
            chain: 0,
        });
        let user = self.updated_by.as_str().as_bytes();
        row.extend([LAYOUT, u8::from(self.snapshot.is_some())]);
        row.extend(self.version.0.to_le_bytes());
        row.extend(self.chain.to_le_bytes());
        row.extend(self.pruned_through.0.to_le_bytes());
        row.extend(snapshot.version.0.to_le_bytes());
        row.extend(snapshot.chain.to_le_bytes());
        row.extend(self.description.to_le_bytes());
        row.extend(self.updated_at.0.to_le_bytes());
        // A user id has at most 128 bytes.
        row.push(user.len() as u8);
        row.extend(user);
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
        let (layout, has_snapshot) = (fields.u8()?, fields.u8()?);
        let (version, chain) = (Version(fields.u64()?), fields.u64()?);
        let pruned_through = Version(fields.u64()?);
        let covered = Covered {
            version: Version(fields.u64()?),
            chain: fields.u64()?,
        };
        let (description, updated_at) = (fields.u64()?, Timestamp(fields.u64()?));
        let length = usize::from(fields.u8()?);
        let updated_by = UserId::new(fields.text(length)?).map_err(|_| malformed)?;
        fields.end()?;
        if layout != LAYOUT {
            return Err(malformed);
        }
        let snapshot = (has_snapshot != 0).then_some(covered);
        Ok(Self {
            version,
            chain,
            pruned_through,
            snapshot,
            description,
            updated_at,
            updated_by,
        })
    }
}
