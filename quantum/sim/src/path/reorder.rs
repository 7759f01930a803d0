//! Reordering: some datagrams take a longer way.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Holds single datagrams back while others pass.
#[derive(Debug)]
pub struct Reorder {
    probability: Schedule<f64>,
    most: Duration,
    active: Active,
}

impl Reorder {
    /// Holds this share of all datagrams back, each up to `most`.
    #[must_use]
    pub fn new(probability: impl Into<Schedule<f64>>, most: Duration, active: Active) -> Self {
        Self {
            probability: probability.into(),
            most,
            active,
        }
    }
}

impl Element for Reorder {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        let held = self.active.includes(now) && random.chance(self.probability.at(now));
        let wait = if held {
            random.up_to(self.most)
        } else {
            Duration::ZERO
        };
        outlet.pass(now + wait, datagram);
    }
}

impl fmt::Display for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reorder(")?;
        let percent = |probability: &f64| format!("{:.2}%", probability * 100.0);
        self.probability.describe(f, percent)?;
        write!(f, ", {:?}{})", self.most, self.active)
    }
}
