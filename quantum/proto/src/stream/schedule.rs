//! Which stream sends next.
//!
//! Round robin: a stream that sent a frame and has more goes to the back. Urgency would be one more
//! level of queues in here.

use std::collections::VecDeque;

use super::StreamId;
use super::sending::{Purpose, Sending};

/// Streams with something to send. Each stream is in each queue at most once.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    repeats: VecDeque<StreamId>,
    fresh: VecDeque<StreamId>,
}

impl Schedule {
    /// Queues the stream for what it has to send.
    pub(super) fn add(&mut self, id: StreamId, sending: &mut Sending) {
        if !sending.repeat_queued && sending.next(Purpose::Repeat, 0).is_some() {
            sending.repeat_queued = true;
            self.repeats.push_back(id);
        }
        if !sending.fresh_queued && sending.next(Purpose::Fresh, u64::MAX).is_some() {
            sending.fresh_queued = true;
            self.fresh.push_back(id);
        }
    }

    /// Who sends next: repeats first, new bytes if the connection has credit.
    pub(super) fn front(&self, has_credit: bool) -> Option<(StreamId, Purpose)> {
        let repeat = self.repeats.front().map(|&id| (id, Purpose::Repeat));
        repeat.or_else(|| {
            let fresh = self.fresh.front().filter(|_| has_credit);
            fresh.map(|&id| (id, Purpose::Fresh))
        })
    }

    /// Takes the stream at the front away.
    pub(super) fn remove_front(&mut self, purpose: Purpose) {
        self.queue(purpose).pop_front();
    }

    /// Takes the stream at the front away: it has nothing to send, or may not.
    pub(super) fn pause(&mut self, purpose: Purpose, sending: &mut Sending) {
        self.remove_front(purpose);
        match purpose {
            Purpose::Repeat => sending.repeat_queued = false,
            Purpose::Fresh => sending.fresh_queued = false,
        }
    }

    /// Puts the stream at the front, which has sent, behind the others, or takes it away.
    pub(super) fn rotate(&mut self, purpose: Purpose, sending: &mut Sending) {
        let more = sending.next(purpose, u64::MAX).is_some();
        let queue = self.queue(purpose);
        if more && queue.len() > 1 {
            queue.rotate_left(1);
        } else if !more {
            queue.pop_front();
        }
        match purpose {
            Purpose::Repeat => sending.repeat_queued = more,
            Purpose::Fresh => sending.fresh_queued = more,
        }
    }

    /// Whether something waits for credit of the connection.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Whether something can go without credit of the connection.
    pub(super) fn has_repeats(&self) -> bool {
        !self.repeats.is_empty()
    }

    fn queue(&mut self, purpose: Purpose) -> &mut VecDeque<StreamId> {
        match purpose {
            Purpose::Repeat => &mut self.repeats,
            Purpose::Fresh => &mut self.fresh,
        }
    }
}
