//! Network address translation: the other side sees another address than the sender has, and it
//! may change at any time.

use std::fmt;
use std::net::SocketAddr;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// A translator with one host behind it. Its two elements go into the two directions.
#[derive(Clone, Debug)]
pub struct Nat {
    inside: SocketAddr,
    outside: Schedule<SocketAddr>,
    beside: Vec<SocketAddr>,
}

impl Nat {
    /// The host at `inside` is seen as `outside`. When the schedule changes, the old mapping
    /// stops to work.
    #[must_use]
    pub fn new(inside: SocketAddr, outside: impl Into<Schedule<SocketAddr>>) -> Self {
        Self {
            inside,
            outside: outside.into(),
            beside: Vec::new(),
        }
    }

    /// The host has these addresses too, on networks without a translator.
    #[must_use]
    pub fn beside(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.beside = addresses;
        self
    }

    /// For the direction away from the host.
    #[must_use]
    pub fn outward(&self) -> NatOutward {
        NatOutward(self.clone())
    }

    /// For the direction to the host.
    #[must_use]
    pub fn inward(&self) -> NatInward {
        NatInward(self.clone())
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as ", self.inside)?;
        self.outside.describe(f, ToString::to_string)
    }
}

/// Changes the source of what leaves.
#[derive(Debug)]
pub struct NatOutward(Nat);

impl Element for NatOutward {
    fn handle(
        &mut self,
        now: Instant,
        mut datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if datagram.source == self.0.inside {
            datagram.source = self.0.outside.at(now);
        }
        outlet.pass(now, datagram);
    }
}

impl fmt::Display for NatOutward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nat_outward(")?;
        self.0.describe(f)?;
        f.write_str(")")
    }
}

/// Changes the destination of what arrives; what is for another address than the current one is
/// for nobody.
#[derive(Debug)]
pub struct NatInward(Nat);

impl Element for NatInward {
    fn handle(
        &mut self,
        now: Instant,
        mut datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if datagram.destination == self.0.outside.at(now) {
            datagram.destination = self.0.inside;
            outlet.pass(now, datagram);
        } else if self.0.beside.contains(&datagram.destination) {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for NatInward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nat_inward(")?;
        self.0.describe(f)?;
        f.write_str(")")
    }
}
