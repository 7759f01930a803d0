//! The audit log: one row for each record, which stays when the record is pruned.
//!
//! ```text
//!  0  check       8   XXH3-64 of everything after it; context: document, version
//!  8  operation  16   id
//! 24  timestamp   8   u64, unix milliseconds
//! 32  kind        1   index in the list of all
//! 33  digest     32   of the record's body
//! 65  hash       32   of the chain up to here
//! 97  user            to the end
//! ```

use guuid::Guuid;
use statesync_core::{
    AuditEntry, Digest, DocumentId, OperationId, OperationKind, StoreError, Timestamp, UserId,
    Version,
};

use super::head::Head;
use super::{corrupt, key, refused};
use crate::encoding::{Fields, Malformed};
use crate::integrity::{self, Check};
use crate::rows::Rows;
use crate::tables::View;

/// The number of a kind is its place in this list.
const KINDS: [OperationKind; 10] = [
    OperationKind::Create,
    OperationKind::Update,
    OperationKind::Delete,
    OperationKind::Move,
    OperationKind::Resize,
    OperationKind::Style,
    OperationKind::Text,
    OperationKind::Properties,
    OperationKind::Resolve,
    OperationKind::Restore,
];

/// An entry ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    version: Version,
    pub(super) row: Vec<u8>,
}

impl Encoded {
    /// Of an entry of `id`.
    pub(super) fn new(id: DocumentId, entry: &AuditEntry) -> Result<Self, StoreError> {
        let kind = KINDS.iter().position(|known| *known == entry.kind);
        let kind = kind.ok_or_else(|| refused("this kind of operation cannot be stored"))?;
        let user = entry.user_id.as_str().as_bytes();
        let mut row = Vec::with_capacity(97 + user.len());
        row.extend_from_slice(&[0; 8]);
        row.extend_from_slice(entry.operation_id.0.as_bytes());
        row.extend(entry.timestamp.0.to_le_bytes());
        row.push(kind as u8);
        row.extend_from_slice(&entry.digest.0);
        row.extend_from_slice(&entry.hash.0);
        row.extend_from_slice(user);
        let check = content_check(id, entry.version, &row[8..]);
        row[..8].copy_from_slice(&check.to_le_bytes());
        Ok(Self {
            version: entry.version,
            row,
        })
    }

    /// Puts it under its key.
    pub(super) fn write(&self, id: DocumentId, rows: &mut Rows) {
        rows.put(&key::audit(id, self.version), &[&self.row]);
    }
}

/// Up to `limit` entries after a version: all of them, each as it was written.
pub(super) fn page(
    view: &View<'_>,
    id: DocumentId,
    after: Version,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let head = Head::expect(view, id)?;
    let last = Version(after.0.saturating_add(limit as u64)).min(head.version);
    let mut entries: Vec<AuditEntry> = Vec::new();
    if after >= last {
        return Ok(entries);
    }
    let lost = |version: Version| corrupt(id, format!("the audit entry of version {version}"));
    let mut expected = after.next();
    for row in view.range(key::audit(id, expected)..=key::audit(id, last)) {
        let (row_key, row) = row.map_err(|_| lost(expected))?;
        if key::parse_version(&row_key) != Ok(expected) {
            return Err(lost(expected));
        }
        entries.push(decode(id, expected, &row).map_err(|_| lost(expected))?);
        expected = expected.next();
    }
    if expected <= last {
        return Err(lost(expected));
    }
    let hash = entries.last().map(|entry| entry.hash);
    if last == head.version && hash != Some(head.audit) {
        return Err(corrupt(id, "the audit log does not end as the head says"));
    }
    Ok(entries)
}

fn decode(id: DocumentId, version: Version, row: &[u8]) -> Result<AuditEntry, Malformed> {
    let mut fields = Fields::of(row, "audit entry");
    let malformed = fields.malformed();
    if fields.u64()? != content_check(id, version, fields.clone().rest()) {
        return Err(malformed);
    }
    let operation_id = Guuid::from_bytes(fields.array()?).map_err(|_| malformed)?;
    let timestamp = Timestamp(fields.u64()?);
    let kind = KINDS.get(usize::from(fields.u8()?)).ok_or(malformed)?;
    let (digest, hash) = (Digest(fields.array()?), Digest(fields.array()?));
    let user = std::str::from_utf8(fields.rest()).map_err(|_| malformed)?;
    Ok(AuditEntry {
        version,
        operation_id: OperationId(operation_id),
        user_id: UserId::new(user).map_err(|_| malformed)?,
        timestamp,
        kind: *kind,
        digest,
        hash,
    })
}

fn content_check(id: DocumentId, version: Version, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes(), &version.0.to_be_bytes()], content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_each_kind_comes_back_and_any_flipped_bit_or_cut_is_noticed() {
        let id = DocumentId(Guuid::now());
        for kind in KINDS {
            let entry = AuditEntry {
                version: Version(300),
                operation_id: OperationId(Guuid::now()),
                user_id: UserId::new("alice").unwrap(),
                timestamp: Timestamp(7),
                kind,
                digest: Digest([1; 32]),
                hash: Digest([2; 32]),
            };
            let row = Encoded::new(id, &entry).unwrap().row;
            assert_eq!(decode(id, Version(300), &row).unwrap(), entry);
            assert!(decode(id, Version(301), &row).is_err());
            for place in 0..row.len() * 8 {
                let mut altered = row.clone();
                altered[place / 8] ^= 1 << (place % 8);
                assert!(
                    decode(id, Version(300), &altered).is_err(),
                    "{kind:?}, bit {place}"
                );
            }
            for length in 0..row.len() {
                assert!(decode(id, Version(300), &row[..length]).is_err());
            }
        }
    }
}
