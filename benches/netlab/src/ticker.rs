//! Wakes a task at a time of the machine's clock: the runtime's own timers are a millisecond wide.

use std::os::fd::OwnedFd;

use netlab::clock::monotonic;
use rustix::io::read;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::Failure;

/// A timer of the kernel.
pub(crate) struct Ticker(AsyncFd<OwnedFd>);

impl Ticker {
    pub(crate) fn new() -> Result<Self, Failure> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "unsound only for types that may change their descriptor: an `OwnedFd` may not"
        )]
        Ok(Self(AsyncFd::new(timer)?))
    }

    /// Sleeps until `at` on the [`monotonic`] clock; not at all if that is over.
    pub(crate) async fn sleep_until(&mut self, at: u64) -> Result<(), Failure> {
        if at <= monotonic() {
            return Ok(());
        }
        let never = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let once = Itimerspec {
            it_interval: never,
            it_value: Timespec {
                tv_sec: i64::try_from(at / 1_000_000_000)?,
                tv_nsec: i64::try_from(at % 1_000_000_000)?,
            },
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        loop {
            let mut ready = self.0.readable().await?;
            let expired = read(self.0.get_ref(), &mut [0; 8]).is_ok();
            ready.clear_ready();
            if expired {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_never_wakes_early() {
        let mut ticker = Ticker::new().unwrap();
        let start = monotonic();
        for step in 1..=20 {
            let at = start + step * 700_000;
            ticker.sleep_until(at).await.unwrap();
            assert!(monotonic() >= at);
        }
    }
}
