//! How deep the types of a document are nested, and a bound on it.
//!
//! yrs deletes a type by calling itself for each type inside. Types nested some ten thousand
//! deep, which fit into an edit of 100 KB, overflow the stack, and with it goes the process. So
//! the depth of every element is known before yrs sees it: an item lies one deeper than the type
//! that it names as its parent, or as deep as its neighbour.
//!
//! Neighbours that one user typed in one place are equally deep, so only the places where the
//! depth changes cost memory.

use std::collections::{BTreeMap, HashMap};

use super::wire::{ElementId, Parent, Place, Run};

/// Deepest nesting that is taken. A list in a list takes two types per level in editors, so this
/// is beyond all that a person can look at, and the 50 KB of stack that yrs needs for it are
/// within what any thread has.
pub(super) const DEPTH_MAX: u16 = 256;

/// Depth of elements that were deleted with their parents. Nothing can be put into those.
const NOWHERE: u16 = 0;

/// The update would nest types too deep, or gives an element a second place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misplaced;

/// The depth of every element of a document.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    clients: HashMap<u64, Vec<Stretch>>,
    /// Runs whose neighbour or parent is not known yet, under the id of the one that is missing.
    waiting: BTreeMap<ElementId, Vec<Run>>,
}

/// Elements of one client, from `start` up to but not including `end`, that are equally deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start: u32,
    end: u32,
    depth: u16,
}

impl Nesting {
    /// Takes in all of `runs`, in whatever order. After an error some are in, and this can not
    /// be used any more.
    pub(super) fn admit(&mut self, runs: &mut Vec<Run>) -> Result<(), Misplaced> {
        // From the first to the last: neighbours come before what is beside them, mostly.
        runs.reverse();
        while let Some(run) = runs.pop() {
            match self.depth_of(&run.place) {
                Ok(depth) if depth > DEPTH_MAX => return Err(Misplaced),
                Ok(depth) => {
                    self.note(&run, depth)?;
                    self.wake(&run, runs);
                }
                Err(missing) => self.waiting.entry(missing).or_default().push(run),
            }
        }
        Ok(())
    }

    /// The depth of what lies at `place`, or an element without which it is not known.
    fn depth_of(&self, place: &Place) -> Result<u16, ElementId> {
        let Place::Item {
            left,
            right,
            parent,
        } = *place
        else {
            return Ok(NOWHERE);
        };
        // All three have to be there before yrs places an item. To decide earlier would be to
        // decide otherwise, when somebody gives one element two places.
        let depth =
            |id: Option<ElementId>| id.map_or(Ok(NOWHERE), |id| self.depth_at(id).ok_or(id));
        let (left, right) = (depth(left)?, depth(right)?);
        match parent {
            Parent::Root => Ok(1),
            Parent::Type(id) => match depth(Some(id))? {
                NOWHERE => Ok(NOWHERE),
                parent => Ok(parent + 1),
            },
            Parent::OfNeighbours if left == NOWHERE => Ok(right),
            Parent::OfNeighbours => Ok(left),
        }
    }

    fn depth_at(&self, id: ElementId) -> Option<u16> {
        let stretches = self.clients.get(&id.client)?;
        let index = stretches.partition_point(|stretch| stretch.end <= id.clock);
        let stretch = stretches.get(index)?;
        (stretch.start <= id.clock).then_some(stretch.depth)
    }

    /// Notes the depth of those elements of `run` that are not known yet.
    fn note(&mut self, run: &Run, depth: u16) -> Result<(), Misplaced> {
        let stretches = self.clients.entry(run.first.client).or_default();
        let (mut clock, end) = (run.first.clock, run.first.clock + run.length);
        let mut index = stretches.partition_point(|stretch| stretch.end <= clock);
        while clock < end {
            let next = stretches.get(index).copied();
            match next.filter(|next| next.start <= clock) {
                Some(known) => {
                    if known.depth != depth && known.depth != NOWHERE && depth != NOWHERE {
                        return Err(Misplaced);
                    }
                }
                None => {
                    let end = next.map_or(end, |next| next.start.min(end));
                    index = insert(
                        stretches,
                        index,
                        Stretch {
                            start: clock,
                            end,
                            depth,
                        },
                    );
                }
            }
            clock = stretches[index].end;
            index += 1;
        }
        Ok(())
    }

    /// Moves runs that waited for an element of `run` back to the others.
    fn wake(&mut self, run: &Run, runs: &mut Vec<Run>) {
        if self.waiting.is_empty() {
            return;
        }
        let end = ElementId {
            client: run.first.client,
            clock: run.first.clock + run.length,
        };
        while let Some((&id, _)) = self.waiting.range(run.first..end).next() {
            runs.extend(self.waiting.remove(&id).into_iter().flatten());
        }
    }
}

/// Puts `new` before the stretch at `index`, joined with its neighbours if it can be. Returns the
/// index of the stretch that has it.
fn insert(stretches: &mut Vec<Stretch>, index: usize, mut new: Stretch) -> usize {
    let next = stretches.get(index).copied();
    if let Some(next) = next.filter(|next| next.start == new.end && next.depth == new.depth) {
        new.end = next.end;
        stretches.remove(index);
    }
    let previous = index.checked_sub(1).filter(|&previous| {
        stretches[previous].end == new.start && stretches[previous].depth == new.depth
    });
    match previous {
        Some(previous) => {
            stretches[previous].end = new.end;
            previous
        }
        None => {
            stretches.insert(index, new);
            index
        }
    }
}
