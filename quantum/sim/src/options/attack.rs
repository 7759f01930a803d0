//! Who attacks the connection of a run.

use quantum_proto::time::Instant;

use crate::random::Random;

/// An attacker without any key.
#[derive(Clone, Copy, Debug)]
pub struct AttackOptions {
    /// What it sees.
    pub position: Position,
    /// It sends so many datagrams at most.
    pub datagrams: u32,
    /// It stops then.
    pub until: Instant,
}

/// What an attacker sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// Nothing: it knows the addresses, and makes up the rest.
    OffPath,
    /// Every datagram. It cannot stop any, but copies of its own are there first, with this
    /// probability.
    OnPath {
        /// Of a copy of what passes.
        races: f64,
    },
}

impl AttackOptions {
    pub(super) fn draw(random: &mut Random, calm_at: Instant) -> Option<Self> {
        if !random.chance(0.2) {
            return None;
        }
        let position = if random.chance(0.5) {
            Position::OffPath
        } else {
            Position::OnPath {
                races: 0.3 * random.unit(),
            }
        };
        Some(Self {
            position,
            datagrams: u32::try_from(random.logarithmic(10, 300)).unwrap_or(10),
            until: calm_at,
        })
    }
}
