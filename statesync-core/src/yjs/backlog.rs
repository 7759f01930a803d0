//! What waits for its predecessors.
//!
//! Updates may come in any order: an editor in two tabs hears in one of what was typed in the
//! other before the server does. What hangs on something that is not there yet waits here and not
//! in yrs, which in version 0.28 forgets to look again, or loses elements, when several wait (see
//! the test `updates_in_any_order_make_the_same_content`).

use std::collections::BTreeMap;
use std::ops::Range;

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

    pub(super) fn has_deletions(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// Lets a run wait for `lacking`, as the update that `update` makes of it. Returns whether it
    /// is new here.
    pub(super) fn add_run(
        &mut self,
        lacking: ElementId,
        run: Run,
        update: impl FnOnce() -> Bytes,
    ) -> bool {
        let is_new = !covers(&self.stretches, &run.stretch);
        if is_new {
            self.stretches.insert(run.stretch.first, run.stretch.end());
            let waiting = self.runs.entry(lacking).or_default();
            waiting.push((run, update()));
        }
        is_new
    }

    /// Takes out the runs that lacked one of the elements `new`.
    pub(super) fn take_runs(&mut self, new: Range<ElementId>, taken: &mut Vec<(Run, Bytes)>) {
        while let Some((&id, _)) = self.runs.range(new.clone()).next() {
            for (run, bytes) in self.runs.remove(&id).into_iter().flatten() {
                self.stretches.remove(&run.stretch.first);
                taken.push((run, bytes));
            }
        }
    }

    /// Lets a deletion wait, joined with others next to it. Returns whether it is new here.
    pub(super) fn add_deletion(&mut self, deletion: Stretch) -> bool {
        if covers(&self.deletions, &deletion) {
            return false;
        }
        let (mut first, mut end) = (deletion.first, deletion.end());
        let before = self.deletions.range(..first).next_back();
        if let Some((&id, &until)) = before
            && id.client == first.client
            && until >= first.clock
        {
            first = id;
        }
        let last = |clock| ElementId { clock, ..first };
        while let Some((&id, &until)) = self.deletions.range(first..=last(end)).next() {
            self.deletions.remove(&id);
            end = end.max(until);
        }
        self.deletions.insert(first, end);
        true
    }

    /// Takes out the deletions of elements of `client` before `end`.
    pub(super) fn take_deletions(&mut self, client: u64, end: u32, taken: &mut Vec<Stretch>) {
        let (first, last) = (
            ElementId { client, clock: 0 },
            ElementId { client, clock: end },
        );
        while let Some((&id, &until)) = self.deletions.range(first..last).next() {
            self.deletions.remove(&id);
            taken.push(Stretch {
                first: id,
                length: until - id.clock,
            });
        }
    }

    /// Everything that waits, as updates.
    pub(super) fn updates(&self) -> impl Iterator<Item = Bytes> {
        let deletions = self.deletions.iter().map(|(&first, &end)| {
            wire::update_of_deletion(&Stretch {
                first,
                length: end - first.clock,
            })
        });
        let runs = self.runs.values().flatten().map(|(_, bytes)| bytes.clone());
        runs.chain(deletions)
    }
}

/// Whether one of `stretches` has all of `stretch` in it.
fn covers(stretches: &BTreeMap<ElementId, u32>, stretch: &Stretch) -> bool {
    let before = stretches.range(..=stretch.first).next_back();
    before.is_some_and(|(first, end)| first.client == stretch.first.client && *end >= stretch.end())
}
