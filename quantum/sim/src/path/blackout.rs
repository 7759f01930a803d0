//! Times in which nothing passes.

use std::fmt;
use std::ops::Range;

use quantum_proto::time::Instant;

use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Drops everything during some intervals.
#[derive(Debug)]
pub struct Blackout {
    intervals: Vec<Range<Instant>>,
}

impl Blackout {
    /// Drops everything during these intervals.
    #[must_use]
    pub const fn new(intervals: Vec<Range<Instant>>) -> Self {
        Self { intervals }
    }
}

impl Element for Blackout {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if !self
            .intervals
            .iter()
            .any(|interval| interval.contains(&now))
        {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("blackout(")?;
        for interval in &self.intervals {
            let start = interval.start.since(Instant::ORIGIN).as_secs_f64();
            let end = interval.end.since(Instant::ORIGIN).as_secs_f64();
            write!(f, "[{start:.3}s-{end:.3}s]")?;
        }
        f.write_str(")")
    }
}
