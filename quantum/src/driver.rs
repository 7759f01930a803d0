//! The task that moves an endpoint: one per socket, whatever the number of connections.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::protocol::{ConnectionError, ConnectionHandle, Instant};
use crate::socket::Inbox;

mod alarm;
mod flush;
pub(crate) mod outbox;
mod receive;
pub(crate) mod shared;
mod timers;

use alarm::Alarm;
use outbox::Outbox;
use shared::{Core, Shared};
use timers::Timers;

/// Timers handled in one turn.
const TIMEOUTS_MAX: usize = 512;

/// Moves one endpoint. Ends when no handle of it and no connection is left.
///
/// A turn: send what is waiting, let timers fire, receive a batch. If the batch woke the
/// application, the answer to it (acknowledgements, credit) waits for one pass through the
/// runtime's queue, so that it leaves together with what the application answers. A connection that
/// becomes usable is worth more patience: a client's first request leaves with the end of its
/// handshake, and a server's answer before what it has to say of its own.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    work: Work,
    inbox: Inbox,
    alarm: Alarm,
}

/// What the driver alone holds between turns.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Connections that may have something to send.
    pending: VecDeque<ConnectionHandle>,
    outbox: Outbox,
    /// The socket took nothing more.
    blocked: bool,
    timers: Timers,
    /// Tasks of the application to wake when the turn ends.
    wakes: Vec<Waker>,
    /// A connection has become usable: the task that waits for it, and the one that it starts for
    /// it, go first.
    introduced: bool,
    /// Answers that belong to no connection.
    response: Vec<u8>,
}

/// What comes after a turn.
enum After {
    /// Another one, when others had their turn.
    Turn,
    /// Nothing, until something happens.
    Sleep,
    /// Nothing ever.
    End,
}

impl Driver {
    /// The driver of `shared`, to be spawned.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            work: Work::default(),
            inbox: Inbox::new(),
            alarm: Alarm::new(),
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> After {
        let core = &mut *self.shared.core.lock();
        let work = &mut self.work;
        core.statistics.turns = core.statistics.turns.wrapping_add(1);
        let mut now = self.shared.clock.now();
        self.shared.doorbell.answer(&mut work.pending);
        let mut more = work.fire_timers(core, now);
        if !work.pending.is_empty() || work.blocked {
            more |= work.flush(core, now, context);
            now = self.shared.clock.now();
        }
        if let Poll::Ready(full) = work.receive(core, &self.shared, &mut self.inbox, now, context) {
            // Asking once more has tokio wake the driver for the next datagram.
            more |= full || core.socket.poll_readable(context).is_ready();
            if work.wakes.is_empty() {
                now = self.shared.clock.now();
                more |= work.flush(core, now, context);
            }
        }
        if core.registry.len() == 0 {
            core.idle.wake_all(&mut work.wakes);
            if core.abandoned {
                return After::End;
            }
        }
        let next = work.timers.next();
        more |= !self.alarm.set(next, now, &self.shared.clock, context);
        if more || (!work.blocked && !work.pending.is_empty()) {
            return After::Turn;
        }
        After::Sleep
    }
}

impl Work {
    /// Lets due timers fire. True: there may be more.
    fn fire_timers(&mut self, core: &mut Core, now: Instant) -> bool {
        for _ in 0..TIMEOUTS_MAX {
            let Some(handle) = self.timers.pop_due(now) else {
                return false;
            };
            self.fire(core, handle, now);
        }
        true
    }

    fn fire(&mut self, core: &mut Core, handle: ConnectionHandle, now: Instant) {
        let Some(cell) = core.registry.get(handle) else {
            return;
        };
        let mut state = cell.lock();
        match state.protocol.poll_timeout() {
            Some(deadline) if deadline <= now => {
                state.protocol.handle_timeout(now);
                if !std::mem::replace(&mut state.queued, true) {
                    self.pending.push_back(handle);
                }
            }
            deadline => self.timers.set(handle, deadline),
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.work.introduced) {
            return let_others(context);
        }
        let after = self.turn(context);
        self.work.wakes.drain(..).for_each(Waker::wake);
        match after {
            After::Sleep if self.shared.doorbell.sleep(context) => Poll::Pending,
            After::Sleep | After::Turn if self.work.introduced => let_others(context),
            After::Sleep | After::Turn => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            After::End => Poll::Ready(()),
        }
    }
}

/// Goes on when the tasks that are ready had their turn, the one that `block_on` runs among them:
/// waking oneself would come before it.
fn let_others(context: &mut Context<'_>) -> Poll<()> {
    std::pin::pin!(tokio::task::yield_now()).poll(context)
}

impl Drop for Driver {
    /// The runtime ends, or nobody needs the driver: whoever still waits is told.
    fn drop(&mut self) {
        let mut core = self.shared.core.lock();
        core.closed = true;
        core.incoming.closed = true;
        core.incoming.waiting.wake_all(&mut self.work.wakes);
        core.idle.wake_all(&mut self.work.wakes);
        let handles: Vec<_> = core.registry.iter().map(|(handle, _)| handle).collect();
        for handle in handles {
            let Some(cell) = core.registry.remove(handle) else {
                continue;
            };
            let mut state = cell.lock();
            state.queued = true;
            state.end(ConnectionError::LocallyClosed, &mut self.work.wakes);
        }
        let unaccepted = std::mem::take(&mut core.incoming.queue);
        drop(core);
        drop(unaccepted);
        self.work.wakes.drain(..).for_each(Waker::wake);
    }
}
