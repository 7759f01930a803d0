//! Aggregation: links that save up datagrams and deliver them together, as radio links do.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Releases datagrams together, once per period.
#[derive(Debug)]
pub struct Aggregate {
    period: Duration,
}

impl Aggregate {
    /// Releases once per `period`.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self { period }
    }

    fn release(&self, now: Instant) -> Instant {
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        let slot = now.as_nanos().div_ceil(period.max(1));
        Instant::from_nanos(slot.saturating_mul(period.max(1)))
    }
}

impl Element for Aggregate {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        outlet.pass(self.release(now), datagram);
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aggregate({:?})", self.period)
    }
}
