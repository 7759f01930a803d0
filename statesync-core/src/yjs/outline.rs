//! Which elements a document has, and how deep the type that holds each of them is nested.
//!
//! yrs deletes a type by calling itself for each type inside. Types nested some ten thousand
//! deep, which fit into an edit of 100 KB, overflow the stack, and with it goes the process. So
//! the depth of every element is known before yrs sees it: an item lies one deeper than the type
//! that it names as its parent, or as deep as its neighbour.
//!
//! What a client typed in one place is equally deep, so only the places where the depth changes
//! cost memory.

use std::collections::HashMap;

use super::wire::{ElementId, Kind, Parent, Place, Run};

/// Deepest nesting that is taken. A list in a list takes two types per level in editors, so this
/// is beyond all that a person can look at, and the stack that yrs needs for it (some 400 bytes
/// per level when it deletes, some 2,000 when it writes XML) is within what any thread has.
pub(super) const DEPTH_MAX: u16 = 256;

/// Depth of elements that were deleted with their parents. Nothing can be put into those.
const COLLECTED: u16 = 0;

/// The elements of a document: of each client, all from the first to some last one.
#[derive(Debug, Default)]
pub(super) struct Outline {
    clients: HashMap<u64, Vec<Stretch>>,
}

/// Elements of one client, from where the stretch before ends, that are equally deep and of one
/// kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    end: u32,
    depth: u16,
    kind: Kind,
}

/// Where a run belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// All of it is there already.
    Known,
    /// Everything that it hangs on is there; it is so deep.
    Ready(u16),
    /// It hangs on an element that is not there.
    Lacks(ElementId),
    /// There is no place for it and never will be: too deep, or in something that is not a type.
    Nowhere,
}

impl Outline {
    /// The clock after the last element of a client.
    pub(super) fn end_of(&self, client: u64) -> u32 {
        let stretches = self.clients.get(&client);
        stretches
            .and_then(|stretches| stretches.last())
            .map_or(0, |last| last.end)
    }

    /// Gives memory back that nothing is in.
    pub(super) fn shrink(&mut self) {
        self.clients.values_mut().for_each(Vec::shrink_to_fit);
        self.clients.shrink_to_fit();
    }

    /// Whether and where there is a place for `run`.
    pub(super) fn find(&self, run: &Run) -> Finding {
        let end = self.end_of(run.stretch.first.client);
        if run.stretch.end() <= end {
            return Finding::Known;
        }
        if run.stretch.first.clock > end {
            // yrs would take it and note a gap, but in 0.28 it loses elements over that.
            return Finding::Lacks(ElementId {
                client: run.stretch.first.client,
                clock: run.stretch.first.clock - 1,
            });
        }
        match self.depth_of(&run.place) {
            Ok(Some(depth)) if depth <= DEPTH_MAX => Finding::Ready(depth),
            Ok(_) => Finding::Nowhere,
            Err(missing) => Finding::Lacks(missing),
        }
    }

    /// The depth of what lies at `place`, none if nothing can lie there; or an element without
    /// which it is not known.
    fn depth_of(&self, place: &Place) -> Result<Option<u16>, ElementId> {
        let Place::Item {
            left,
            right,
            parent,
        } = *place
        else {
            return Ok(Some(COLLECTED));
        };
        let look_up = |id: ElementId| self.look_up(id).ok_or(id);
        let depth = |id: Option<ElementId>| id.map_or(Ok(COLLECTED), |id| Ok(look_up(id)?.depth));
        let (left, right) = (depth(left)?, depth(right)?);
        Ok(match parent {
            Parent::Root => Some(1),
            Parent::Type(id) => match look_up(id)? {
                holder if holder.kind == Kind::Leaves => None,
                holder if holder.kind == Kind::Deleted || holder.depth == COLLECTED => {
                    Some(COLLECTED)
                }
                holder => Some(holder.depth + 1),
            },
            Parent::OfNeighbours if left == COLLECTED => Some(right),
            Parent::OfNeighbours => Some(left),
        })
    }

    fn look_up(&self, id: ElementId) -> Option<Stretch> {
        let stretches = self.clients.get(&id.client)?;
        let index = stretches.partition_point(|stretch| stretch.end <= id.clock);
        stretches.get(index).copied()
    }

    /// Notes those elements of `run` that are new, for which there is a place at `depth`.
    pub(super) fn note(&mut self, run: &Run, depth: u16) {
        let new = Stretch {
            end: run.stretch.end(),
            depth,
            kind: run.kind,
        };
        let stretches = self.clients.entry(run.stretch.first.client).or_default();
        match stretches.last_mut() {
            Some(last) if last.end >= new.end => {}
            Some(last) if (last.depth, last.kind) == (depth, run.kind) => last.end = new.end,
            _ => stretches.push(new),
        }
    }
}
