//! The driver of a host, with the faults that real ones have: timers that fire late, wake-ups
//! without a reason, clocks read too early, whole processes that stand still.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use quantum_proto::time::Instant;

use crate::path::window::Active;

/// What is wrong with a driver. The default is a perfect one.
#[derive(Clone, Debug)]
pub struct DriverFaults {
    /// When `timer_late`, `spurious_wakeups` and `clock_lag` are at work.
    pub active: Active,
    /// Timers fire up to so much late.
    pub timer_late: Duration,
    /// With this probability the driver wakes up before the timer is due, and says it was.
    pub spurious_wakeups: f64,
    /// Datagrams are handed over with a time up to so much in the past.
    pub clock_lag: Duration,
    /// The process stands still: datagrams wait in the socket, timers are late.
    pub stalls: Vec<Range<Instant>>,
    /// Bytes that wait in the socket; what exceeds them is dropped.
    pub receive_buffer: usize,
    /// Datagrams asked for at once.
    pub batch: usize,
    /// Datagrams sent before the driver turns to something else for [`DriverFaults::pause`].
    pub turn: usize,
    /// How long it is away.
    pub pause: Duration,
}

impl Default for DriverFaults {
    fn default() -> Self {
        Self {
            active: Active::always(),
            timer_late: Duration::ZERO,
            spurious_wakeups: 0.0,
            clock_lag: Duration::ZERO,
            stalls: Vec::new(),
            receive_buffer: 4 << 20,
            batch: 64,
            turn: 1024,
            pause: Duration::from_micros(10),
        }
    }
}

impl DriverFaults {
    /// If the process stands still at `now`: until when.
    pub(crate) fn stalled_until(&self, now: Instant) -> Option<Instant> {
        let stall = self.stalls.iter().find(|stall| stall.contains(&now));
        stall.map(|stall| stall.end)
    }
}

impl fmt::Display for DriverFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "late {:?}, spurious {:.2}, lag {:?}{}, batch {}, turn {} then {:?}, socket {}",
            self.timer_late,
            self.spurious_wakeups,
            self.clock_lag,
            self.active,
            self.batch,
            self.turn,
            self.pause,
            self.receive_buffer
        )?;
        for stall in &self.stalls {
            let start = stall.start.since(Instant::ORIGIN).as_secs_f64();
            write!(
                f,
                ", stalls at {start:.3}s for {:?}",
                stall.end - stall.start
            )?;
        }
        Ok(())
    }
}
