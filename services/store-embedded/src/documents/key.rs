//! Under which keys a document is kept; see `tables`.

use std::ops::RangeInclusive;

use guuid::Guuid;
use statesync_core::{ConflictId, DocumentId, OperationId, UserId, Version};

use crate::encoding::{Fields, Malformed};

const HEADS: u8 = 0x10;
const RECORDS: u8 = 0x12;
const SNAPSHOTS: u8 = 0x13;
const MEMBERS: u8 = 0x14;
const OPERATIONS: u8 = 0x15;
const CONFLICTS: u8 = 0x16;
const OPEN_CONFLICTS: u8 = 0x17;
const AUDIT: u8 = 0x18;
const NAMED: u8 = 0x19;
const NAMED_CONTENTS: u8 = 0x1A;
const LOCKS: u8 = 0x1B;

/// Longest name of a snapshot: a key of the engine has at most 64 KiB.
pub(super) const NAME_BYTES_MAX: usize = 4096;

/// Whether rows under this key are written and read, but never decided upon.
pub(crate) fn is_never_decided_upon(key: &[u8]) -> bool {
    key.first() == Some(&AUDIT)
}

/// Of the two rows of a document's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadRow {
    Head,
    Description,
}

/// Key of the head.
pub(super) fn head(id: DocumentId) -> [u8; 18] {
    joined(HEADS, id, [0])
}

/// Key of the description. It follows that of the head, so that a list reads both in one go.
pub(super) fn description(id: DocumentId) -> [u8; 18] {
    joined(HEADS, id, [1])
}

/// Key before which the heads with smaller ids are.
pub(super) fn heads_before(id: Option<DocumentId>) -> Vec<u8> {
    id.map_or_else(
        || vec![HEADS, 0xFF],
        |id| joined::<0, 17>(HEADS, id, []).to_vec(),
    )
}

/// Before all heads.
pub(super) fn first_head() -> Vec<u8> {
    vec![HEADS]
}

/// Which row a key of a head is.
pub(super) fn parse_head(key: &[u8]) -> Result<(DocumentId, HeadRow), Malformed> {
    let mut fields = Fields::of(key, "key of a head");
    let (table, id) = (fields.u8()?, document_id(&mut fields)?);
    let row = match fields.u8()? {
        0 => HeadRow::Head,
        1 => HeadRow::Description,
        _ => return Err(fields.malformed()),
    };
    fields.end()?;
    if table == HEADS {
        Ok((id, row))
    } else {
        Err(fields.malformed())
    }
}

/// Key of one record.
pub(super) fn record(id: DocumentId, version: Version) -> Vec<u8> {
    versioned(RECORDS, id, version)
}

/// Key of the audit entry of one record.
pub(super) fn audit(id: DocumentId, version: Version) -> Vec<u8> {
    versioned(AUDIT, id, version)
}

/// The version is written as the number of its bytes and then those, most significant first. So
/// keys sort as versions do, and up to version 65,535 a key has 20 bytes, which the engine keeps in
/// place: comparing longer ones costs a look elsewhere in memory each.
fn versioned(table: u8, id: DocumentId, version: Version) -> Vec<u8> {
    let bytes = version.0.to_be_bytes();
    let zeros = version.0.leading_zeros() as usize / 8;
    let significant = &bytes[zeros..];
    let mut key = Vec::with_capacity(18 + significant.len());
    key.push(table);
    key.extend_from_slice(id.0.as_bytes());
    key.push(significant.len() as u8);
    key.extend_from_slice(significant);
    key
}

/// The version in the key of a record or an audit entry.
pub(super) fn parse_version(key: &[u8]) -> Result<Version, Malformed> {
    let malformed = Malformed {
        what: "key of a version",
    };
    let (length, significant) = key
        .get(17..)
        .and_then(<[u8]>::split_first)
        .ok_or(malformed)?;
    let mut bytes = [0; 8];
    let zeros = bytes
        .len()
        .checked_sub(significant.len())
        .ok_or(malformed)?;
    bytes[zeros..].copy_from_slice(significant);
    let version = u64::from_be_bytes(bytes);
    let is_shortest = version.leading_zeros() as usize / 8 == zeros;
    if usize::from(*length) == significant.len() && is_shortest {
        Ok(Version(version))
    } else {
        Err(malformed)
    }
}

/// Key of the snapshot of one version.
pub(super) fn snapshot(id: DocumentId, version: Version) -> Vec<u8> {
    versioned(SNAPSHOTS, id, version)
}

/// Key under which an operation is found by its name.
pub(super) fn operation(id: DocumentId, operation: OperationId) -> [u8; 33] {
    joined(OPERATIONS, id, operation.0.to_bytes())
}

/// Key of a conflict.
pub(super) fn conflict(id: DocumentId, conflict: ConflictId) -> [u8; 33] {
    joined(CONFLICTS, id, conflict.0.to_bytes())
}

