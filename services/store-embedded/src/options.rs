//! What can be chosen about a store.

use std::path::PathBuf;

/// Where a store is and how much memory it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The data directory. Made if it is not there. On a local disk: network file systems do not
    /// keep what they acknowledge.
    pub directory: PathBuf,
    /// Go on although acknowledged commits are lost. What is left is served; documents with holes
    /// stay damaged. Default: no.
    pub accept_loss: bool,
    /// Open only a store that is there, and make none. Default: no.
    pub existing: bool,
    /// Bytes of rows in memory before they are moved into tables. Up to three times as much is in
    /// memory while the disk is behind; half as much again is read from the log when the store
    /// opens after it. Default 16 MiB: half a second of full load.
    pub memory_bytes: u64,
    /// Bytes of table blocks kept in memory, and an eighth as much for heads of documents that are being
    /// written. Default 32 MiB.
    pub cache_bytes: u64,
}

impl Options {
    /// The defaults, for a store in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            accept_loss: false,
            existing: false,
            memory_bytes: 16 * 1024 * 1024,
            cache_bytes: 32 * 1024 * 1024,
        }
    }

    /// The same, with [`accept_loss`](Self::accept_loss).
    #[must_use]
    pub fn accept_loss(mut self, accept: bool) -> Self {
        self.accept_loss = accept;
        self
    }

    /// The same, with [`existing`](Self::existing).
    #[must_use]
    pub fn existing(mut self, existing: bool) -> Self {
        self.existing = existing;
        self
    }

    /// The same, with [`memory_bytes`](Self::memory_bytes).
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// The same, with [`cache_bytes`](Self::cache_bytes).
    #[must_use]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }
}
