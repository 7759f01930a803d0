//! Packets: the unit that is encrypted, acknowledged and lost.

mod header;
mod number;
mod retry;
mod version;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use header::{Plain, ProtectedHeader};
pub(crate) use retry::{Retry, write_retry};
pub(crate) use version::{offers_our_version, write_version_negotiation};
pub(crate) use writer::{Header, PacketWriter};

use crate::frame::Frame;
use crate::recovery::SpaceId;

/// The version of the protocol: "QTM" and 1.
pub(crate) const VERSION: u32 = 0x5154_4d01;

/// What kind a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketKind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    /// 1-RTT: everything after the handshake.
    Short,
}

impl PacketKind {
    /// The space that numbers it; Retry and Version Negotiation have no number.
    pub(crate) const fn space(self) -> SpaceId {
        match self {
            Self::Initial | Self::Retry | Self::VersionNegotiation => SpaceId::Initial,
            Self::Handshake => SpaceId::Handshake,
            Self::ZeroRtt | Self::Short => SpaceId::Data,
        }
    }

    /// Whether a packet of this kind may carry `frame` (Q-FRM-2, RFC 9000 section 12.4).
    #[inline]
    pub(crate) fn permits(self, frame: &Frame<'_>) -> bool {
        match self {
            Self::Short => true,
            Self::ZeroRtt => !matches!(
                frame,
                Frame::Ack(_)
                    | Frame::Crypto { .. }
                    | Frame::HandshakeDone
                    | Frame::NewToken { .. }
                    | Frame::PathResponse { .. }
                    | Frame::RetireConnectionId { .. }
            ),
            _ => matches!(
                frame,
                Frame::Padding
                    | Frame::Ping
                    | Frame::Ack(_)
                    | Frame::Crypto { .. }
                    | Frame::Close {
                        transport: true,
                        ..
                    }
            ),
        }
    }
}

/// A packet cannot be read, and nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPacket;

impl From<crate::wire::UnexpectedEnd> for InvalidPacket {
    fn from(_: crate::wire::UnexpectedEnd) -> Self {
        Self
    }
}

/// Length of a header-protection sample (RFC 9001 section 5.4.2).
pub(crate) const SAMPLE_BYTES: usize = 16;

/// The sample begins where a packet number of the largest size would end.
pub(crate) const NUMBER_BYTES_MAX: usize = 4;
