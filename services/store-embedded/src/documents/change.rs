//! New documents and appends, decided in the order of commits.

use std::collections::BTreeSet;

use statesync_core::{
    Append, Document, DocumentId, Metadata, StoreError, Timestamp, UserId, Version,
};

use super::description::{self, Description};
use super::head::Head;
use super::{corrupt, key, record, refused};
use crate::error::Damage;
use crate::integrity;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::tables::Lookup;

/// Makes a document, unless the id is taken.
pub(super) fn create(
    reads: &Reads<'_>,
    rows: &mut Rows,
    document: &Document,
    description: &description::Encoded,
) -> Result<(), StoreError> {
    let id = document.id;
    if let Some(present) = Head::find(reads, id).map_err(|damage| corrupt(id, damage))? {
        let (expected, actual) = (Version::ZERO, present.version);
        return Err(StoreError::Conflict {
            id,
            expected,
            actual,
        });
    }
    let head = Head {
        version: Version::ZERO,
        chain: integrity::genesis(id.0.as_bytes()),
        pruned_through: Version::ZERO,
        snapshot: None,
        description: description.check,
        updated_at: document.updated_at,
        updated_by: document.updated_by.clone(),
    };
    head.write(id, rows);
    description.write(id, rows);
    for member in members(&document.metadata) {
        rows.put(&key::member(member, id), &[]);
    }
    Ok(())
}

/// An append whose bytes were made before it has its turn.
pub(super) struct Prepared {
    id: DocumentId,
    expected: Version,
    records: Vec<record::Encoded>,
    description: description::Encoded,
    metadata: Metadata,
    updated_at: Timestamp,
    updated_by: UserId,
}

impl Prepared {
    /// Checks that it is an append at all.
    pub(super) fn new(append: &Append) -> Result<Self, StoreError> {
        let Append {
            expected,
            records,
            document,
        } = append;
        let versions = records.iter().map(|record| record.version);
        let contiguous = versions.eq((1..=records.len()).map(|count| expected.after(count)));
        if records.is_empty() || !contiguous || document.version != expected.after(records.len()) {
            return Err(refused(
                "the records do not lead from the expected version to the head's",
            ));
        }
        let id = document.id;
        let encoded = records
            .iter()
            .map(|record| record::Encoded::new(id, record));
        Ok(Self {
            id,
            expected: *expected,
            records: encoded.collect::<Result<_, _>>()?,
            description: Description::of(document).encode(id)?,
            metadata: document.metadata.clone(),
            updated_at: document.updated_at,
            updated_by: document.updated_by.clone(),
        })
    }

    /// Bytes of its contents.
    pub(super) fn bytes(&self) -> usize {
        let records = self.records.iter().map(|record| record.content.len());
        records.sum::<usize>() + self.description.bytes.len()
    }

    /// Adds the records if the log ends where it must.
    pub(super) fn decide(self, reads: &Reads<'_>, rows: &mut Rows) -> Result<(), StoreError> {
        let id = self.id;
        let head = Head::find(reads, id).map_err(|damage| corrupt(id, damage))?;
        let mut head = head.ok_or(StoreError::NotFound(id))?;
        if head.version != self.expected {
            let (expected, actual) = (self.expected, head.version);
            return Err(StoreError::Conflict {
                id,
                expected,
                actual,
            });
        }
        if head.description != self.description.check {
            self.redescribe(reads, &head, rows)
                .map_err(|damage| corrupt(id, damage))?;
            head.description = self.description.check;
        }
        for record in &self.records {
            head.chain = record.write(id, head.chain, rows);
            head.version = record.version;
        }
        (head.updated_at, head.updated_by) = (self.updated_at, self.updated_by);
        head.write(id, rows);
        Ok(())
    }

    fn redescribe(&self, reads: &Reads<'_>, head: &Head, rows: &mut Rows) -> Result<(), Damage> {
        let present = reads.value(&key::description(self.id))?;
        let present = present.ok_or_else(|| Damage::new("the description is missing"))?;
        let present = Description::decode(self.id, head, &present)?;
        let (before, after) = (members(&present.metadata), members(&self.metadata));
        for gone in before.difference(&after) {
            rows.delete(&key::member(gone, self.id));
        }
        for new in after.difference(&before) {
            rows.put(&key::member(new, self.id), &[]);
        }
        self.description.write(self.id, rows);
        Ok(())
    }
}

fn members(metadata: &Metadata) -> BTreeSet<&UserId> {
    metadata.permissions.members().collect()
}
