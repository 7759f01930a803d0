//! What waits for its predecessors.
//!
//! Updates may come in any order: an editor in two tabs hears in one of what was typed in the
//! other before the server does. What hangs on something that is not there yet waits here and not
//! in yrs, which in version 0.28 forgets to look again, or loses elements, when several wait (see
//! the test `updates_in_any_order_make_the_same_content`).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::wire::{self, ElementId, Run, Stretch};

/// Runs and deletions that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Under the id of an element that they lack.
    runs: BTreeMap<ElementId, Vec<(Run, Bytes)>>,
    /// First element and end of every run above.
    stretches: BTreeMap<ElementId, u32>,
    /// First element and end of deletions of elements that are not there.
    deletions: BTreeMap<ElementId, u32>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.deletions.is_empty()
    }

    pub(super) fn waits_for_deletion(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// Lets a run wait for `lacking`. Returns whether it is news.
    pub(super) fn add_run(&mut self, lacking: ElementId, run: Run, update: &[u8]) -> bool {
        let is_new = add(&mut self.stretches, run.stretch);
        if is_new {
            let bytes = wire::update_of_run(&run, update);
            self.runs.entry(lacking).or_default().push((run, bytes));
        }
        is_new
    }

    /// Lets a run that waited before wait for something else.
    pub(super) fn put_back(&mut self, lacking: ElementId, run: Run, bytes: Bytes) {
        add(&mut self.stretches, run.stretch);
        self.runs.entry(lacking).or_default().push((run, bytes));
    }

    /// Takes out the runs that lacked an element of `stretch`.
    pub(super) fn take_runs(&mut self, stretch: &Stretch, taken: &mut Vec<(Run, Bytes)>) {
        while let Some((&id, _)) = self.runs.range(stretch.first..stretch.end_id()).next() {
            for (run, bytes) in self.runs.remove(&id).into_iter().flatten() {
                self.stretches.remove(&run.stretch.first);
                taken.push((run, bytes));
            }
        }
    }

    /// Lets a deletion wait. Returns whether it is news.
    pub(super) fn add_deletion(&mut self, deletion: Stretch) -> bool {
        add(&mut self.deletions, deletion)
    }

    /// Takes out the deletions of elements of `client` before `end`.
    pub(super) fn take_deletions(&mut self, client: u64, end: u32, taken: &mut Vec<Stretch>) {
        let (first, last) = (ElementId { client, clock: 0 }, ElementId { client, clock: end });
        while let Some((&id, &until)) = self.deletions.range(first..last).next() {
            self.deletions.remove(&id);
            taken.push(Stretch { first: id, length: until - id.clock });
        }
    }

    /// Everything that waits, as updates.
    pub(super) fn updates(&self) -> impl Iterator<Item = Bytes> {
        let deletions = self.deletions.iter().map(|(&first, &end)| {
            wire::update_of_deletion(&Stretch { first, length: end - first.clock })
        });
        let runs = self.runs.values().flatten().map(|(_, bytes)| bytes.clone());
        runs.chain(deletions)
    }
}

/// Adds a stretch unless one that was there covers it. Returns whether it was added.
fn add(stretches: &mut BTreeMap<ElementId, u32>, stretch: Stretch) -> bool {
    let before = stretches.range(..=stretch.first).next_back();
    let covered = before.is_some_and(|(first, end)| {
        first.client == stretch.first.client && *end >= stretch.end()
    });
    if !covered {
        stretches.insert(stretch.first, stretch.end());
    }
    !covered
}
