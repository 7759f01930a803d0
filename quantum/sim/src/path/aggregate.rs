//! Aggregation: links that save up datagrams and deliver them together, as radio links do.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Releases datagrams together, once per period.
#[derive(Debug)]
pub struct Aggregate {
    period: Schedule<Duration>,
    /// Nothing overtakes what is held back when the period falls.
    last: Instant,
}

impl Aggregate {
    /// Releases once per `period`; [`Duration::ZERO`] holds nothing back.
    #[must_use]
    pub fn new(period: impl Into<Schedule<Duration>>) -> Self {
        Self {
            period: period.into(),
            last: Instant::ORIGIN,
        }
    }

    fn release(&mut self, now: Instant) -> Instant {
        let period = u64::try_from(self.period.at(now).as_nanos()).unwrap_or(u64::MAX);
        let slot = now.as_nanos().div_ceil(period.max(1));
        let at = Instant::from_nanos(slot.saturating_mul(period.max(1)));
        self.last = self.last.max(at);
        self.last
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
        f.write_str("aggregate(")?;
        self.period.describe(f, |period| format!("{period:?}"))?;
        f.write_str(")")
    }
}
