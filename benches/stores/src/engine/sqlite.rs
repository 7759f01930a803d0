//! `SQLite`: write-ahead log, `synchronous=FULL`, one transaction for each group.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, OptionalExtension, params};

use super::{Append, DocumentId, Engine, Failure, Heads, Loaded, head_version};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -65536;
    CREATE TABLE IF NOT EXISTS heads
        (document BLOB PRIMARY KEY, head BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS records
        (document BLOB, version INTEGER, record BLOB NOT NULL, PRIMARY KEY (document, version))
        WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS snapshots (document BLOB PRIMARY KEY, content BLOB NOT NULL);";

pub(crate) struct Sqlite {
    connection: Mutex<Connection>,
}

impl Sqlite {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(directory.join("store.sqlite"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> Result<MutexGuard<'_, Connection>, Failure> {
        self.connection.lock().map_err(|_| "poisoned".into())
    }
}

impl Engine for Sqlite {
    fn commit(&self, appends: &[Append]) -> Result<(), Failure> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        {
            let mut record_row =
                transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3)")?;
            let mut head_row =
                transaction.prepare_cached("INSERT OR REPLACE INTO heads VALUES (?1, ?2)")?;
            for append in appends {
                for (version, record) in (append.first_version..).zip(&append.records) {
                    record_row.execute(params![append.document, version.cast_signed(), record])?;
                }
                head_row.execute(params![append.document, append.head])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn load(&self, document: &DocumentId) -> Result<Loaded, Failure> {
        let connection = self.connection()?;
        let head: Vec<u8> = connection
            .prepare_cached("SELECT head FROM heads WHERE document = ?1")?
            .query_row([document], |row| row.get(0))?;
        let snapshot = connection
            .prepare_cached("SELECT content FROM snapshots WHERE document = ?1")?
            .query_row([document], |row| row.get(0))
            .optional()?
            .unwrap_or_default();
        let mut statement = connection.prepare_cached(
            "SELECT version, record FROM records WHERE document = ?1 ORDER BY version",
        )?;
        let records = statement
            .query_map([document], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
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
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO snapshots VALUES (?1, ?2)")?
            .execute(params![document, content])?;
        transaction
            .prepare_cached(
                "DELETE FROM records WHERE document = ?1 AND version BETWEEN ?2 AND ?3",
            )?
            .execute(params![document, from.cast_signed(), through.cast_signed()])?;
        Ok(transaction.commit()?)
    }

    fn heads(&self, after: Option<&DocumentId>, limit: usize) -> Result<Heads, Failure> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT document, head FROM heads WHERE document > ?1 ORDER BY document LIMIT ?2",
        )?;
        let after = after.map_or(&[][..], |id| id.as_slice());
        let limit = i64::try_from(limit)?;
        let rows = statement.query_map(params![after, limit], |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        let decode = |row: rusqlite::Result<(DocumentId, Vec<u8>)>| {
            let (id, head) = row?;
            Ok((id, head_version(&head)?))
        };
        rows.map(decode).collect()
    }

    fn settle(&self) -> Result<(), Failure> {
        let connection = self.connection()?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}
