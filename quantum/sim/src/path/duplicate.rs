//! Duplication.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Lets some datagrams arrive twice.
#[derive(Debug)]
pub struct Duplicate {
    probability: f64,
    most: Duration,
    active: Active,
}

impl Duplicate {
    /// Repeats this share of all datagrams, the copy up to `most` later.
    #[must_use]
    pub const fn new(probability: f64, most: Duration, active: Active) -> Self {
        Self {
            probability,
            most,
            active,
        }
    }
}

impl Element for Duplicate {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if self.active.includes(now) && random.chance(self.probability) {
            outlet.pass(now + random.up_to(self.most), datagram.clone());
        }
        outlet.pass(now, datagram);
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.probability * 100.0;
        write!(
            f,
            "duplicate({percent:.2}%, {:?}{})",
            self.most, self.active
        )
    }
}
