//! What both applications of a run know of each other, outside of the network.

use std::cell::Cell;

use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

/// Who is done, and when the connection was closed.
#[derive(Debug, Default)]
pub struct Shared {
    done: [Cell<bool>; 2],
    closed_at: Cell<Option<Instant>>,
}

impl Shared {
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
