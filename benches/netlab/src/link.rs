//! One direction of the link, in virtual time: a drop-tail queue, a transmitter, loss, delay, jitter.
//!
//! A packet that finds room in the queue waits for those before it, takes `length / rate` to be sent,
//! may then be lost (it has used the link), and arrives after the delay. Time is nanoseconds since an
//! origin chosen by the caller.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::loss::{Loss, LossProcess};

/// What one direction of the link does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkSettings {
    /// Bits of IP packets per second; `None`: no limit, and no queue.
    pub rate: Option<u64>,
    /// Time from the last bit sent to the packet's arrival.
    pub delay: Duration,
    /// Each packet takes up to this much longer, evenly distributed.
    pub jitter: Duration,
    /// Whether jitter may change the order of packets.
    pub reorder: bool,
    /// Bytes the queue holds, the packet under transmission included; `None`: any number.
    pub queue: Option<u64>,
    /// What is lost after the queue.
    pub loss: Loss,
}

/// Bits in a byte times nanoseconds in a second: bytes to nanoseconds at a rate in bits per second.
const BIT_NANOSECONDS: u128 = 8_000_000_000;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives {
        /// When.
        at: u64,
        /// How long it waited in the queue.
        queued: u64,
    },
    /// It was sent and lost on the way.
    Lost {
        /// How long it waited in the queue.
        queued: u64,
    },
    /// The queue had no room.
    QueueFull,
}

/// The state of one direction.
#[derive(Debug)]
pub struct Link {
    settings: LinkSettings,
    transmitter: Transmitter,
    loss: LossProcess,
    /// Apart, so that jitter does not change which packets are lost.
    loss_random: Xoshiro256PlusPlus,
    jitter_random: Xoshiro256PlusPlus,
    last_arrival: u64,
}

impl Link {
    /// An idle link. The same seed and the same packets at the same times meet the same fates.
    pub fn new(settings: LinkSettings, seed: u64) -> Self {
        Self {
            settings,
            transmitter: Transmitter::default(),
            loss: LossProcess::new(settings.loss),
            loss_random: Xoshiro256PlusPlus::seed_from_u64(seed),
            jitter_random: Xoshiro256PlusPlus::seed_from_u64(!seed),
            last_arrival: 0,
        }
    }

    /// A packet of `length` bytes enters at `now`, which never goes back.
    pub fn offer(&mut self, now: u64, length: usize) -> Fate {
        let length = length as u64;
        let Some((queued, sent)) = self.transmit(now, length) else {
            return Fate::QueueFull;
        };
        if self.loss.draw(sent, &mut self.loss_random) {
            return Fate::Lost { queued };
        }
        let at = self.arrival(sent);
        Fate::Arrives { at, queued }
    }

    /// Time in the queue and the time at which the last bit is sent, or `None` if there is no room.
    fn transmit(&mut self, now: u64, length: u64) -> Option<(u64, u64)> {
        let Some(rate) = self.settings.rate else {
            return Some((0, now));
        };
        let backlog = self.transmitter.backlog(now, rate);
        let limit = self.settings.queue.unwrap_or(u64::MAX);
        if backlog.saturating_add(length) > limit {
            return None;
        }
        Some(self.transmitter.send(now, length, rate))
    }

    fn arrival(&mut self, sent: u64) -> u64 {
        let jitter = nanoseconds(self.settings.jitter);
        let extra = if jitter == 0 {
            0
        } else {
            self.jitter_random.random_range(0..=jitter)
        };
        let at = sent + nanoseconds(self.settings.delay) + extra;
        if self.settings.reorder {
            return at;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }
}

/// Sends one packet after the other at a rate.
#[derive(Debug, Default)]
struct Transmitter {
    busy_until: u64,
    /// What the division by the rate left over, so that no rate drifts.
    remainder: u128,
}

impl Transmitter {
    /// Bytes not sent yet, rounded up.
    fn backlog(&self, now: u64, rate: u64) -> u64 {
        let ahead = u128::from(self.busy_until.saturating_sub(now));
        u64::try_from((ahead * u128::from(rate)).div_ceil(BIT_NANOSECONDS)).unwrap_or(u64::MAX)
    }

    /// The time that the packet waits, and when its last bit is sent.
    fn send(&mut self, now: u64, length: u64, rate: u64) -> (u64, u64) {
        if self.busy_until <= now {
            self.busy_until = now;
            self.remainder = 0;
        }
        let queued = self.busy_until - now;
        let rate = u128::from(rate.max(1));
        let work = u128::from(length) * BIT_NANOSECONDS + self.remainder;
        self.remainder = work % rate;
        self.busy_until += u64::try_from(work / rate).unwrap_or(u64::MAX);
        (queued, self.busy_until)
    }
}

/// Nanoseconds, at most 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
