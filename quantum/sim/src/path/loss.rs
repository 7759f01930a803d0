//! Random loss: each datagram on its own.

use std::fmt;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Loses each datagram with the same probability.
#[derive(Debug)]
pub struct Loss {
    probability: Schedule<f64>,
    active: Active,
}

impl Loss {
    /// Loses this share of all datagrams.
    #[must_use]
    pub fn new(probability: impl Into<Schedule<f64>>, active: Active) -> Self {
        Self {
            probability: probability.into(),
            active,
        }
    }
}

impl Element for Loss {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if !(self.active.includes(now) && random.chance(self.probability.at(now))) {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("loss(")?;
        let percent = |probability: &f64| format!("{:.2}%", probability * 100.0);
        self.probability.describe(f, percent)?;
        write!(f, "{})", self.active)
    }
}
