//! The tables: everything that was committed, sorted, in an LSM tree.
//!
//! The tree is the one of the `fjall` project (crate `lsm-tree`), used without `fjall`'s journal:
//! see `docs/decisions/0001-embedded-store-engine.md`. It has a memory part that is lost with the
//! process and is filled again from the log, and tables on disk whose blocks carry checksums.
//!
//! The keys and what is under them:
//!
//! ```text
//! 00                                commit                      the newest commit in the tree
//! 10 document 00                    head                        `documents::head`
//! 10 document 01                    description                 `documents::description`
//! 12 document length version        record                      `documents::record`
//! 13 document                       snapshot                    `documents::snapshot`
//! 14 user 00 document               empty                       documents by member
//! 15 document operation             version                     `documents::operation`
//! 16 document conflict              conflict                    `documents::conflict`
//! 17 document conflict              empty                       conflicts that wait
//! 18 document length version        audit entry                 `documents::audit`
//! 19 document name                  named snapshot              `documents::named`
//! 1A document name                  content of a named snapshot `documents::named`
//! 1B document                       locks                       `documents::lock`
//! 20 session                        session                     `sessions::row`
//! 21 user 00 session                created at, expires at      sessions by user
//! 22 connection session             empty                       sessions by connection
//! 23 expires-at session             empty                       sessions by expiry
//! ```
//!
//! Ids are their 16 bytes. Numbers are big-endian in keys, so that they sort, and little-endian in
//! values; a version in a key has no leading zero bytes, and the number of its bytes before it.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use byteview::ByteView;
use lsm_tree::compaction::Leveled;
use lsm_tree::{
    AbstractTree, AnyTree, Cache, Config, DescriptorTable, Guard, InternalValue, SeqNo,
    SequenceNumberCounter, ValueType,
};
use parking_lot::{Mutex, MutexGuard};

use crate::encoding::Malformed;
use crate::error::{Damage, OpenError};
use crate::integrity;
use crate::rows;

mod manifest;
mod moments;

use moments::{Moment, Moments};

/// The row that says which commit is the newest in the tree.
const COMMIT_KEY: &[u8] = &[0x00];

/// Files that stay open.
const OPEN_FILES_MAX: usize = 128;

/// Bytes that were stored under a key.
pub(crate) type Value = lsm_tree::Slice;

/// Something that single rows can be looked up in.
pub(crate) trait Lookup {
    /// What is under `key`.
    fn value(&self, key: &[u8]) -> Result<Option<Value>, Damage>;
}

/// The tree, and which of its contents may be seen.
pub(crate) struct Tables {
    tree: AnyTree,
    sequence: SequenceNumberCounter,
    moments: Moments,
    /// Held while a commit goes in, so that no moment begins in the middle of one.
    applying: Mutex<Applying>,
    flushed_commit: AtomicU64,
    strategy: Arc<Leveled>,
}

