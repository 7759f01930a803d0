//! Which stream sends next: the most urgent, and of equals each in turn.

use std::collections::BTreeMap;

use super::StreamId;
use super::sending::{Purpose, Sending};
use crate::urgency::Urgency;

/// Streams with something to send. Each stream is in each queue at most once.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    repeats: Queue,
    fresh: Queue,
    /// Counts places that were given: a later one is behind an earlier one.
    places: u64,
}

/// Streams by urgency and place.
type Queue = BTreeMap<(Urgency, u64), StreamId>;

/// Where a stream stands in the queues.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    repeat: Option<u64>,
    fresh: Option<u64>,
}

impl Places {
    fn of(&mut self, purpose: Purpose) -> &mut Option<u64> {
        match purpose {
            Purpose::Repeat => &mut self.repeat,
            Purpose::Fresh => &mut self.fresh,
        }
    }
}

impl Schedule {
    /// Queues the stream for what it has to send.
    pub(super) fn add(&mut self, id: StreamId, sending: &mut Sending) {
        for purpose in [Purpose::Repeat, Purpose::Fresh] {
            let place = sending.places.of(purpose);
            if place.is_none() && sending.next(purpose, u64::MAX).is_some() {
                self.enter(id, purpose, sending);
            }
        }
    }

    fn enter(&mut self, id: StreamId, purpose: Purpose, sending: &mut Sending) {
        let place = self.places;
        self.places += 1;
        *sending.places.of(purpose) = Some(place);
        self.queue(purpose).insert((sending.urgency, place), id);
    }

    /// The most urgent that may send: repeats first, new bytes if the connection has credit.
    pub(super) fn next(&self, has_credit: bool) -> Option<(Urgency, Purpose)> {
        let repeat = self.repeats.first_key_value();
        let fresh = self.fresh.first_key_value().filter(|_| has_credit);
        let repeat = repeat.map(|((urgency, _), _)| (*urgency, Purpose::Repeat));
        let fresh = fresh.map(|((urgency, _), _)| (*urgency, Purpose::Fresh));
        repeat.into_iter().chain(fresh).min()
    }

    /// The least urgent that may send.
    pub(super) fn last(&self, has_credit: bool) -> Option<Urgency> {
        let repeat = self.repeats.last_key_value();
        let fresh = self.fresh.last_key_value().filter(|_| has_credit);
        let last = repeat.into_iter().chain(fresh);
        last.map(|((urgency, _), _)| *urgency).max()
    }

    /// Who sends next of this urgency.
    pub(super) fn first_of(
        &self,
        urgency: Urgency,
        has_credit: bool,
    ) -> Option<(StreamId, Purpose)> {
        let first = |queue: &Queue| {
            let ((first, _), id) = queue.first_key_value()?;
            if *first == urgency {
                return Some(*id);
            }
            let mut range = queue.range((urgency, 0)..=(urgency, u64::MAX));
            range.next().map(|(_, id)| *id)
        };
        let repeat = first(&self.repeats).map(|id| (id, Purpose::Repeat));
        repeat.or_else(|| {
            let fresh = first(&self.fresh).filter(|_| has_credit);
            fresh.map(|id| (id, Purpose::Fresh))
        })
    }

    /// Takes the stream away: it has nothing to send, or may not.
    pub(super) fn pause(&mut self, purpose: Purpose, sending: &mut Sending) {
        if let Some(place) = sending.places.of(purpose).take() {
            let queue = self.queue(purpose);
            queue.remove(&(sending.urgency, place));
            if queue.is_empty() {
                // An empty map keeps its node, which is half of what an idle stream takes.
                *queue = Queue::new();
            }
        }
    }

    /// Puts the stream, which has sent, behind the others of its urgency, or takes it away.
    pub(super) fn rotate(&mut self, id: StreamId, purpose: Purpose, sending: &mut Sending) {
        let more = sending.next(purpose, u64::MAX).is_some();
        if more && self.is_alone(purpose, sending) {
            return;
        }
        self.pause(purpose, sending);
        if more {
            self.enter(id, purpose, sending);
        }
    }

    fn is_alone(&mut self, purpose: Purpose, sending: &mut Sending) -> bool {
        let urgency = sending.urgency;
        let Some(place) = *sending.places.of(purpose) else {
            return false;
        };
        let queue = self.queue(purpose);
        let is_last = queue.last_key_value().map(|(key, _)| *key) == Some((urgency, place));
        let behind = (urgency, place + 1)..=(urgency, u64::MAX);
        is_last || queue.range(behind).next().is_none()
    }

    /// From now on the stream stands behind those of another urgency.
    pub(super) fn set_urgency(&mut self, id: StreamId, urgency: Urgency, sending: &mut Sending) {
        self.remove(sending);
        sending.urgency = urgency;
        self.add(id, sending);
    }

    /// The stream sends no more.
    pub(super) fn remove(&mut self, sending: &mut Sending) {
        self.pause(Purpose::Repeat, sending);
        self.pause(Purpose::Fresh, sending);
    }

    /// Whether something waits for credit of the connection.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    fn queue(&mut self, purpose: Purpose) -> &mut Queue {
        match purpose {
            Purpose::Repeat => &mut self.repeats,
            Purpose::Fresh => &mut self.fresh,
        }
    }
}
