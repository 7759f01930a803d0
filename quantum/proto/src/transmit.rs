//! Datagrams on their way out.

use std::net::{IpAddr, SocketAddr};

/// Explicit Congestion Notification mark of a datagram (RFC 3168 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EcnCodepoint {
    /// ECT(0).
    Ect0,
    /// ECT(1).
    Ect1,
    /// Congestion Experienced.
    Ce,
}

/// One or more datagrams to send, all to one destination.
///
/// The bytes are in the buffer that was handed to the call that returned this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// From which local address, if the socket has several.
    pub source: Option<IpAddr>,
    /// The mark to set.
    pub ecn: Option<EcnCodepoint>,
    /// Bytes in the buffer, all datagrams together.
    pub size: usize,
    /// If there are several datagrams: the size of each but the last, which may be smaller.
    pub segment_size: Option<usize>,
}