impl Tables {
    /// Opens the tree in `directory`, or makes one.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, OpenError> {
        let damaged = |what: String| OpenError::Damaged {
            path: directory.to_owned(),
            what,
        };
        manifest::verify(directory)?;
        let sequence = SequenceNumberCounter::default();
        let config = Config::new(
            directory,
            sequence.clone(),
            SequenceNumberCounter::default(),
        )
        .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)))
        .use_descriptor_table(Some(Arc::new(DescriptorTable::new(OPEN_FILES_MAX))));
        let tree = guarded(|| config.open()).map_err(|damage| damaged(damage.0))?;
        // Rows of one commit have different numbers, so the next must be beyond all of them.
        sequence.set(tree.get_highest_seqno().map_or(1, |highest| highest + 1));
        let tables = Self {
            moments: Moments::beginning(sequence.get()),
            tree,
            sequence,
            applying: Mutex::default(),
            flushed_commit: AtomicU64::default(),
            strategy: Arc::default(),
        };
        let commit = tables.commit().map_err(|damage| damaged(damage.0))?;
        tables.flushed_commit.store(commit, Ordering::Release);
        Ok(tables)
    }

    /// The newest commit in the tree; zero when there is none.
    pub(crate) fn commit(&self) -> Result<u64, Damage> {
        let Some(value) = self.newest(COMMIT_KEY)? else {
            return Ok(0);
        };
        let (commit, check) = value
            .split_first_chunk()
            .ok_or(Malformed { what: "commit row" })?;
        if integrity::check(&[COMMIT_KEY], commit).to_le_bytes() == *check {
            Ok(u64::from_le_bytes(*commit))
        } else {
            Err(Malformed { what: "commit row" }.into())
        }
    }

    /// The newest commit that would survive without the log.
    pub(crate) fn flushed_commit(&self) -> u64 {
        self.flushed_commit.load(Ordering::Acquire)
    }

    /// Puts the rows of a commit in; readers see all of them or none.
    pub(crate) fn apply(&self, commit: u64, payload: &[u8]) -> Result<(), Damage> {
        let unpublished = self.begin_commit();
        let moment = self.insert(commit, payload)?;
        unpublished.publish(moment);
        Ok(())
    }

    /// From now on until it is published, nothing new can be seen.
    pub(crate) fn begin_commit(&self) -> Unpublished<'_> {
        Unpublished {
            tables: self,
            applying: self.applying.lock(),
        }
    }

    /// Puts the rows of a commit in, between [`begin_commit`](Self::begin_commit) and
    /// [`Unpublished::publish`], and answers with the moment to publish.
    pub(crate) fn insert(&self, commit: u64, payload: &[u8]) -> Result<u64, Damage> {
        let (mut number, mut last_step) = (self.sequence.next(), 0);
        guarded_plain(|| {
            // All values are parts of one piece of memory: none is allocated, or freed, alone.
            let payload = ByteView::new(payload);
            // The part that is written to changes only between two commits.
            let memory = self.tree.active_memtable();
            let walked = rows::walk(&payload, |step, row| {
                // Steps may write the same key again, so each has a sequence number of its own.
                if step != last_step {
                    (number, last_step) = (self.sequence.next(), step);
                }
                memory.insert(match row.value {
                    Some(value) => put(row.key, part(&payload, value), number),
                    None => InternalValue::new_tombstone(row.key, number),
                });
            });
            let bytes = commit.to_le_bytes();
            let check = integrity::check(&[COMMIT_KEY], &bytes).to_le_bytes();
            memory.insert(put(COMMIT_KEY, [bytes, check].concat(), number));
            walked
        })??;
        Ok(number + 1)
    }

    /// What is under `key` now, also what no reader sees yet. For the committer.
    pub(crate) fn newest(&self, key: &[u8]) -> Result<Option<Value>, Damage> {
        guarded(|| self.tree.get(key, SeqNo::MAX))
    }

    /// As [`newest`](Self::newest), for a range of keys.
    pub(crate) fn newest_range(&self, keys: RangeInclusive<Vec<u8>>) -> Scan {
        Scan {
            rows: guarded_plain(|| self.tree.range(keys, SeqNo::MAX, None)).ok(),
        }
    }

    /// The present moment: what is read through it fits together.
    pub(crate) fn now(&self) -> View<'_> {
        View {
            tables: self,
            moment: self.moments.now(),
        }
    }

    /// Bytes in the part that is still written to.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.tree.active_memtable().size()
    }

    /// Parts that wait to be written to disk.
    pub(crate) fn waiting_parts(&self) -> usize {
        self.tree.sealed_memtable_count()
    }

    /// Ends the part that is written to; the next [`flush`](Self::flush) writes it to disk. Only
    /// between two commits.
    pub(crate) fn seal(&self) -> Result<(), Damage> {
        let _applying = self.applying.lock();
        guarded_plain(|| self.tree.rotate_memtable()).map(drop)
    }

    /// Writes all sealed parts to disk and answers with the newest commit there. `sealed_through`
    /// is the commit after which the last part was sealed.
    pub(crate) fn flush(&self, sealed_through: u64) -> Result<u64, Damage> {
        guarded(|| {
            let lock = self.tree.get_flush_lock();
            self.tree.flush(&lock, self.moments.oldest())
        })?;
        self.flushed_commit
            .fetch_max(sealed_through, Ordering::AcqRel);
        self.begin_new_moment()?;
        Ok(self.flushed_commit())
    }

    /// Merges tables where there are many; whether anything was done.
    pub(crate) fn compact(&self) -> Result<bool, Damage> {
        let before = self.tree.current_version().id();
        guarded(|| {
            self.tree
                .compact(self.strategy.clone(), self.moments.oldest())
        })?;
        let changed = self.tree.current_version().id() != before;
        if changed {
            self.begin_new_moment()?;
        }
        Ok(changed)
    }

    /// Readers move on to the newest files, and the tree lets go of the old ones, and of the memory that
    /// was flushed. By itself it would keep that until the next flush, which may never come.
    fn begin_new_moment(&self) -> Result<(), Damage> {
        let applying = self.applying.lock();
        if !applying.is_abandoned {
            self.moments.publish(self.sequence.next() + 1);
        }
        drop(applying);
        guarded(|| {
            let mut versions = self.tree.get_version_history_lock();
            versions.maintenance(&self.tree.tree_config().path, self.moments.oldest())
        })
    }

    /// Bytes of the tables on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.tree.disk_space()
    }
}

