//! The largest datagram that passes.

use std::fmt;

use quantum_proto::time::Instant;

use super::schedule::Schedule;
use super::{Element, Outlet};
use crate::datagram::Datagram;
use crate::random::Random;

/// Drops larger datagrams and tells nobody.
#[derive(Debug)]
pub struct Mtu {
    payload_bytes: Schedule<usize>,
}

impl Mtu {
    /// Lets datagrams with up to so many bytes of payload pass.
    #[must_use]
    pub const fn new(payload_bytes: Schedule<usize>) -> Self {
        Self { payload_bytes }
    }
}

impl Element for Mtu {
    fn handle(
        &mut self,
        now: Instant,
        datagram: Datagram,
        _random: &mut Random,
        outlet: &mut Outlet,
    ) {
        if datagram.bytes.len() <= self.payload_bytes.at(now) {
            outlet.pass(now, datagram);
        }
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mtu(")?;
        self.payload_bytes.describe(f, ToString::to_string)?;
        f.write_str(")")
    }
}
