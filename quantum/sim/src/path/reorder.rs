//! Reordering: some datagrams take a longer way.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Holds single datagrams back while others pass.
#[derive(Debug)]
pub struct Reorder {
    probability: f64,
    most: Duration,
    active: Active,
}

impl Reorder {
    /// Holds this share of all datagrams back, each up to `most`.
    #[must_use]
    pub const fn new(probability: f64, most: Duration, active: Active) -> Self {
        Self {
            probability,
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
        let held = self.active.includes(now) && random.chance(self.probability);
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
        let percent = self.probability * 100.0;
        write!(f, "reorder({percent:.2}%, {:?}{})", self.most, self.active)
    }
}
