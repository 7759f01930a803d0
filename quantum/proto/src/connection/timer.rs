//! All deadlines of a connection, in one table.

use crate::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// A packet is overdue: declare losses or send a probe.
    LossDetection,
    /// Nothing has arrived for too long.
    Idle,
    /// The handshake takes too long.
    Handshake,
    /// The closing or draining period ends.
    Close,
    /// Keys of the phase before the last key update are no longer needed.
    KeyDiscard,
    /// It is time for new keys.
    KeyUpdate,
    /// The peer did not answer from its new address.
    PathValidation,
    /// Show the peer that this end is there.
    KeepAlive,
    /// The pacer lets the next packet go.
    Pacing,
    /// An acknowledgement has been held back long enough.
    AckDelay,
    /// The path may carry larger datagrams by now.
    MtuProbe,
    /// A repair leaves by itself.
    Repair,
    /// No repair has come for long.
    ForgetSymbols,
    /// A message that waits is worth nothing from now on.
    MessageDeadline,
}

impl Timer {
    const COUNT: usize = 14;

    /// Every timer, in the order in which those that expire together are served.
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Close,
        Self::Idle,
        Self::Handshake,
        Self::LossDetection,
        Self::KeyDiscard,
        Self::KeyUpdate,
        Self::PathValidation,
        Self::KeepAlive,
        Self::Pacing,
        Self::AckDelay,
        Self::MtuProbe,
        Self::Repair,
        Self::ForgetSymbols,
        Self::MessageDeadline,
    ];
}

/// When each timer expires.
#[derive(Debug)]
pub(super) struct Timers([Instant; Timer::COUNT]);

impl Timers {
    pub(super) const fn new() -> Self {
        Self([Instant::DISTANT; Timer::COUNT])
    }

    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(super) fn set_or_stop(&mut self, timer: Timer, at: Option<Instant>) {
        self.set(timer, at.unwrap_or(Instant::DISTANT));
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.set(timer, Instant::DISTANT);
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::new();
    }

    /// Whether `timer` is set.
    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Instant::DISTANT
    }

    /// Whether `timer` has expired; it is stopped then.
    pub(super) fn take_expired(&mut self, timer: Timer, now: Instant) -> bool {
        let expired = self.0[timer as usize] <= now && self.is_set(timer);
        if expired {
            self.stop(timer);
        }
        expired
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        let earliest = self.0.iter().copied().min()?;
        (earliest != Instant::DISTANT).then_some(earliest)
    }
}
