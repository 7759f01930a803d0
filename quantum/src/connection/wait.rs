//! Tasks that wait for something on a connection.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::cell::{Cell, State};
use crate::protocol::{Direction, StreamId};

/// What a task may wait for, besides bytes on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The handshake is complete.
    Connected,
    /// The connection is closed.
    Closed,
    /// One more stream may be opened.
    StreamsAvailable(Direction),
    /// The peer opened a stream.
    StreamOpened(Direction),
    /// A message arrived.
    MessageReceived,
    /// Another message may be sent.
    MessagesWritable,
    /// A message of this end expired.
    MessageExpired,
    /// Everything sent on the stream arrived, or the peer stopped it.
    SendEnded(StreamId),
}

/// Tasks that wait for one occasion: all are woken, and each looks for itself.
///
/// So a task that gives up waiting takes nothing from the others.
#[derive(Debug, Default)]
pub(crate) struct WaitList {
    /// Made when somebody waits for the first time: most occasions nobody ever waits for.
    wakers: Option<Box<Slab<Waker>>>,
    /// Counts how often all were woken: tickets from before are void.
    epoch: u64,
}

/// Where a task stands in a [`WaitList`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    key: usize,
    epoch: u64,
}

impl WaitList {
    /// Moves everybody to `wakes`.
    pub(crate) fn wake_all(&mut self, wakes: &mut Vec<Waker>) {
        let Some(wakers) = self.wakers.as_deref_mut().filter(|list| !list.is_empty()) else {
            return;
        };
        self.epoch = self.epoch.wrapping_add(1);
        wakes.extend(wakers.drain());
    }

    /// Enters the task of `context`, or renews its entry.
    pub(crate) fn enter(&mut self, ticket: Option<Ticket>, context: &Context<'_>) -> Ticket {
        let wakers = self.wakers.get_or_insert_default();
        if let Some(ticket) = ticket.filter(|ticket| ticket.epoch == self.epoch)
            && let Some(waker) = wakers.get_mut(ticket.key)
        {
            waker.clone_from(context.waker());
            return ticket;
        }
        Ticket {
            key: wakers.insert(context.waker().clone()),
            epoch: self.epoch,
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.wakers.as_ref().map_or(0, |wakers| wakers.len())
    }

    /// The task waits no more.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let wakers = self.wakers.as_deref_mut();
        if let Some(wakers) = wakers.filter(|_| ticket.epoch == self.epoch) {
            wakers.try_remove(ticket.key);
        }
    }
}

/// Tries something each time its occasion comes, until it succeeds.
///
/// Dropped before it is done, it has done nothing.
pub(crate) struct Wait<'a, Attempt> {
    cell: &'a Cell,
    occasion: Occasion,
    ticket: Option<Ticket>,
    attempt: Attempt,
}

impl<'a, Attempt> Wait<'a, Attempt> {
    /// Tries `attempt` now and at each `occasion`.
    pub(crate) fn new(cell: &'a Cell, occasion: Occasion, attempt: Attempt) -> Self {
        Self {
            cell,
            occasion,
            ticket: None,
            attempt,
        }
    }
}

impl<T, Attempt> Future for Wait<'_, Attempt>
where
    Attempt: FnMut(&mut State) -> Poll<T> + Unpin,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        this.cell.act(|state| {
            let outcome = (this.attempt)(state);
            let list = state.list(this.occasion);
            match (list, this.ticket) {
                (Some(list), ticket) if outcome.is_pending() => {
                    this.ticket = Some(list.enter(ticket, context));
                }
                (Some(list), Some(ticket)) => list.leave(ticket),
                _ => {}
            }
            (outcome.is_ready(), outcome)
        })
    }
}

impl<Attempt> Drop for Wait<'_, Attempt> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.cell.lock();
        if let Some(list) = state.list(self.occasion) {
            list.leave(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn everybody_is_woken_once() {
        let mut list = WaitList::default();
        (0..3).for_each(|_| _ = list.enter(None, &context()));
        let mut wakes = Vec::new();
        list.wake_all(&mut wakes);
        assert_eq!(wakes.len(), 3);
        list.wake_all(&mut wakes);
        assert_eq!(wakes.len(), 3);
    }

    #[test]
    fn entering_again_keeps_one_entry() {
        let mut list = WaitList::default();
        let ticket = list.enter(None, &context());
        list.enter(Some(ticket), &context());
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn an_old_ticket_removes_nobody_else() {
        let mut list = WaitList::default();
        let old = list.enter(None, &context());
        list.wake_all(&mut Vec::new());
        list.enter(None, &context());
        list.leave(old);
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn who_leaves_is_not_woken() {
        let mut list = WaitList::default();
        let ticket = list.enter(None, &context());
        list.leave(ticket);
        let mut wakes = Vec::new();
        list.wake_all(&mut wakes);
        assert!(wakes.is_empty());
    }
}
