//! A timer that counts nanoseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's that the runtime waits for as for a socket.
#[derive(Debug)]
pub(super) struct Precise {
    /// Made when it is first needed: many endpoints never are in such a hurry.
    timer: Option<AsyncFd<OwnedFd>>,
    /// The system has none to give.
    unavailable: bool,
}

impl Precise {
    /// Not set.
    pub(super) fn new() -> Self {
        Self {
            timer: None,
            unavailable: false,
        }
    }

    /// Wakes the task of `context` when `remaining` (not zero) has passed. `Some(false)`: it has
    /// passed; `None`: there is no such timer.
    pub(super) fn set(&mut self, remaining: Duration, context: &mut Context<'_>) -> Option<bool> {
        let outcome = self.try_set(remaining, context);
        outcome.inspect_err(|error| self.give_up(error)).ok()
    }

    fn try_set(&mut self, remaining: Duration, context: &mut Context<'_>) -> io::Result<bool> {
        if self.unavailable {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let timer = match &mut self.timer {
            Some(timer) => timer,
            none => none.insert(new_timer()?),
        };
        // What it fired for before is past: to be forgotten before it can fire anew.
        while let Poll::Ready(guard) = timer.poll_read_ready(context) {
            guard?.clear_ready();
        }
        timerfd_settime(&*timer, TimerfdTimerFlags::empty(), &once(remaining))?;
        Ok(timer.poll_read_ready(context).is_pending())
    }

    fn give_up(&mut self, error: &io::Error) {
        if !self.unavailable {
            tracing::debug!(%error, "no precise timer: milliseconds have to do");
        }
        self.timer = None;
        self.unavailable = true;
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; an owned descriptor keeps both promises"
)]
fn new_timer() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    AsyncFd::with_interest(timer, Interest::READABLE)
}

fn once(remaining: Duration) -> Itimerspec {
    Itimerspec {
        it_interval: NEVER,
        it_value: remaining.try_into().unwrap_or(NEVER),
    }
}

/// Zero disarms.
const NEVER: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};
