//! A policer: a token bucket that drops what exceeds it instead of queueing it.

use std::fmt;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;
use crate::units::BitRate;

/// Drops what exceeds a rate.
#[derive(Debug)]
pub struct Policer {
    rate: Schedule<BitRate>,
    burst: u64,
    /// Credit in bytes, as of `updated`.
    tokens: u64,
    updated: Instant,
}

impl Policer {
    /// Lets `rate` pass, and `burst` bytes at once after a pause.
    #[must_use]
    pub const fn new(rate: Schedule<BitRate>, burst: u64) -> Self {
        Self {
            rate,
            burst,
            tokens: burst,
            updated: Instant::ORIGIN,
        }
    }

    /// Adds the credit of the time that has passed; what is less than a byte stays for later.
    fn refill(&mut self, now: Instant) {
        let rate = self.rate.at(now);
        let earned = rate.bytes_in(now - self.updated);
        if earned == 0 {
            return;
        }
        let spent_time = rate.time_for(earned);
        self.updated = now.min(self.updated + spent_time);
        self.tokens = self.tokens.saturating_add(earned).min(self.burst);
    }
}

impl Element for Policer {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        self.refill(now);
        if let Some(left) = self.tokens.checked_sub(datagram.wire_bytes()) {
            self.tokens = left;
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for Policer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("police(")?;
        self.rate.describe(f, |rate| format!("{} bit/s", rate.0))?;
        write!(f, ", burst {})", self.burst)
    }
}
