//! New documents and appends, decided in the order of commits.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use statesync_core::{
    Append, AuditEntry, Conflict, Digest, Document, DocumentId, Fence, Metadata, OperationId,
    Record, Status, StoreError, Timestamp, UserId, Version,
};

use super::description::{self, Description};
use super::head::Head;
use super::{audit, conflict, corrupt, key, lock, operation, record, refused};
use crate::error::Damage;
use crate::integrity;
use crate::leases::LeaseClock;
use crate::queue::Reads;
use crate::rows::Rows;
use crate::store::REQUEST_BYTES_MAX;
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
        snapshots: Vec::new(),
        description: description.check,
        updated_at: document.updated_at,
        updated_by: document.updated_by.clone(),
        audit: document.audit,
        fence: Fence::default(),
        has_locks: false,
        open_conflicts: 0,
        named: 0,
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
    /// As they were asked for: what locks are about.
    asked: Vec<Arc<Record>>,
    records: Vec<record::Encoded>,
    audit: Vec<audit::Encoded>,
    conflicts: Vec<conflict::Encoded>,
    /// Records of earlier appends, and what became of them.
    settled: BTreeMap<Version, Status>,
    description: description::Encoded,
    metadata: Metadata,
    updated_at: Timestamp,
    updated_by: UserId,
    audit_hash: Digest,
}

impl Prepared {
    /// Checks that it is an append at all.
    pub(super) fn new(append: Append) -> Result<Self, StoreError> {
        expect_whole(&append)?;
        let Append {
            expected,
            records: mut asked,
            audit,
            conflicts,
            settled,
            document,
        } = append;
        let id = document.id;
        // The last word about each counts.
        let mut settled: BTreeMap<Version, Status> = settled.into_iter().collect();
        for record in &mut asked {
            if let Some(status) = settled.remove(&record.version) {
                Arc::make_mut(record).status = status;
            }
        }
        let conflicts: BTreeMap<_, _> = conflicts.iter().map(|one| (one.id, one)).collect();
        let records = asked.iter().map(|record| record::Encoded::new(id, record));
        let audit = audit.iter().map(|entry| audit::Encoded::new(id, entry));
        let conflicts = conflicts
            .into_values()
            .map(|one| conflict::Encoded::new(id, one));
        Ok(Self {
            id,
            expected,
            records: records.collect::<Result<_, _>>()?,
            audit: audit.collect::<Result<_, _>>()?,
            conflicts: conflicts.collect::<Result<_, _>>()?,
            asked,
            settled,
            description: Description::of(&document).encode(id)?,
            metadata: document.metadata,
            updated_at: document.updated_at,
            updated_by: document.updated_by,
            audit_hash: document.audit,
        })
    }

    /// Bytes of its contents.
    pub(super) fn bytes(&self) -> usize {
        let records = self.records.iter().map(|record| record.content.len());
        let audit = self.audit.iter().map(|entry| entry.row.len());
        let conflicts = self.conflicts.iter().map(|one| one.content.len());
        let parts = records.chain(audit).chain(conflicts);
        parts.sum::<usize>() + self.description.bytes.len()
    }

    /// Adds the records if the log ends where it must, has none of them, and no lock forbids them.
    pub(super) fn decide(
        &self,
        reads: &Reads<'_>,
        rows: &mut Rows,
        clock: &LeaseClock,
    ) -> Result<(), StoreError> {
        let id = self.id;
        let mut head = Head::expect(reads, id)?;
        self.expect_new(reads, &head)?;
        if head.version != self.expected {
            let (expected, actual) = (self.expected, head.version);
            return Err(StoreError::Conflict {
                id,
                expected,
                actual,
            });
        }
        lock::expect_allowed(reads, rows, id, &mut head, &self.asked, clock)?;
        self.settle(reads, rows, &head)?;
        self.add(reads, rows, &mut head)
            .map_err(|damage| corrupt(id, damage))?;
        head.updated_at = self.updated_at;
        head.updated_by.clone_from(&self.updated_by);
        head.audit = self.audit_hash;
        head.write(id, rows);
        Ok(())
    }

