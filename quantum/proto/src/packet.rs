//! Packets: headers, numbers, and what keeps the numbers from being read on the way.

/// A kind of packet that carries frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PacketKind {
    /// Starts the handshake, under keys that everybody can derive.
    Initial,
    /// Early data of a client that was here before.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// Everything after it.
    OneRtt,
}
