//! A host and the state of its driver.

use std::time::Duration;

use quantum_proto::time::Instant;

use crate::datagram::Datagram;
use crate::driver::DriverFaults;
use crate::random::Random;

pub(super) struct Seat<H> {
    pub(super) host: H,
    pub(super) faults: DriverFaults,
    pub(super) random: Random,
    /// When the earliest planned wake-up is.
    pub(super) wake_at: Option<Instant>,
    /// Datagrams in the socket.
    pub(super) inbox: Vec<Datagram>,
    pub(super) inbox_bytes: usize,
    /// The host is to get a turn though no timer is due.
    pub(super) touched: bool,
    /// The time that the host was told last: it never goes back.
    clock: Instant,
    /// Turns in which the timer was due, without time moving on.
    pub(super) repeated_timeouts: u32,
}

impl<H> Seat<H> {
    pub(super) fn new(host: H, faults: DriverFaults, random: Random) -> Self {
        Self {
            host,
            faults,
            random,
            wake_at: None,
            inbox: Vec::new(),
            inbox_bytes: 0,
            touched: true,
            clock: Instant::ORIGIN,
            repeated_timeouts: 0,
        }
    }

    /// Puts a datagram into the socket; false if it is full.
    pub(super) fn accept(&mut self, datagram: Datagram) -> bool {
        let bytes = self.inbox_bytes + datagram.bytes.len();
        if bytes > self.faults.receive_buffer && !self.inbox.is_empty() {
            return false;
        }
        self.inbox_bytes = bytes;
        self.inbox.push(datagram);
        true
    }

    pub(super) fn take_inbox(&mut self) -> Vec<Datagram> {
        self.inbox_bytes = 0;
        std::mem::take(&mut self.inbox)
    }

    /// The time that the host is told: exact when a timer is due, else perhaps a little old.
    pub(super) fn read_clock(&mut self, now: Instant, exact: bool) -> Instant {
        let lag = if exact || !self.faults.active.includes(now) {
            Duration::ZERO
        } else {
            self.random.up_to(self.faults.clock_lag)
        };
        self.clock = self.clock.max(now.before(lag));
        self.clock
    }

    /// When the driver really wakes up for a timer that is due at `due`.
    pub(super) fn wake_up(&mut self, now: Instant, due: Instant) -> Instant {
        if !self.faults.active.includes(now) {
            return due;
        }
        if self.random.chance(self.faults.spurious_wakeups) {
            self.touched = true;
            return now
                + self
                    .random
                    .up_to(due.since(now).min(Duration::from_millis(50)));
        }
        due + self.random.up_to(self.faults.timer_late)
    }

    /// Datagrams to ask for at once: any number is allowed.
    pub(super) fn batch(&mut self, now: Instant) -> usize {
        if self.faults.active.includes(now) {
            1 + self.random.index(self.faults.batch)
        } else {
            self.faults.batch.max(1)
        }
    }
}
