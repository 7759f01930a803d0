//! Control frames of streams that wait to be sent.
//!
//! An entry names state, not a value: what is sent is the state at the time of sending.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::{Direction, StreamId};

/// One frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Control {
    MaxData,
    MaxStreamData(StreamId),
    MaxStreams(Direction),
    ResetStream(StreamId),
    StopSending(StreamId),
    DataBlocked,
    StreamDataBlocked(StreamId),
    StreamsBlocked(Direction),
}

/// Frames to send in order, each at most once.
#[derive(Debug, Default)]
pub(super) struct Controls {
    queue: VecDeque<Control>,
    queued: FxHashSet<Control>,
}

impl Controls {
    pub(super) fn push(&mut self, control: Control) {
        if self.queued.insert(control) {
            self.queue.push_back(control);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Control> {
        let control = self.queue.pop_front()?;
        self.queued.remove(&control);
        Some(control)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
