//! Heads of several documents as columns.

use std::borrow::Cow;

use serde_json::Value;
use statesync_core::{Document, StoreError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::moment::Moment;
use crate::rows::{self, bigint};
use crate::texts::kept;
use crate::transaction::{Parameter, Statement};

/// What every append changes in a head.
#[derive(Default)]
pub(super) struct UnchangedHeads<'a> {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    updated_by: Vec<&'a str>,
    updated_at: Vec<Moment>,
    audit: Vec<&'a [u8]>,
}

impl<'a> UnchangedHeads<'a> {
    pub(super) fn add(&mut self, document: &'a Document) {
        self.ids.push(document.id.0.to_uuid());
        self.versions.push(bigint(document.version));
        self.updated_by.push(document.updated_by.as_str());
        self.updated_at.push(Moment(document.updated_at));
        self.audit.push(&document.audit.0);
    }

    /// Nothing if there is none.
    pub(super) fn update(&self) -> Option<Statement<'_>> {
        (!self.ids.is_empty()).then(|| Statement::new(UPDATE_VERSIONS, self.parameters()))
    }

    pub(super) fn parameters(&self) -> [Parameter<'_>; 5] {
        [
            (&self.ids, Type::UUID_ARRAY),
            (&self.versions, Type::INT8_ARRAY),
            (&self.updated_by, Type::TEXT_ARRAY),
            (&self.updated_at, Type::TIMESTAMPTZ_ARRAY),
            (&self.audit, Type::BYTEA_ARRAY),
        ]
    }
}

/// Heads of which more may have changed.
#[derive(Default)]
pub(super) struct DescribedHeads<'a> {
    of_all: UnchangedHeads<'a>,
    names: Vec<Cow<'a, str>>,
    kinds: Vec<&'static str>,
    states: Vec<String>,
    created_by: Vec<&'a str>,
    created_at: Vec<Moment>,
    policies: Vec<Cow<'a, str>>,
    /// None where they are what they were.
    metadata: Vec<Option<Value>>,
    /// Documents with other metadata, which may name other people.
    with_members: Vec<Uuid>,
    members: (Vec<Uuid>, Vec<&'a str>),
}

impl<'a> DescribedHeads<'a> {
    pub(super) fn add(
        &mut self,
        document: &'a Document,
        changes_metadata: bool,
    ) -> Result<(), StoreError> {
        self.of_all.add(document);
        self.names.push(kept(&document.name));
        self.kinds.push(document.kind.as_str());
        self.states.push(rows::word(document.state)?);
        self.created_by.push(document.created_by.as_str());
        self.created_at.push(Moment(document.created_at));
        self.policies.push(kept(document.policy.as_str()));
        if !changes_metadata {
            self.metadata.push(None);
            return Ok(());
        }
        self.metadata
            .push(Some(rows::metadata(&document.metadata)?));
        let id = document.id.0.to_uuid();
        self.with_members.push(id);
        for member in document.metadata.permissions.members() {
            self.members.0.push(id);
            self.members.1.push(member.as_str());
        }
        Ok(())
    }

    /// None if there are no such heads.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let mut statements = Vec::new();
        if self.names.is_empty() {
            return statements;
        }
        let (documents, members) = &self.members;
        if !self.with_members.is_empty() {
            statements.push(Statement::new(
                REMOVE_MEMBERS,
                [
                    (&self.with_members, Type::UUID_ARRAY),
                    (documents, Type::UUID_ARRAY),
                    (members, Type::TEXT_ARRAY),
                ],
            ));
            statements.push(Statement::new(
                ADD_MEMBERS,
                [(documents, Type::UUID_ARRAY), (members, Type::TEXT_ARRAY)],
            ));
        }
        let [ids, versions, updated_by, updated_at, audit] = self.of_all.parameters();
        statements.push(Statement::new(
            UPDATE_HEADS,
            [
                ids,
                versions,
                updated_by,
                updated_at,
                audit,
                (&self.names, Type::TEXT_ARRAY),
                (&self.kinds, Type::TEXT_ARRAY),
                (&self.states, Type::TEXT_ARRAY),
                (&self.created_by, Type::TEXT_ARRAY),
                (&self.created_at, Type::TIMESTAMPTZ_ARRAY),
                (&self.policies, Type::TEXT_ARRAY),
                (&self.metadata, Type::JSONB_ARRAY),
            ],
        ));
        statements
    }
}

const UPDATE_VERSIONS: &str = "UPDATE documents SET version = given.version, \
     updated_by = given.updated_by, updated_at = given.updated_at, audit = given.audit \
     FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bytea[]) \
     AS given (id, version, updated_by, updated_at, audit) WHERE documents.id = given.id";
const UPDATE_HEADS: &str = "UPDATE documents SET version = given.version, \
     updated_by = given.updated_by, updated_at = given.updated_at, audit = given.audit, \
     name = given.name, type = given.type, state = given.state, created_by = given.created_by, \
     created_at = given.created_at, policy = given.policy, \
     metadata = COALESCE(given.metadata, documents.metadata) \
     FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bytea[], \
     $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[], $12::jsonb[]) \
     AS given (id, version, updated_by, updated_at, audit, name, type, state, created_by, \
     created_at, policy, metadata) WHERE documents.id = given.id";
const REMOVE_MEMBERS: &str = "DELETE FROM members WHERE document_id = ANY($1) AND NOT EXISTS \
     (SELECT FROM unnest($2::uuid[], $3::text[]) AS named (document, who) \
     WHERE document = document_id AND who = user_id)";
const ADD_MEMBERS: &str = "INSERT INTO members (document_id, user_id) \
     SELECT DISTINCT document, who FROM unnest($1::uuid[], $2::text[]) AS named (document, who) \
     ON CONFLICT (document_id, user_id) DO NOTHING";