/// Keys of the conflicts from one on; all of them without one.
pub(super) fn conflicts_from(id: DocumentId, first: Option<ConflictId>) -> RangeInclusive<Vec<u8>> {
    let first = first.map_or([0; 16], |first| first.0.to_bytes());
    let key = |tail: [u8; 16]| joined::<16, 33>(CONFLICTS, id, tail).to_vec();
    key(first)..=key([0xFF; 16])
}

/// Key that says that a conflict waits.
pub(super) fn open_conflict(id: DocumentId, conflict: ConflictId) -> [u8; 33] {
    joined(OPEN_CONFLICTS, id, conflict.0.to_bytes())
}

/// Keys of all conflicts that wait.
pub(super) fn open_conflicts(id: DocumentId) -> RangeInclusive<Vec<u8>> {
    let key = |tail: [u8; 16]| joined::<16, 33>(OPEN_CONFLICTS, id, tail).to_vec();
    key([0; 16])..=key([0xFF; 16])
}

/// The conflict in its key, or in the one that says that it waits.
pub(super) fn parse_conflict(key: &[u8]) -> Result<ConflictId, Malformed> {
    let mut fields = Fields::of(key, "key of a conflict");
    fields.bytes(17)?;
    let id = Guuid::from_bytes(fields.array()?).map_err(|_| fields.malformed())?;
    fields.end()?;
    Ok(ConflictId(id))
}

/// Key of a named snapshot, without its content.
pub(super) fn named(id: DocumentId, name: &str) -> Vec<u8> {
    [&joined::<0, 17>(NAMED, id, []), name.as_bytes()].concat()
}

/// Key of the content of a named snapshot.
pub(super) fn named_content(id: DocumentId, name: &str) -> Vec<u8> {
    [&joined::<0, 17>(NAMED_CONTENTS, id, []), name.as_bytes()].concat()
}

/// Keys of all named snapshots. No text has the byte that ends them.
pub(super) fn all_named(id: DocumentId) -> RangeInclusive<Vec<u8>> {
    let first = joined::<0, 17>(NAMED, id, []).to_vec();
    let last = [first.as_slice(), &[0xFF]].concat();
    first..=last
}

/// The name in the key of a named snapshot.
pub(super) fn parse_named(key: &[u8]) -> Result<&str, Malformed> {
    let mut fields = Fields::of(key, "key of a named snapshot");
    fields.bytes(17)?;
    std::str::from_utf8(fields.clone().rest()).map_err(|_| fields.malformed())
}

/// Key of the locks.
pub(super) fn locks(id: DocumentId) -> [u8; 17] {
    joined(LOCKS, id, [])
}

/// Key under which `user` finds the document.
pub(super) fn member(user: &UserId, id: DocumentId) -> Vec<u8> {
    let mut key = members_of(user);
    key.extend_from_slice(id.0.as_bytes());
    key
}

/// What the keys of the documents of `user` begin with. User ids have no control characters, so
/// that the zero ends them.
pub(super) fn members_of(user: &UserId) -> Vec<u8> {
    let user = user.as_str().as_bytes();
    [&[MEMBERS], user, &[0]].concat()
}

/// The document that a key of a member names.
pub(super) fn parse_member(key: &[u8]) -> Result<DocumentId, Malformed> {
    let malformed = Malformed {
        what: "key of a member",
    };
    let start = key.len().checked_sub(16).ok_or(malformed)?;
    document_id(&mut Fields::of(&key[start..], malformed.what))
}

fn document_id(fields: &mut Fields<'_>) -> Result<DocumentId, Malformed> {
    let bytes = fields.array()?;
    Ok(DocumentId(
        Guuid::from_bytes(bytes).map_err(|_| fields.malformed())?,
    ))
}

fn joined<const TAIL: usize, const KEY: usize>(
    table: u8,
    id: DocumentId,
    tail: [u8; TAIL],
) -> [u8; KEY] {
    const { assert!(KEY == 1 + 16 + TAIL, "a key is a table, an id and a tail") };
    let mut key = [0; KEY];
    key[0] = table;
    key[1..17].copy_from_slice(id.0.as_bytes());
    key[17..].copy_from_slice(&tail);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_records_sort_as_versions_and_come_back() {
        let id = DocumentId(Guuid::now());
        let versions = [
            0,
            1,
            2,
            255,
            256,
            65_535,
            65_536,
            1 << 40,
            u64::MAX - 1,
            u64::MAX,
        ];
        let keys = versions.map(|version| record(id, Version(version)));
        assert!(keys.is_sorted());
        for (key, version) in keys.iter().zip(versions) {
            assert_eq!(parse_version(key), Ok(Version(version)));
            assert!(parse_version(&key[..key.len() - 1]).is_err());
        }
    }
}
