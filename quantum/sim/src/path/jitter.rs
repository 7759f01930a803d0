//! Delay that varies from datagram to datagram.

use std::fmt;
use std::time::Duration;

use quantum_proto::time::Instant;

use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Whether datagrams may overtake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Never: a slow datagram holds up those behind it.
    Kept,
    /// Yes.
    Free,
}

/// Adds a random, uniformly distributed delay.
#[derive(Debug)]
pub struct Jitter {
    most: Duration,
    order: Order,
    last: Instant,
}

impl Jitter {
    /// Adds up to `most`.
    #[must_use]
    pub const fn new(most: Duration, order: Order) -> Self {
        Self {
            most,
            order,
            last: Instant::ORIGIN,
        }
    }
}

impl Element for Jitter {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        random: &mut Random,
        outlet: &mut Outlet,
    ) {
        let mut time = now + random.up_to(self.most);
        if self.order == Order::Kept {
            time = time.max(self.last);
            self.last = time;
        }
        outlet.pass(time, datagram);
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jitter({:?}, order {:?})", self.most, self.order)
    }
}
