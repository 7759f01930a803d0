//! What both applications of a run know of each other, outside of the network.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use std::time::Duration;

use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

/// Who is done, and when the connection was closed.
#[derive(Debug, Default)]
pub struct Shared {
    done: [Cell<bool>; 2],
    closed_at: Cell<Option<Instant>>,
    /// When the messages of each side were accepted, by their index.
    accepted: [RefCell<BTreeMap<usize, Instant>>; 2],
    doubt: Doubt,
}

/// How far the ends can be wrong about delays, beside what the path hides from them.
#[derive(Clone, Copy, Debug)]
pub struct Doubt {
    /// Their clocks show the time as late as this.
    pub clock_lag: Duration,
    /// From then on the path may be another one.
    pub path_changes_at: Instant,
}

impl Default for Doubt {
    fn default() -> Self {
        Self {
            clock_lag: Duration::ZERO,
            path_changes_at: Instant::DISTANT,
        }
    }
}

impl Shared {
    /// Nobody has done anything.
    #[must_use]
    pub fn new(doubt: Doubt) -> Self {
        Self {
            doubt,
            ..Self::default()
        }
    }

    pub(super) fn doubt(&self) -> Doubt {
        self.doubt
    }

    pub(super) fn set_accepted(&self, side: Side, index: usize, now: Instant) {
        self.accepted[side as usize].borrow_mut().insert(index, now);
    }

    pub(super) fn accepted(&self, side: Side, index: usize) -> Option<Instant> {
        self.accepted[side as usize].borrow().get(&index).copied()
    }

    pub(super) fn set_done(&self, side: Side, done: bool) {
        self.done[side as usize].set(done);
    }

    /// Both sides have done everything but close.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.done.iter().all(Cell::get)
    }

    pub(super) fn set_closed_at(&self, now: Instant) {
        self.closed_at.set(Some(now));
    }

    pub(super) fn closed_at(&self) -> Option<Instant> {
        self.closed_at.get()
    }
}
