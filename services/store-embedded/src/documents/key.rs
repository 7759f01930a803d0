//! Under which keys a document is kept; see `tables`.

use guuid::Guuid;
use statesync_core::{DocumentId, UserId, Version};

use crate::encoding::{Fields, Malformed};

const HEADS: u8 = 0x10;
const RECORDS: u8 = 0x12;
const SNAPSHOTS: u8 = 0x13;
const MEMBERS: u8 = 0x14;

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

/// Key of one record: the version is written as the number of its bytes and then those, most
/// significant first. So keys sort as versions do, and up to version 65,535 a key has 20 bytes,
/// which the engine keeps in place: comparing longer ones costs a look elsewhere in memory each.
pub(super) fn record(id: DocumentId, version: Version) -> Vec<u8> {
    let bytes = version.0.to_be_bytes();
    let zeros = version.0.leading_zeros() as usize / 8;
    let significant = &bytes[zeros..];
    let mut key = Vec::with_capacity(18 + significant.len());
    key.push(RECORDS);
    key.extend_from_slice(id.0.as_bytes());
    key.push(significant.len() as u8);
    key.extend_from_slice(significant);
    key
}

/// The version in a record's key.
pub(super) fn parse_record(key: &[u8]) -> Result<Version, Malformed> {
    let malformed = Malformed {
        what: "key of a record",
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

/// Key of the snapshot.
pub(super) fn snapshot(id: DocumentId) -> [u8; 17] {
    joined(SNAPSHOTS, id, [])
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
            assert_eq!(parse_record(key), Ok(Version(version)));
            assert!(parse_record(&key[..key.len() - 1]).is_err());
        }
    }
}
