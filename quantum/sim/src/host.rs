//! What the world expects of a host.

use std::net::SocketAddr;

use quantum_proto::time::Instant;
use quantum_proto::transmit::{EcnCodepoint, Transmit};

use crate::datagram::Datagram;
use crate::violation::Rule;

/// A machine in the world: a transport and its application.
///
/// The world calls it as a driver does: input, then [`Host::run`], then [`Host::poll_transmit`]
/// until it is `None`, then [`Host::poll_timeout`].
pub trait Host {
    /// A datagram arrives. Decryption in place may change `bytes`.
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, bytes: &mut [u8]);

    /// The time that [`Host::poll_timeout`] named is over, or a driver woke up too early.
    fn handle_timeout(&mut self, now: Instant);

    /// The application does what it can. Called once at the beginning too.
    fn run(&mut self, now: Instant);

    /// Datagrams to send, at most `datagrams_max`, appended to the empty `buffer`.
    fn poll_transmit(
        &mut self,
        now: Instant,
        datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Departure>;

    /// When to call [`Host::handle_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;

    /// It has work left: the run is not over.
    fn is_busy(&self) -> bool;

    /// It promises to send no more than three times what it received to an address that has not
    /// proven that somebody is there (RFC 9000 section 8).
    fn limits_amplification(&self) -> bool {
        false
    }

    /// Its own invariants, after everything it did.
    ///
    /// # Errors
    ///
    /// The rule that does not hold, and what was seen.
    fn check(&self, _now: Instant) -> Result<(), (Rule, String)> {
        Ok(())
    }

    /// A datagram passes a path on which this host listens in.
    fn overhear(&mut self, _now: Instant, _datagram: &Datagram) {}
}

/// What is known of a datagram that arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// From where.
    pub source: SocketAddr,
    /// To which of the host's addresses.
    pub destination: SocketAddr,
    /// Its mark.
    pub ecn: Option<EcnCodepoint>,
}

/// Datagrams that leave.
#[derive(Clone, Copy, Debug)]
pub struct Departure {
    /// From which address; an attacker may name any.
    pub source: SocketAddr,
    /// The rest.
    pub transmit: Transmit,
}
