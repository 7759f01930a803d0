//! Packets: headers, numbers, and what keeps the numbers from being read on the way.
//!
//! A datagram is read in three steps: [`Header::decode`] finds whose packet it is and where it
//! ends; [`PartialHeader::unprotect`] uncovers its number; then its payload can be opened. To
//! write a packet, [`OpenPacket::begin`] writes the header, the caller the payload, then
//! [`OpenPacket::finish`] the length, and after sealing [`OpenPacket::protect`] covers the number.

mod header;
mod negotiation;
mod number;
mod open;
mod unprotect;

#[cfg(test)]
mod tests;

pub(crate) use header::{Header, HeaderError, PartialHeader};
pub(crate) use negotiation::{Retry, VersionNegotiation, write_retry, write_version_negotiation};
pub(crate) use number::EncodedNumber;
pub(crate) use open::{LONG_PACKET_BYTES_MAX, OpenHeader, OpenPacket};
pub(crate) use unprotect::PlainHeader;

/// The version of the protocol: "QTM" and 1.
pub(crate) const VERSION: u32 = 0x5154_4d01;

/// Bytes of cipher text by which header protection is keyed (RFC 9001 section 5.4.2).
pub(crate) const SAMPLE_BYTES: usize = 16;

/// The first byte has a long header (RFC 8999 section 5).
const LONG_HEADER: u8 = 0x80;
/// Set in every packet but Version Negotiation (RFC 9000 section 17.2).
const FIXED_BIT: u8 = 0x40;
/// RFC 9000 section 17.3.1.
const KEY_PHASE_BIT: u8 = 0x04;
/// RFC 9000 sections 17.2 and 17.3.1.
const LONG_RESERVED_BITS: u8 = 0x0c;
const SHORT_RESERVED_BITS: u8 = 0x18;

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

impl PacketKind {
    /// The first byte of the header, without the size of the packet number.
    const fn first_byte(self) -> u8 {
        let long = LONG_HEADER | FIXED_BIT;
        match self {
            Self::Initial => long,
            Self::ZeroRtt => long | 0x10,
            Self::Handshake => long | 0x20,
            Self::OneRtt => FIXED_BIT,
        }
    }
}
