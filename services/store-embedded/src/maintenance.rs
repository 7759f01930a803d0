//! Moving rows from memory into tables, and what is to be done around that, in one thread.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::directory::sync_directory;
use crate::error::{Damage, Refusal};
use crate::log;
use crate::stats::Counters;
use crate::tables::Tables;

/// Parts that may wait to be written to disk before writers wait: one is being written, one is
/// ready, so that the disk never idles, and memory is bounded by three parts.
const WAITING_PARTS_MAX: usize = 2;

/// Pause before a failed flush is tried again: the disk may be full for a while.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Flushes that may fail in a row while writers wait for room, before they are refused.
const FAILURES_MAX: u32 = 5;

/// The state between the committer and the maintaining thread.
#[derive(Default)]
pub(crate) struct Maintenance {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Somebody wants everything in tables, however little it is.
    flush_is_wanted: bool,
    /// Why that could not even be begun.
    flush_refused: Option<Refusal>,
    /// The commit after which a part was sealed that is not flushed yet.
    flush_through: Option<u64>,
    /// Flushes that failed since one succeeded.
    failures: u32,
    closed: bool,
    poison: Option<Refusal>,
}

impl Maintenance {
    /// A part was sealed after `commit`.
    pub(crate) fn flush_through(&self, commit: u64) {
        let mut state = self.state.lock();
        state.flush_through = Some(commit);
        state.flush_is_wanted = false;
        self.changed.notify_all();
    }

    /// Asks the committer to seal what is in memory after the next group.
    pub(crate) fn want_flush(&self) {
        self.state.lock().flush_is_wanted = true;
    }

    /// Whether that was asked for.
    pub(crate) fn flush_is_wanted(&self) -> bool {
        self.state.lock().flush_is_wanted
    }

    /// What is in memory cannot be sealed now.
    pub(crate) fn refuse_flush(&self, reason: Refusal) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.flush_is_wanted) {
            state.flush_refused = Some(reason);
            self.changed.notify_all();
        }
    }

    /// Waits until what was asked for is done; fails when it cannot be done now.
    pub(crate) fn wait_for_flush(&self) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        loop {
            if let Some(poison) = &state.poison {
                return Err(poison.clone());
            }
            if state.closed || state.failures > 0 {
                return Err(Refusal::new("rows could not be moved into tables"));
            }
            if let Some(refused) = state.flush_refused.take() {
                return Err(refused);
            }
            if !state.flush_is_wanted && state.flush_through.is_none() {
                return Ok(());
            }
            self.changed.wait(&mut state);
        }
    }

    /// Waits until there are few parts in memory, or until writing them fails for long.
    pub(crate) fn wait_for_room(&self, tables: &Tables) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        while tables.waiting_parts() > WAITING_PARTS_MAX {
            if state.failures >= FAILURES_MAX {
                return Err(Refusal::new("the tables cannot be written"));
            }
            self.changed.wait(&mut state);
        }
        Ok(())
    }

    /// Why nothing may be written any more, if so.
    pub(crate) fn poison(&self) -> Option<Refusal> {
        self.state.lock().poison.clone()
    }

    /// Nothing may be written any more. The first reason stays.
    pub(crate) fn set_poison(&self, reason: Refusal) -> Refusal {
        let reason = self.state.lock().poison.get_or_insert(reason).clone();
        self.changed.notify_all();
        reason
    }

    /// Ends the thread after what it does now.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for a part to flush; `None` ends the thread.
    fn next(&self) -> Option<u64> {
        let mut state = self.state.lock();
        loop {
            if state.closed || state.poison.is_some() {
                return None;
            }
            if let Some(commit) = state.flush_through {
                return Some(commit);
            }
            self.changed.wait(&mut state);
        }
    }

    fn flushed(&self, commit: u64) {
        let mut state = self.state.lock();
        state.failures = 0;
        if state.flush_through == Some(commit) {
            state.flush_through = None;
        }
        self.changed.notify_all();
    }

    fn failed(&self) {
        let mut state = self.state.lock();
        state.failures += 1;
        self.changed.notify_all();
        if !state.closed {
            self.changed.wait_for(&mut state, RETRY_AFTER);
        }
    }
}

/// Everything that the thread needs.
pub(crate) struct Maintainer {
    pub(crate) maintenance: Arc<Maintenance>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) log_directory: PathBuf,
}

impl Maintainer {
    /// Works until it is closed. What is in memory then is still in the log.
    pub(crate) fn run(self) {
        let mut may_compact = true;
        while let Some(commit) = self.maintenance.next() {
            if let Err(damage) = self.flush(commit) {
                tracing::error!(%damage, "rows could not be moved into tables; they stay in the log");
                self.counters.maintenance_failures.add(1);
                self.maintenance.failed();
                continue;
            }
            self.maintenance.flushed(commit);
            if !may_compact {
                continue;
            }
            if let Err(damage) = self.compact() {
                // A damaged table stays damaged: trying again would only keep the disk busy.
                tracing::error!(%damage, "tables could not be merged; not tried again before a restart");
                self.counters.maintenance_failures.add(1);
                may_compact = false;
            }
        }
    }

    fn flush(&self, commit: u64) -> Result<(), Damage> {
        let flushed = self.tables.flush(commit)?;
        self.counters.flushes.add(1);
        let removed = remove_segments(&self.log_directory, flushed);
        removed.map_err(|error| Damage::new(format!("old segments of the log stay: {error}")))
    }

    fn compact(&self) -> Result<(), Damage> {
        while self.tables.compact()? {
            self.counters.compactions.add(1);
        }
        Ok(())
    }
}

/// Removes the segments whose commits are all in the tables. The last one stays in any case.
pub(crate) fn remove_segments(directory: &std::path::Path, flushed: u64) -> io::Result<()> {
    let segments = log::segments(directory)?;
    let mut removed = false;
    for pair in segments.windows(2) {
        if let [segment, next] = pair
            && next.first_commit <= flushed + 1
        {
            std::fs::remove_file(&segment.path)?;
            removed = true;
        }
    }
    if removed {
        sync_directory(directory)
    } else {
        Ok(())
    }
}