fn put(key: &[u8], value: impl Into<Value>, number: SeqNo) -> InternalValue {
    InternalValue::from_components(key, value, number, ValueType::Value)
}

/// A value that lies in `payload`, without a copy.
fn part(payload: &ByteView, value: &[u8]) -> Value {
    let start = rows::offset(payload, value);
    payload.slice(start..start + value.len()).into()
}

#[derive(Default)]
struct Applying {
    /// There are rows in memory that must never be seen, because nobody knows whether they are in
    /// the log. The present moment is the last one.
    is_abandoned: bool,
    /// The commit that goes in now was published.
    is_published: bool,
}

/// A commit that goes in. If it is dropped without being published, it is never seen, and neither
/// is anything after it.
pub(crate) struct Unpublished<'a> {
    tables: &'a Tables,
    applying: MutexGuard<'a, Applying>,
}

impl Unpublished<'_> {
    /// Everything that was put in is there now.
    pub(crate) fn publish(mut self, moment: u64) {
        if !self.applying.is_abandoned {
            self.tables.moments.publish(moment);
        }
        self.applying.is_published = true;
    }
}

impl Drop for Unpublished<'_> {
    fn drop(&mut self) {
        let was_published = std::mem::take(&mut self.applying.is_published);
        self.applying.is_abandoned |= !was_published;
    }
}

/// The tables at one moment. While it exists, nothing that it can see is cleaned away.
pub(crate) struct View<'a> {
    tables: &'a Tables,
    moment: Moment<'a>,
}

impl Lookup for View<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Value>, Damage> {
        guarded(|| self.tables.tree.get(key, self.moment.number()))
    }
}

impl View<'_> {
    /// What was under a range of keys, in order.
    pub(crate) fn range(&self, keys: RangeInclusive<Vec<u8>>) -> Scan {
        let number = self.moment.number();
        Scan {
            rows: guarded_plain(|| self.tables.tree.range(keys, number, None)).ok(),
        }
    }
}

type TreeRows = Box<dyn DoubleEndedIterator<Item = lsm_tree::IterGuardImpl> + Send>;

/// Rows of a range. After an error there is nothing more.
pub(crate) struct Scan {
    rows: Option<TreeRows>,
}

impl Scan {
    fn step(
        &mut self,
        take: impl FnOnce(&mut TreeRows) -> Option<lsm_tree::IterGuardImpl>,
    ) -> Option<Result<(Value, Value), Damage>> {
        let rows = self.rows.as_mut()?;
        let row = guarded(|| take(rows).map(Guard::into_inner).transpose()).transpose()?;
        if row.is_err() {
            self.rows = None;
        }
        Some(row)
    }
}

impl Iterator for Scan {
    type Item = Result<(Value, Value), Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(|rows| rows.next())
    }
}

impl DoubleEndedIterator for Scan {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(|rows| rows.next_back())
    }
}

/// Runs the engine; what it panics or fails with is damage.
///
/// The engine asserts things about files that it reads. Nothing of ours is changed inside, and its
/// own state after a panic is only ever asked again through here: a poisoned lock panics and is
/// damage as well.
fn guarded<T>(work: impl FnOnce() -> lsm_tree::Result<T>) -> Result<T, Damage> {
    guarded_plain(work)?.map_err(|error| Damage::new(format!("tables: {error}")))
}

fn guarded_plain<T>(work: impl FnOnce() -> T) -> Result<T, Damage> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Damage::new(format!(
            "tables: the engine stopped: {}",
            text.unwrap_or("no reason given")
        ))
    })
}

#[cfg(test)]
mod tests;
