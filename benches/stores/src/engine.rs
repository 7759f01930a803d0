//! The work of a document store, in the smallest words that every engine can speak.

use std::error::Error;
use std::path::Path;

pub(crate) mod finished;
pub(crate) mod fjall;
pub(crate) mod floor;
pub(crate) mod redb;
pub(crate) mod sqlite;

/// Any failure of an engine; the bench only prints it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Names a document.
pub(crate) type DocumentId = [u8; 16];

/// One durable edit: a batch of records and the document's new head.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) document: DocumentId,
    /// Version of the first record; the others follow without a hole.
    pub(crate) first_version: u64,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) head: Vec<u8>,
}

/// A document as it is loaded before editing goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) version: u64,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) records: Vec<(u64, Vec<u8>)>,
}

/// One page of heads: which document, at which version.
pub(crate) type Heads = Vec<(DocumentId, u64)>;

/// A store under test. Only one thread writes; when `commit` returns, the batch is on disk.
pub(crate) trait Engine: Send + Sync {
    /// Writes all of `appends` as one batch and syncs once.
    fn commit(&self, appends: &[Append]) -> Result<(), Failure>;

    /// Head, snapshot, and every record that was not pruned.
    fn load(&self, document: &DocumentId) -> Result<Loaded, Failure>;

    /// Writes a snapshot and forgets the records in `from..=through`, in one durable batch.
    fn snapshot(
        &self,
        document: &DocumentId,
        content: &[u8],
        from: u64,
        through: u64,
    ) -> Result<(), Failure>;

    /// The next heads after `after`, in the order of the ids, up or down.
    fn heads(&self, after: Option<&DocumentId>, limit: usize) -> Result<Heads, Failure>;

    /// Moves what waits in a journal into the tables, so that the tables can be damaged.
    fn settle(&self) -> Result<(), Failure>;
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Preallocated file, append and fdatasync: what the disk allows. It cannot be read.
    Floor,
    /// fjall: LSM trees and a journal.
    Fjall,
    /// redb: a copy-on-write B-tree.
    Redb,
    /// `SQLite`: a B-tree and a write-ahead log.
    Sqlite,
    /// What was made of it: services/store-embedded.
    StoreEmbedded,
}

impl Kind {
    /// Every engine that can be read back.
    pub(crate) const READABLE: [Self; 4] =
        [Self::Fjall, Self::Redb, Self::Sqlite, Self::StoreEmbedded];

    /// As the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "file + fdatasync (floor)",
            Self::Fjall => "fjall",
            Self::Redb => "redb",
            Self::Sqlite => "SQLite WAL FULL",
            Self::StoreEmbedded => "store-embedded",
        }
    }

    /// As the command line calls it.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Fjall => "fjall",
            Self::Redb => "redb",
            Self::Sqlite => "sqlite",
            Self::StoreEmbedded => "store-embedded",
        }
    }

    /// Opens or makes a store of this kind in `directory`.
    pub(crate) fn open(self, directory: &Path) -> Result<Box<dyn Engine>, Failure> {
        std::fs::create_dir_all(directory)?;
        Ok(match self {
            Self::Floor => Box::new(floor::Floor::open(directory)?),
            Self::Fjall => Box::new(fjall::Fjall::open(directory)?),
            Self::Redb => Box::new(redb::Redb::open(directory)?),
            Self::Sqlite => Box::new(sqlite::Sqlite::open(directory)?),
            Self::StoreEmbedded => Box::new(finished::Finished::open(directory)?),
        })
    }
}

/// Key of a record: document, then version in big-endian, so that keys sort as versions do.
pub(crate) fn record_key(document: &DocumentId, version: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(document);
    key[16..].copy_from_slice(&version.to_be_bytes());
    key
}

/// The version that a head begins with.
pub(crate) fn head_version(head: &[u8]) -> Result<u64, Failure> {
    let bytes = head.first_chunk().ok_or("a head that is too short")?;
    Ok(u64::from_be_bytes(*bytes))
}

/// The version inside a record's key.
pub(crate) fn version_of(key: &[u8]) -> Result<u64, Failure> {
    let bytes = key.get(16..24).ok_or("a record key of the wrong length")?;
    Ok(u64::from_be_bytes(bytes.try_into()?))
}
