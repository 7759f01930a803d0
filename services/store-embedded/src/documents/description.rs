//! The part of a document's head that rarely changes: JSON, with its checksum before it.
//!
//! ```text
//!  0  check   8   XXH3-64 of the JSON; context: document. The head holds the same number
//!  8  JSON
//! ```
//!
//! The JSON has the fields of [`Document`] that are not in the head row. It is written only when
//! it changes, which the checksum in the head tells.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use statesync_core::{
    Document, DocumentId, DocumentState, DocumentType, Metadata, PolicyName, StoreError, Timestamp,
    UserId,
};

use super::head::Head;
use super::key;
use crate::encoding::Malformed;
use crate::integrity::{self, Check};
use crate::rows::Rows;

/// What is written as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description<'a> {
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: DocumentType,
    pub(super) state: DocumentState,
    created_by: Cow<'a, UserId>,
    created_at: Timestamp,
    pub(super) metadata: Cow<'a, Metadata>,
    policy: Cow<'a, PolicyName>,
}

/// A description ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) check: Check,
}

impl<'a> Description<'a> {
    /// That of a document.
    pub(super) fn of(document: &'a Document) -> Self {
        Self {
            name: Cow::Borrowed(&document.name),
            kind: document.kind,
            state: document.state,
            created_by: Cow::Borrowed(&document.created_by),
            created_at: document.created_at,
            metadata: Cow::Borrowed(&document.metadata),
            policy: Cow::Borrowed(&document.policy),
        }
    }

    /// As bytes.
    pub(super) fn encode(&self, id: DocumentId) -> Result<Encoded, StoreError> {
        let bytes =
            serde_json::to_vec(self).map_err(|error| StoreError::Backend(Box::new(error)))?;
        let check = integrity::check(&[id.0.as_bytes()], &bytes);
        Ok(Encoded { bytes, check })
    }

    /// Reads the row that `head` belongs to.
    pub(super) fn decode(
        id: DocumentId,
        head: &Head,
        row: &[u8],
    ) -> Result<Description<'static>, Malformed> {
        let malformed = Malformed {
            what: "description",
        };
        let (stored, json) = row.split_first_chunk().ok_or(malformed)?;
        let check = integrity::check(&[id.0.as_bytes()], json);
        if check.to_le_bytes() != *stored || check != head.description {
            return Err(malformed);
        }
        serde_json::from_slice(json).map_err(|_| malformed)
    }

    /// The whole document again.
    pub(super) fn into_document(self, id: DocumentId, head: &Head) -> Document {
        Document {
            id,
            name: self.name.into_owned(),
            kind: self.kind,
            state: self.state,
            version: head.version,
            created_by: self.created_by.into_owned(),
            created_at: self.created_at,
            updated_by: head.updated_by.clone(),
            updated_at: head.updated_at,
            metadata: self.metadata.into_owned(),
            policy: self.policy.into_owned(),
            audit: head.audit,
        }
    }
}

impl Encoded {
    /// Puts it under its key.
    pub(super) fn write(&self, id: DocumentId, rows: &mut Rows) {
        rows.put(
            &key::description(id),
            &[&self.check.to_le_bytes(), &self.bytes],
        );
    }
}
