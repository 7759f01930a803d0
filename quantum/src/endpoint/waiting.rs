//! Tasks that wait for something that concerns the endpoint.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::connection::wait::{Ticket, WaitList};
use crate::driver::shared::{Core, Shared};

/// Like [`Wait`](crate::connection::wait::Wait), with a list of the endpoint's.
pub(super) struct CoreWait<'a, Attempt> {
    shared: &'a Shared,
    list: fn(&mut Core) -> &mut WaitList,
    ticket: Option<Ticket>,
    attempt: Attempt,
}

impl<'a, Attempt> CoreWait<'a, Attempt> {
    /// Tries `attempt` now and whenever `list` is woken.
    pub(super) fn new(
        shared: &'a Shared,
        list: fn(&mut Core) -> &mut WaitList,
        attempt: Attempt,
    ) -> Self {
        Self {
            shared,
            list,
            ticket: None,
            attempt,
        }
    }
}

impl<T, Attempt> Future for CoreWait<'_, Attempt>
where
    Attempt: FnMut(&mut Core) -> Poll<T> + Unpin,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let core = &mut *this.shared.core.lock();
        let outcome = (this.attempt)(core);
        let list = (this.list)(core);
        if outcome.is_pending() {
            this.ticket = Some(list.enter(this.ticket, context));
        } else if let Some(ticket) = this.ticket.take() {
            list.leave(ticket);
        }
        outcome
    }
}

impl<Attempt> Drop for CoreWait<'_, Attempt> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            (self.list)(&mut self.shared.core.lock()).leave(ticket);
        }
    }
}
