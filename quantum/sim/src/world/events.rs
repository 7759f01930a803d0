//! What will happen, in order: by time, and at one time in the order of planning.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use quantum_proto::time::Instant;

use super::{HostId, PathId};
use crate::datagram::Datagram;

/// Something that will happen.
pub(super) enum Event {
    /// A host asked to be woken.
    Wake(HostId),
    /// A datagram reaches its next element.
    Travel(Box<Travel>),
}

/// A datagram and where it is.
pub(super) struct Travel {
    pub(super) datagram: Datagram,
    pub(super) route: Rc<[PathId]>,
    /// Position in `route`.
    pub(super) leg: usize,
    /// Position in the path there.
    pub(super) stage: usize,
}

impl Travel {
    /// The path that it is about to enter.
    pub(super) fn enters(&self) -> Option<PathId> {
        let path = self.route.get(self.leg).copied();
        path.filter(|_| self.stage == 0)
    }
}

/// The queue of events.
#[derive(Default)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
}

impl Events {
    pub(super) fn push(&mut self, time: Instant, event: Event) {
        let order = self.planned;
        self.planned += 1;
        self.heap.push(Reverse(Planned { time, order, event }));
    }

    pub(super) fn pop(&mut self) -> Option<(Instant, Event)> {
        let Reverse(planned) = self.heap.pop()?;
        Some((planned.time, planned.event))
    }

    pub(super) fn next_time(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(planned)| planned.time)
    }
}

struct Planned {
    time: Instant,
    order: u64,
    event: Event,
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.order).cmp(&(other.time, other.order))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Planned {}
