//! Which parts of an update can be integrated, and in which order, and which have to wait.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::backlog::Backlog;
use super::outline::{DEPTH_MAX, Finding, Outline};
use super::wire::{self, ElementId, Outlined, Run, Stretch};

/// The update would nest types too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// What is to be done with an update.
#[derive(Debug)]
pub(super) struct Plan {
    /// Updates to integrate instead of it, in this order; `None` for all of it as it is.
    pub(super) pieces: Option<Vec<Bytes>>,
    /// Something waits now that did not wait before.
    pub(super) waits: bool,
}

/// Sorts updates. Kept from one to the next for its memory.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The update.
    pub(super) outlined: Outlined,
    /// Runs that waited in the backlog until this update came, each as an update of its own.
    woken: Vec<(Run, Bytes)>,
    /// Runs to look at, the next one last.
    open: Vec<Source>,
    /// Runs that can be integrated, in order.
    ready: Vec<Source>,
    /// Runs that cannot yet, under the id of an element that they lack.
    parked: BTreeMap<ElementId, Vec<Source>>,
}

/// Where a run comes from: its index in one of the lists.
#[derive(Clone, Copy, Debug)]
enum Source {
    Update(usize),
    Backlog(usize),
}

impl Intake {
    /// Sorts the update that was read into `outlined` from `bytes`. After an error neither
    /// `outline` nor `backlog` can be used any more.
    pub(super) fn sort(
        &mut self,
        bytes: &[u8],
        outline: &mut Outline,
        backlog: &mut Backlog,
    ) -> Result<Plan, TooDeep> {
        self.woken.clear();
        self.ready.clear();
        // From the first to the last: most runs come after those that they hang on.
        self.open.clear();
        self.open.extend((0..self.outlined.runs.len()).rev().map(Source::Update));
        while let Some(source) = self.open.pop() {
            self.look_at(source, outline, backlog)?;
        }
        let mut whole = self.woken.is_empty();
        let mut waits = false;
        for (lacking, sources) in std::mem::take(&mut self.parked) {
            for source in sources {
                whole = false;
                waits |= self.let_wait(source, lacking, bytes, backlog);
            }
        }
        let mut deletions = Vec::new();
        if backlog.waits_for_deletion() {
            self.wake_deletions(outline, backlog, &mut deletions);
            whole &= deletions.is_empty();
        }
        for deletion in &self.outlined.deletions {
            let (now, later) = split(deletion, outline);
            deletions.extend(now.filter(|_| !whole || later.is_some()));
            if let Some(later) = later {
                // Those before this one are in the list only if it was clear by then.
                whole = false;
                waits |= backlog.add_deletion(later);
            }
        }
        let pieces = (!whole).then(|| self.pieces(bytes, &deletions));
        Ok(Plan { pieces, waits })
    }
}
