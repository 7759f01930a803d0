//! A record of the log.
//!
//! ```text
//!  0  chain         8   over all records up to this one
//!  8  check         8   XXH3-64 of the content; context: document, version
//! 16  operation    16   id
//! 32  timestamp     8   u64, unix milliseconds
//! 40  user length   1
//! 41  session length  4   u32
//! 45  change        1   1 = Yjs update, 2 = properties as JSON
//! 46  user, session, change
//! ```

use bytes::Bytes;
use guuid::Guuid;
use statesync_core::{
    Author, Change, DocumentId, OperationId, Record, StoreError, Timestamp, UserId, Version,
};

use super::key;
use crate::encoding::{Fields, Malformed};
use crate::integrity::{self, Check};
use crate::rows::Rows;

const YJS: u8 = 1;
const PROPERTIES: u8 = 2;

/// A record ready to be written, but for its place in the chain.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) version: Version,
    pub(super) content: Vec<u8>,
    check: Check,
}

impl Encoded {
    /// Of a record of `id`.
    pub(super) fn new(id: DocumentId, record: &Record) -> Result<Self, StoreError> {
        let properties;
        let (kind, change): (u8, &[u8]) = match &record.change {
            Change::Yjs(update) => (YJS, update),
            Change::Properties(change) => {
                let json = serde_json::to_vec(change);
                properties = json.map_err(|error| StoreError::Backend(Box::new(error)))?;
                (PROPERTIES, &properties)
            }
            _ => return Err(super::refused("this kind of change cannot be stored")),
        };
        let user = record.author.user_id.as_str().as_bytes();
        let session = record.author.session_id.as_bytes();
        let mut content = Vec::with_capacity(30 + user.len() + session.len() + change.len());
        content.extend_from_slice(record.operation_id.0.as_bytes());
        content.extend(record.timestamp.0.to_le_bytes());
        // A user id has at most 128 bytes, and a request less than 4 GiB.
        content.push(user.len() as u8);
        content.extend((session.len() as u32).to_le_bytes());
        content.push(kind);
        content.extend_from_slice(user);
        content.extend_from_slice(session);
        content.extend_from_slice(change);
        let check = content_check(id, record.version, &content);
        Ok(Self {
            version: record.version,
            content,
            check,
        })
    }

    /// Puts it under its key, after `chain`, and answers with the chain after it.
    pub(super) fn write(&self, id: DocumentId, chain: Check, rows: &mut Rows) -> Check {
        let chain = integrity::link(chain, self.check);
        let parts = [
            &chain.to_le_bytes(),
            &self.check.to_le_bytes(),
            self.content.as_slice(),
        ];
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
        let (chain, check) = (fields.u64()?, fields.u64()?);
        if content_check(id, version, fields.clone().rest()) != check {
            return Err(fields.malformed());
        }
        let malformed = fields.malformed();
        let operation_id = Guuid::from_bytes(fields.array()?).map_err(|_| malformed)?;
        let timestamp = Timestamp(fields.u64()?);
        let (user_length, session_length) = (usize::from(fields.u8()?), fields.u32()? as usize);
        let kind = fields.u8()?;
        let user_id = UserId::new(fields.text(user_length)?).map_err(|_| malformed)?;
        let session_id = fields.text(session_length)?.to_owned();
        let change = match kind {
            YJS => Change::Yjs(Bytes::copy_from_slice(fields.rest())),
            PROPERTIES => {
                let change = serde_json::from_slice(fields.rest());
                Change::Properties(change.map_err(|_| malformed)?)
            }
            _ => return Err(malformed),
        };
        let author = Author {
            user_id,
            session_id,
        };
        let operation_id = OperationId(operation_id);
        Ok(Self {
            record: Record {
                version,
                operation_id,
                author,
                timestamp,
                change,
            },
            chain,
            check,
        })
    }

    /// Whether it was written after a log with this chain.
    pub(super) fn follows(&self, chain: Check) -> bool {
        integrity::link(chain, self.check) == self.chain
    }
}

fn content_check(id: DocumentId, version: Version, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes(), &version.0.to_be_bytes()], content)
}
