//! What the store did since it was opened.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the store was opened, and some sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Writing requests that were carried out, refused ones included.
    pub requests: u64,
    /// Groups that were written: each is one frame of the log.
    pub commits: u64,
    /// Syncs of the log. Fewer than requests when many write at once: that is group commit.
    pub syncs: u64,
    /// Bytes written to the log.
    pub log_bytes: u64,
    /// How often rows were moved from memory into tables on disk.
    pub flushes: u64,
    /// How often tables were merged.
    pub compactions: u64,
    /// Times that moving or merging rows failed. The log still has what could not be moved.
    pub maintenance_failures: u64,
    /// Bytes of rows in memory that are in no table yet.
    pub memory_bytes: u64,
    /// Bytes of the tables on disk.
    pub table_bytes: u64,
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: Counter,
    pub(crate) commits: Counter,
    pub(crate) syncs: Counter,
    pub(crate) log_bytes: Counter,
    pub(crate) flushes: Counter,
    pub(crate) compactions: Counter,
    pub(crate) maintenance_failures: Counter,
}

/// Goes up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
