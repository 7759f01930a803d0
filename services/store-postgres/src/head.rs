//! The head of a document as columns.

use std::borrow::Cow;

use serde_json::Value;
use statesync_core::{Document, StoreError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::moment::Moment;
use crate::rows::{self, bigint};
use crate::texts::kept;
use crate::transaction::Statement;

/// A head, for the statements that write it.
pub(crate) struct HeadColumns<'a> {
    pub(crate) id: Uuid,
    pub(crate) metadata: Value,
    members: Vec<&'a str>,
    name: Cow<'a, str>,
    kind: &'static str,
    state: String,
    version: i64,
    created_by: &'a str,
    created_at: Moment,
    updated_by: &'a str,
    updated_at: Moment,
    policy: Cow<'a, str>,
    audit: &'a [u8],
}

impl<'a> HeadColumns<'a> {
    pub(crate) fn of(document: &'a Document) -> Result<Self, StoreError> {
        let members = document.metadata.permissions.members();
        Ok(Self {
            id: document.id.0.to_uuid(),
            metadata: rows::metadata(&document.metadata)?,
            members: members.map(|user| user.as_str()).collect(),
            name: kept(&document.name),
            kind: document.kind.as_str(),
            state: rows::word(document.state)?,
            version: bigint(document.version),
            created_by: document.created_by.as_str(),
            created_at: Moment(document.created_at),
            updated_by: document.updated_by.as_str(),
            updated_at: Moment(document.updated_at),
            policy: kept(document.policy.as_str()),
            audit: &document.audit.0,
        })
    }

    /// Makes the row, if there is none of this id: answers a row if it did.
    pub(crate) fn insert(&self) -> Statement<'_> {
        Statement::new(
            INSERT,
            [
                (&self.id, Type::UUID),
                (&self.name, Type::TEXT),
                (&self.kind, Type::TEXT),
                (&self.state, Type::TEXT),
                (&self.version, Type::INT8),
                (&self.created_by, Type::TEXT),
                (&self.created_at, Type::TIMESTAMPTZ),
                (&self.updated_by, Type::TEXT),
                (&self.updated_at, Type::TIMESTAMPTZ),
                (&self.policy, Type::TEXT),
                (&self.metadata, Type::JSONB),
                (&self.audit, Type::BYTEA),
            ],
        )
    }

    /// Puts the members of the document into the list by user.
    pub(crate) fn add_members(&self) -> Statement<'_> {
        Statement::new(
            ADD_MEMBERS,
            [(&self.id, Type::UUID), (&self.members, Type::TEXT_ARRAY)],
        )
    }
}

const INSERT: &str = "INSERT INTO documents (id, name, type, state, version, created_by, \
     created_at, updated_by, updated_at, policy, metadata, audit) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (id) DO NOTHING RETURNING version";
const ADD_MEMBERS: &str = "INSERT INTO members (document_id, user_id) \
     SELECT DISTINCT $1::uuid, user_id FROM unnest($2::text[]) AS named (user_id) \
     ON CONFLICT (document_id, user_id) DO NOTHING";
