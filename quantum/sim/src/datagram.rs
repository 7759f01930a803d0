//! A datagram under way.

use std::net::SocketAddr;

use quantum_proto::time::Instant;
use quantum_proto::transmit::EcnCodepoint;

use crate::world::HostId;

/// IPv4 and UDP headers: what a datagram costs on a link besides its payload.
pub const HEADER_BYTES: usize = 28;

/// A datagram under way, as an element of a path sees it.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// From where, as the next element sees it: network address translation changes it.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// Its mark.
    pub ecn: Option<EcnCodepoint>,
    /// Payload.
    pub bytes: Vec<u8>,
    /// Who sent it, whatever `source` says.
    pub origin: HostId,
    /// The destination that the sender gave.
    pub addressed_to: SocketAddr,
    /// When it was sent.
    pub sent_at: Instant,
}

impl Datagram {
    /// What it costs on a link.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        (self.bytes.len() + HEADER_BYTES) as u64
    }
}