    /// The operations that their authors named, and their versions.
    fn named(&self) -> impl Iterator<Item = (OperationId, Version)> {
        let named = self.asked.iter().filter(|record| is_named(record));
        named.map(|record| (record.operation_id, record.version))
    }

    fn expect_new(&self, reads: &Reads<'_>, head: &Head) -> Result<(), StoreError> {
        let id = self.id;
        for (operation, _) in self.named() {
            let known = operation::find(reads, id, head, operation);
            if known.map_err(|damage| corrupt(id, damage))?.is_some() {
                return Err(StoreError::Duplicate { id, operation });
            }
        }
        Ok(())
    }

    /// Gives earlier records their status. Those that were pruned need none.
    fn settle(&self, reads: &Reads<'_>, rows: &mut Rows, head: &Head) -> Result<(), StoreError> {
        let id = self.id;
        let mut bytes = self.bytes();
        let kept = self.settled.iter();
        for (&version, &status) in kept.filter(|(version, _)| **version > head.pruned_through) {
            let row_key = key::record(id, version);
            let row = reads
                .value(&row_key)
                .map_err(|damage| corrupt(id, damage))?;
            let settled = row.and_then(|row| record::settled(id, version, &row, status).ok());
            let settled = settled.ok_or_else(|| corrupt(id, format!("record {version}")))?;
            bytes += settled.len();
            if bytes > REQUEST_BYTES_MAX {
                return Err(refused("these records are too large to be settled at once"));
            }
            rows.put(&row_key, &[&settled]);
        }
        Ok(())
    }

    fn add(&self, reads: &Reads<'_>, rows: &mut Rows, head: &mut Head) -> Result<(), Damage> {
        let id = self.id;
        if head.description != self.description.check {
            self.redescribe(reads, head, rows)?;
            head.description = self.description.check;
        }
        for record in &self.records {
            head.chain = record.write(id, head.chain, rows);
            head.version = record.version;
        }
        self.audit.iter().for_each(|entry| entry.write(id, rows));
        self.named()
            .for_each(|(operation, version)| operation::write(id, operation, version, rows));
        for conflict in &self.conflicts {
            conflict.write(id, head, reads, rows)?;
        }
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

/// What no log could take is the caller's fault.
fn expect_whole(append: &Append) -> Result<(), StoreError> {
    let Append {
        expected,
        records,
        audit,
        conflicts,
        settled,
        document,
    } = append;
    let contiguous = || (1..=records.len()).map(|count| expected.after(count));
    let leads_to_the_head = records.iter().map(|record| record.version).eq(contiguous())
        && document.version == expected.after(records.len());
    if records.is_empty() || !leads_to_the_head {
        return Err(refused(
            "the records do not lead from the expected version to the head's",
        ));
    }
    let ends_in_the_head =
        |last: Option<&AuditEntry>| last.is_some_and(|last| last.hash == document.audit);
    let is_of_records = audit.iter().map(|entry| entry.version).eq(contiguous());
    if !is_of_records || !ends_in_the_head(audit.last()) {
        return Err(refused(
            "the audit entries are not those of the records and the head",
        ));
    }
    let mut names = BTreeSet::new();
    let mut named = records.iter().filter(|record| is_named(record));
    if !named.all(|record| names.insert(record.operation_id)) {
        return Err(refused("two operations of the append have the same name"));
    }
    let is_of_another = |one: &Conflict| one.document_id != document.id;
    if conflicts.iter().any(is_of_another) {
        return Err(refused("a conflict is of another document"));
    }
    if settled
        .iter()
        .any(|(version, _)| *version > document.version)
    {
        return Err(refused("a record is settled that is not in the log"));
    }
    Ok(())
}

fn is_named(record: &Record) -> bool {
    record.terms.operation_id.is_some()
}

fn members(metadata: &Metadata) -> BTreeSet<&UserId> {
    metadata.permissions.members().collect()
}
