//! Packets, as an observer sees them.

use super::frame::Frame;
use crate::frame::Frames;
use crate::packet::PacketKind;
use crate::recovery::SpaceId;

/// A kind of packet (RFC 9000 section 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PacketType {
    /// The first ones.
    Initial,
    /// The end of the handshake.
    Handshake,
    /// Data before the handshake is complete.
    ZeroRtt,
    /// Data.
    OneRtt,
    /// The server wants a proof of the client's address.
    Retry,
    /// The server speaks another version.
    VersionNegotiation,
}

impl PacketType {
    pub(crate) fn of_space(space: SpaceId) -> Self {
        match space {
            SpaceId::Initial => Self::Initial,
            SpaceId::Handshake => Self::Handshake,
            SpaceId::Data => Self::OneRtt,
        }
    }
}

impl From<PacketKind> for PacketType {
    fn from(kind: PacketKind) -> Self {
        match kind {
            PacketKind::Initial => Self::Initial,
            PacketKind::Handshake => Self::Handshake,
            PacketKind::ZeroRtt => Self::ZeroRtt,
            PacketKind::Short => Self::OneRtt,
            PacketKind::Retry => Self::Retry,
            PacketKind::VersionNegotiation => Self::VersionNegotiation,
        }
    }
}

/// A packet that was sent or received.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// Its kind.
    pub packet_type: PacketType,
    /// Its number; Retry has none.
    pub number: Option<u64>,
    /// Its size, header and tag included.
    pub bytes: usize,
    pub(crate) payload: &'a [u8],
    /// What turns the delay of an ACK frame into microseconds.
    pub(crate) ack_delay_exponent: u64,
}

impl<'a> Packet<'a> {
    /// What it carries, in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'a>> + use<'a> {
        let exponent = self.ack_delay_exponent;
        Frames::new(self.payload)
            .map_while(Result::ok)
            .map(move |frame| Frame::of(frame, exponent))
    }

    /// Bytes of its frames.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload.len()
    }
}

/// Something that arrived and was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Its kind, if that could be read.
    pub packet_type: Option<PacketType>,
    /// Its number, if that could be read.
    pub number: Option<u64>,
    /// Its size.
    pub bytes: usize,
    /// Why.
    pub reason: DropReason,
}

/// Why something that arrived was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// It came from an address that the peer cannot have now.
    Address,
    /// It is no packet.
    Unreadable,
    /// It is not authentic, or its keys are gone.
    NotAuthentic,
    /// It was there before, or comes too late to tell.
    Duplicate,
    /// A client's Initial packet in a datagram that is too small for one (RFC 9000 section 14.1).
    Small,
}

/// A packet that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Its kind.
    pub packet_type: PacketType,
    /// Its number.
    pub number: u64,
    /// Its size.
    pub bytes: u16,
    /// It only tried whether the path carries datagrams of its size.
    pub mtu_probe: bool,
}
