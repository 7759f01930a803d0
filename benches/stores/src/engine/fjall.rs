//! fjall 3: one keyspace for each kind of row, one journal for all of them.

use std::ops::Bound;
use std::path::Path;

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{
    Append, DocumentId, Engine, Failure, Heads, Loaded, head_version, record_key, version_of,
};

pub(crate) struct Fjall {
    database: Database,
    heads: Keyspace,
    records: Keyspace,
    snapshots: Keyspace,
}

impl Fjall {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let database = Database::builder(directory)
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            heads: keyspace("heads")?,
            records: keyspace("records")?,
            snapshots: keyspace("snapshots")?,
            database,
        })
    }
}

impl Engine for Fjall {
    fn commit(&self, appends: &[Append]) -> Result<(), Failure> {
        let mut batch = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for append in appends {
            for (version, record) in (append.first_version..).zip(&append.records) {
                let key = record_key(&append.document, version);
                batch.insert(&self.records, key, record.as_slice());
            }
            batch.insert(&self.heads, append.document, append.head.as_slice());
        }
        Ok(batch.commit()?)
    }

    fn load(&self, document: &DocumentId) -> Result<Loaded, Failure> {
        let head = self.heads.get(document)?.ok_or("no such document")?;
        let snapshot = self.snapshots.get(document)?;
        let mut records = Vec::new();
        for guard in self.records.prefix(document) {
            let (key, value) = guard.into_inner()?;
            records.push((version_of(&key)?, value.to_vec()));
        }
        let snapshot = snapshot.map_or_else(Vec::new, |content| content.to_vec());
        Ok(Loaded {
            version: head_version(&head)?,
            snapshot,
            records,
        })
    }

    fn snapshot(
        &self,
        document: &DocumentId,
        content: &[u8],
        from: u64,
        through: u64,
    ) -> Result<(), Failure> {
        let mut batch = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        batch.insert(&self.snapshots, *document, content);
        for version in from..=through {
            batch.remove(&self.records, record_key(document, version));
        }
        Ok(batch.commit()?)
    }

    fn heads(&self, after: Option<&DocumentId>, limit: usize) -> Result<Heads, Failure> {
        let start = after.map_or(Bound::Unbounded, |id| Bound::Excluded(*id));
        let mut heads = Vec::with_capacity(limit);
        for guard in self.heads.range((start, Bound::Unbounded)).take(limit) {
            let (key, value) = guard.into_inner()?;
            heads.push((key.as_ref().try_into()?, head_version(&value)?));
        }
        Ok(heads)
    }

    fn settle(&self) -> Result<(), Failure> {
        for keyspace in [&self.heads, &self.records, &self.snapshots] {
            keyspace.rotate_memtable_and_wait()?;
        }
        Ok(())
    }
}
