//! redb 4: one file, three tables, one transaction for each group.

use std::ops::Bound;
use std::path::Path;

use ::redb::{Builder, Database, Durability, ReadableDatabase, TableDefinition};

use super::{
    Append, DocumentId, Engine, Failure, Heads, Loaded, head_version, record_key, version_of,
};

const HEADS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("heads");
const RECORDS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");
const SNAPSHOTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("snapshots");

pub(crate) struct Redb {
    database: Database,
}

impl Redb {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        // Without the check, redb trusts a file that was closed well; with it, an open reads all.
        let database = Builder::new()
            .set_check_integrity_on_open(true)
            .create(directory.join("store.redb"))?;
        let transaction = database.begin_write()?;
        for table in [HEADS, RECORDS, SNAPSHOTS] {
            transaction.open_table(table)?;
        }
        transaction.commit()?;
        Ok(Self { database })
    }
}

impl Engine for Redb {
    fn commit(&self, appends: &[Append]) -> Result<(), Failure> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut records = transaction.open_table(RECORDS)?;
            let mut heads = transaction.open_table(HEADS)?;
            for append in appends {
                for (version, record) in (append.first_version..).zip(&append.records) {
                    let key = record_key(&append.document, version);
                    records.insert(key.as_slice(), record.as_slice())?;
                }
                heads.insert(append.document.as_slice(), append.head.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn load(&self, document: &DocumentId) -> Result<Loaded, Failure> {
        let transaction = self.database.begin_read()?;
        let heads = transaction.open_table(HEADS)?;
        let head = heads.get(document.as_slice())?.ok_or("no such document")?;
        let snapshots = transaction.open_table(SNAPSHOTS)?;
        let snapshot = snapshots.get(document.as_slice())?;
        let table = transaction.open_table(RECORDS)?;
        let (first, last) = (record_key(document, 0), record_key(document, u64::MAX));
        let mut records = Vec::new();
        for row in table.range(first.as_slice()..=last.as_slice())? {
            let (key, value) = row?;
            records.push((version_of(key.value())?, value.value().to_vec()));
        }
        let snapshot = snapshot.map_or_else(Vec::new, |content| content.value().to_vec());
        Ok(Loaded {
            version: head_version(head.value())?,
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
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            transaction
                .open_table(SNAPSHOTS)?
                .insert(document.as_slice(), content)?;
            let mut records = transaction.open_table(RECORDS)?;
            for version in from..=through {
                records.remove(record_key(document, version).as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn heads(&self, after: Option<&DocumentId>, limit: usize) -> Result<Heads, Failure> {
        let table = self.database.begin_read()?.open_table(HEADS)?;
        let start = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_slice()));
        let mut heads = Vec::with_capacity(limit);
        for row in table.range::<&[u8]>((start, Bound::Unbounded))?.take(limit) {
            let (key, value) = row?;
            heads.push((key.value().try_into()?, head_version(value.value())?));
        }
        Ok(heads)
    }

    fn settle(&self) -> Result<(), Failure> {
        Ok(())
    }
}
