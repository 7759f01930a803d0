//! A record of the log.
//!
//! ```text
//!  0  chain            8   over all records up to this one
//!  8  check            8   XXH3-64 of everything from 21 on; context: document, version
//! 16  status           1   index in the list of all
//! 17  status check     4   of the check and the status
//! 21  operation       16   id
//! 37  timestamp        8   u64, unix milliseconds
//! 45  user length      1
//! 46  session length   4   u32
//! 50  flags            1   1 = has a conflict, 2 = its author named the operation
//! 51  user, session, conflict (16 bytes, if there is one), body
//! ```
//!
//! The body is that of [`Record::body`]. Neither the check nor the chain is about the status, which
//! may change when a conflict is settled: the records after it stay as they are.

use bytes::Bytes;
use guuid::Guuid;
use statesync_core::{
    Author, ConflictId, DocumentId, OperationId, Record, Status, StoreError, Timestamp, UserId,
    Version,
};

use super::{key, refused};
use crate::encoding::{Fields, Malformed};
use crate::integrity::{self, Check};
use crate::rows::Rows;

/// The number of a status is its place in this list.
const STATUSES: [Status; 5] = [
    Status::Pending,
    Status::Applied,
    Status::Conflict,
    Status::Rejected,
    Status::Resolved,
];

const HAS_CONFLICT: u8 = 1;
const IS_NAMED: u8 = 2;

/// Bytes before the content: chain, check, status and its check.
const BEFORE_CONTENT: usize = 21;

/// A record ready to be written, but for its place in the chain.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) version: Version,
    pub(super) content: Vec<u8>,
    status: u8,
    check: Check,
}

impl Encoded {
    /// Of a record of `id`.
    pub(super) fn new(id: DocumentId, record: &Record) -> Result<Self, StoreError> {
        let user = record.author.user_id.as_str().as_bytes();
        let session = record.author.session_id.as_bytes();
        let conflict = record.conflict.map(|conflict| conflict.0.to_bytes());
        let conflict = conflict.as_ref().map_or([].as_slice(), |bytes| bytes);
        let body = record.body();
        let length = 30 + user.len() + session.len() + conflict.len() + body.len();
        let flags = [
            (record.conflict.is_some(), HAS_CONFLICT),
            (record.terms.operation_id.is_some(), IS_NAMED),
        ];
        let flags = flags.iter().filter(|(is_so, _)| *is_so);
        let mut content = Vec::with_capacity(length);
        content.extend_from_slice(record.operation_id.0.as_bytes());
        content.extend(record.timestamp.0.to_le_bytes());
        // A user id has at most 128 bytes, and a request less than 4 GiB.
        content.push(user.len() as u8);
        content.extend((session.len() as u32).to_le_bytes());
        content.push(flags.map(|(_, flag)| flag).sum());
        for part in [user, session, conflict, &body] {
            content.extend_from_slice(part);
        }
        let check = content_check(id, record.version, &content);
        Ok(Self {
            version: record.version,
            content,
            status: number(record.status)?,
            check,
        })
    }

    /// Puts it under its key, after `chain`, and answers with the chain after it.
    pub(super) fn write(&self, id: DocumentId, chain: Check, rows: &mut Rows) -> Check {
        let chain = integrity::link(chain, self.check);
        let (linked, check) = (chain.to_le_bytes(), self.check.to_le_bytes());
        let status = status_bytes(self.check, self.status);
        let parts = [&linked, &check, status.as_slice(), &self.content];
        rows.put(&key::record(id, self.version), &parts);
        chain
    }
}

/// A record and how it hangs in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) record: Record,
    pub(super) chain: Check,
    check: Check,
}

impl Linked {
    /// Reads a row whose content is what was written for this document and version.
    pub(super) fn decode(id: DocumentId, version: Version, row: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(row, "record");
        let malformed = fields.malformed();
        let (chain, check, status) = (fields.u64()?, fields.u64()?, fields.array::<5>()?);
        let is_right = content_check(id, version, fields.clone().rest()) == check
            && status == *status_bytes(check, status[0]).as_slice();
        let status = STATUSES.get(usize::from(status[0])).filter(|_| is_right);
        let status = *status.ok_or(malformed)?;
        let operation_id = OperationId(guuid(fields.array()?, malformed)?);
        let timestamp = Timestamp(fields.u64()?);
        let (user_length, session_length) = (usize::from(fields.u8()?), fields.u32()? as usize);
        let flags = fields.u8()?;
        let user_id = UserId::new(fields.text(user_length)?).map_err(|_| malformed)?;
        let session_id = fields.text(session_length)?.into();
        let conflict = if flags & HAS_CONFLICT == 0 {
            None
        } else {
            Some(ConflictId(guuid(fields.array()?, malformed)?))
        };
        let body = Bytes::copy_from_slice(fields.rest());
        let (change, terms, effect) = Record::parse_body(&body).map_err(|_| malformed)?;
        let author = Author {
            user_id,
            session_id,
        };
        let record = Record {
            version,
            operation_id,
            author,
            timestamp,
            status,
            change,
            terms,
            effect,
            conflict,
        };
        Ok(Self {
            record,
            chain,
            check,
        })
    }

    /// Whether it was written after a log with this chain.
    pub(super) fn follows(&self, chain: Check) -> bool {
        integrity::link(chain, self.check) == self.chain
    }
}

/// The same row with another status.
pub(super) fn settled(
    id: DocumentId,
    version: Version,
    row: &[u8],
    status: Status,
) -> Result<Vec<u8>, Malformed> {
    let mut fields = Fields::of(row, "record");
    let malformed = fields.malformed();
    let (_chain, check, _status) = (fields.u64()?, fields.u64()?, fields.array::<5>()?);
    if content_check(id, version, fields.rest()) != check {
        return Err(malformed);
    }
    let number = number(status).map_err(|_| malformed)?;
    let mut settled = row.to_vec();
    settled[16..BEFORE_CONTENT].copy_from_slice(&status_bytes(check, number));
    Ok(settled)
}

/// The name that its author gave to the operation of a row. Nothing is checked: this is for records
/// that are about to be forgotten.
pub(super) fn name(row: &[u8]) -> Option<OperationId> {
    let mut fields = Fields::of(row.get(BEFORE_CONTENT..)?, "record");
    let id = Guuid::from_bytes(fields.array().ok()?).ok()?;
    let flags = *fields.rest().get(13)?;
    (flags & IS_NAMED != 0).then_some(OperationId(id))
}

fn number(status: Status) -> Result<u8, StoreError> {
    let place = STATUSES.iter().position(|known| *known == status);
    let place = place.ok_or_else(|| refused("this status cannot be stored"))?;
    Ok(place as u8)
}

fn status_bytes(check: Check, status: u8) -> [u8; 5] {
    let mut bytes = [status; 5];
    bytes[1..].copy_from_slice(&integrity::of_byte(check, status).to_le_bytes());
    bytes
}

fn guuid(bytes: [u8; 16], malformed: Malformed) -> Result<Guuid, Malformed> {
    Guuid::from_bytes(bytes).map_err(|_| malformed)
}

fn content_check(id: DocumentId, version: Version, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes(), &version.0.to_be_bytes()], content)
}

#[cfg(test)]
mod tests;
