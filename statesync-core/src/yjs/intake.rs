//! Which parts of an update can be integrated, and in which order, and which have to wait.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::backlog::Backlog;
use super::outline::{Finding, Outline};
use super::wire::{self, ElementId, Outlined, Run, Stretch};

/// The update wants to put something where nothing can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misplaced;

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
    /// Deletions that can be done.
    deletions: Vec<Stretch>,
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
    ) -> Result<Plan, Misplaced> {
        self.woken.clear();
        self.ready.clear();
        // From the first to the last: most runs come after those that they hang on.
        self.open.clear();
        self.open
            .extend((0..self.outlined.runs.len()).rev().map(Source::Update));
        while let Some(source) = self.open.pop() {
            self.look_at(source, outline, backlog)?;
        }
        let mut whole = self.woken.is_empty();
        let mut waits = false;
        for (lacking, sources) in std::mem::take(&mut self.parked) {
            whole = false;
            for source in sources {
                waits |= self.let_wait(source, lacking, bytes, backlog);
            }
        }
        self.deletions.clear();
        if backlog.has_deletions() {
            whole &= !self.wake_deletions(outline, backlog);
        }
        for index in 0..self.outlined.deletions.len() {
            let later = self.delete(self.outlined.deletions[index], outline);
            whole &= later.is_none();
            waits |= later.is_some_and(|later| backlog.add_deletion(later));
        }
        let pieces = (!whole).then(|| self.pieces(bytes));
        Ok(Plan { pieces, waits })
    }

    fn run(&self, source: Source) -> &Run {
        match source {
            Source::Update(index) => &self.outlined.runs[index],
            Source::Backlog(index) => &self.woken[index].0,
        }
    }

    /// Finds a place for one run, and looks again at those that waited for it.
    fn look_at(
        &mut self,
        source: Source,
        outline: &mut Outline,
        backlog: &mut Backlog,
    ) -> Result<(), Misplaced> {
        let run = *self.run(source);
        match outline.find(&run) {
            Finding::Known => {}
            Finding::Lacks(id) => self.parked.entry(id).or_default().push(source),
            Finding::Nowhere => match source {
                Source::Update(_) => return Err(Misplaced),
                // Who sent it is long gone, and who sent this update has nothing to do with it.
                Source::Backlog(_) => {}
            },
            Finding::Ready(depth) => {
                outline.note(&run, depth);
                self.ready.push(source);
                let new = run.stretch.first..run.stretch.end_id();
                while let Some((&id, _)) = self.parked.range(new.clone()).next() {
                    self.open
                        .extend(self.parked.remove(&id).into_iter().flatten());
                }
                let woken = self.woken.len();
                backlog.take_runs(new, &mut self.woken);
                self.open
                    .extend((woken..self.woken.len()).map(Source::Backlog));
            }
        }
        Ok(())
    }

    /// Puts a run into the backlog. Returns whether it is new there.
    fn let_wait(
        &self,
        source: Source,
        lacking: ElementId,
        bytes: &[u8],
        backlog: &mut Backlog,
    ) -> bool {
        match source {
            Source::Update(index) => {
                let run = self.outlined.runs[index];
                backlog.add_run(lacking, run, || wire::update_of_run(&run, bytes))
            }
            Source::Backlog(index) => {
                let (run, bytes) = &self.woken[index];
                backlog.add_run(lacking, *run, || bytes.clone());
                false
            }
        }
    }

    /// Takes the deletions out of the backlog whose elements are there now. Returns whether there
    /// was one.
    fn wake_deletions(&mut self, outline: &Outline, backlog: &mut Backlog) -> bool {
        let mut woken = Vec::new();
        for &source in &self.ready {
            let client = self.run(source).stretch.first.client;
            backlog.take_deletions(client, outline.end_of(client), &mut woken);
        }
        for deletion in &woken {
            if let Some(later) = self.delete(*deletion, outline) {
                backlog.add_deletion(later);
            }
        }
        !woken.is_empty()
    }

    /// Notes what of a deletion can be done. Returns what cannot be done yet.
    fn delete(&mut self, deletion: Stretch, outline: &Outline) -> Option<Stretch> {
        let (now, later) = deletion.split_at(outline.end_of(deletion.first.client));
        self.deletions.extend(now);
        later
    }

    /// What can be integrated, each run and each deletion by itself.
    fn pieces(&self, bytes: &[u8]) -> Vec<Bytes> {
        let runs = self.ready.iter().map(|source| match *source {
            Source::Update(index) => wire::update_of_run(&self.outlined.runs[index], bytes),
            Source::Backlog(index) => self.woken[index].1.clone(),
        });
        let deletions = self.deletions.iter().map(wire::update_of_deletion);
        runs.chain(deletions).collect()
    }
}
