//! Loss in bursts: the two-state model of Gilbert (1960) in the form that loses everything in the
//! bad state and nothing in the good one.

use std::fmt;

use quantum_proto::time::Instant;

use super::window::Active;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Loses datagrams in runs of geometrically distributed length.
#[derive(Debug)]
pub struct GilbertElliott {
    probability: f64,
    mean_burst: f64,
    active: Active,
    bad: bool,
}

impl GilbertElliott {
    /// Loses `probability` of all datagrams (below 1), `mean_burst` (at least 1) in a row on
    /// average.
    #[must_use]
    pub const fn new(probability: f64, mean_burst: f64, active: Active) -> Self {
        Self {
            probability,
            mean_burst,
            active,
            bad: false,
        }
    }

    /// Bursts end after `mean_burst` datagrams, and begin so often that the share comes out.
    fn step(&mut self, random: &mut Random) {
        let leave_bad = 1.0 / self.mean_burst.max(1.0);
        let enter_bad = leave_bad * self.probability / (1.0 - self.probability).max(0.01);
        self.bad = if self.bad {
            !random.chance(leave_bad)
        } else {
            random.chance(enter_bad)
        };
    }
}

impl Element for GilbertElliott {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        self.step(random);
        if !(self.active.includes(now) && self.bad) {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for GilbertElliott {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.probability * 100.0;
        write!(
            f,
            "burst_loss({percent:.2}%, mean {:.1}{})",
            self.mean_burst, self.active
        )
    }
}
