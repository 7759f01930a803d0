//! Wakes the driver at a deadline.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::Sleep;

use crate::clock::Clock;
use crate::protocol::Instant;

#[cfg(target_os = "linux")]
mod precise;
#[cfg(not(target_os = "linux"))]
#[path = "alarm/imprecise.rs"]
mod precise;
#[cfg(test)]
mod tests;

use precise::Precise;

/// Nearer deadlines than this are the pacer's: tokio's own timer, which counts milliseconds, would
/// turn an even flow into bursts.
const PRECISE_BELOW: Duration = Duration::from_millis(2);

/// So near a deadline, sleeping takes longer than it lasts: the driver takes another turn.
const AWAKE_BELOW: Duration = Duration::from_micros(20);

/// One timer for the whole endpoint.
///
/// Like [`Timers`](super::timers::Timers), it lets a deadline that moves to a later time pass: it
/// fires early once, rather than being set anew for each packet.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    precise: Precise,
    armed: Option<Instant>,
}

impl Alarm {
    /// Not set.
    pub(crate) fn new() -> Self {
        Self {
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            precise: Precise::new(),
            armed: None,
        }
    }

    /// Wakes the task of `context` no later than about `deadline`. False: that is now.
    pub(crate) fn set(
        &mut self,
        deadline: Option<Instant>,
        now: Instant,
        clock: &Clock,
        context: &mut Context<'_>,
    ) -> bool {
        self.armed = self.armed.filter(|armed| *armed > now);
        let Some(deadline) = deadline else {
            return true;
        };
        let remaining = deadline.since(now);
        if remaining < AWAKE_BELOW {
            return false;
        }
        if self.armed.is_some_and(|armed| armed <= deadline) {
            return true;
        }
        self.armed = Some(deadline);
        if remaining < PRECISE_BELOW
            && let Some(set) = self.precise.set(remaining, context)
        {
            return set;
        }
        self.sleep.as_mut().reset(clock.runtime_time(deadline));
        self.sleep.as_mut().poll(context).is_pending()
    }
}
