//! Random loss: each datagram on its own.

use std::fmt;

use quantum_proto::time::Instant;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Loses each datagram with the same probability.
#[derive(Debug)]
pub struct Loss {
    probability: f64,
    active: Active,
}

impl Loss {
    /// Loses this share of all datagrams.
    #[must_use]
    pub const fn new(probability: f64, active: Active) -> Self {
        Self {
            probability,
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
        if !(self.active.includes(now) && random.chance(self.probability)) {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss({:.2}%{})", self.probability * 100.0, self.active)
    }
}
