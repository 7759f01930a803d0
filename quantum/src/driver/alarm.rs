//! Wakes the driver at a deadline.

use std::pin::Pin;
use std::task::Context;

use tokio::time::Sleep;

use crate::clock::Clock;
use crate::protocol::Instant;

/// One timer of tokio's for the whole endpoint.
///
/// Like [`Timers`](super::timers::Timers), it lets a deadline that moves to a later time pass: it
/// fires early once, rather than being set anew for each packet.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    armed: Option<Instant>,
}

impl Alarm {
    /// Not set.
    pub(crate) fn new() -> Self {
        Self {
            sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            armed: None,
        }
    }

    /// Wakes the task of `context` no later than at `deadline` (as exactly as tokio can: up to a
    /// millisecond late).
    pub(crate) fn set(
        &mut self,
        deadline: Option<Instant>,
        now: Instant,
        clock: &Clock,
        context: &mut Context<'_>,
    ) {
        self.armed = self.armed.filter(|armed| *armed > now);
        let Some(deadline) = deadline else { return };
        if self.armed.is_some_and(|armed| armed <= deadline) {
            return;
        }
        self.armed = Some(deadline);
        self.sleep.as_mut().reset(clock.runtime_time(deadline));
        if self.sleep.as_mut().poll(context).is_ready() {
            self.armed = None;
            context.waker().wake_by_ref();
        }
    }
}
