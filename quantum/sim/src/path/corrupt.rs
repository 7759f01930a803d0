//! Corruption that the checksum of UDP did not catch.

use std::fmt;

use quantum_proto::time::Instant;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Flips bits, and now and then cuts the end off.
#[derive(Debug)]
pub struct Corrupt {
    probability: f64,
    active: Active,
}

impl Corrupt {
    /// Damages this share of all datagrams.
    #[must_use]
    pub const fn new(probability: f64, active: Active) -> Self {
        Self {
            probability,
            active,
        }
    }
}

impl Element for Corrupt {
    fn handle(
        &mut self,
        now: Instant,
        mut datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if self.active.includes(now) && random.chance(self.probability) {
            damage(&mut datagram.bytes, random);
        }
        outlet.pass(now, datagram);
    }
}

/// Flips one to eight bits or, one time in eight, truncates.
pub fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    if random.chance(0.125) {
        bytes.truncate(random.index(bytes.len()));
    }
    for _ in 0..random.within(1..=8) {
        let position = random.index(bytes.len());
        if let Some(byte) = bytes.get_mut(position) {
            *byte ^= 1 << random.below(8);
        }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "corrupt({:.2}%{})",
            self.probability * 100.0,
            self.active
        )
    }
}
