//! Propagation delay.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Each datagram takes the same time, which may change; none overtakes another.
#[derive(Debug)]
pub struct Delay {
    delay: Schedule<Duration>,
    last: Instant,
}

impl Delay {
    /// Takes this long.
    #[must_use]
    pub const fn new(delay: Schedule<Duration>) -> Self {
        Self {
            delay,
            last: Instant::ORIGIN,
        }
    }
}

impl Element for Delay {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        self.last = self.last.max(now + self.delay.at(now));
        outlet.pass(self.last, datagram);
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("delay(")?;
        self.delay.describe(f, |delay| format!("{delay:?}"))?;
        f.write_str(")")
    }
}
