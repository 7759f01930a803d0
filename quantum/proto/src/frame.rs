//! Frames: what packets are made of.
//!
//! [`Frames`] reads them from a payload; `encode` has a function for each that writes it.

mod ack;
mod decode;
mod encode;
mod kind;

#[cfg(test)]
mod tests;

pub(crate) use decode::{FrameError, Frames};
pub(crate) use encode::*;

use crate::connection_id::{ConnectionId, ResetToken};
use crate::packet::PacketKind;
use crate::stream::{Direction, StreamId};

/// One frame, borrowing its data from the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// One or more bytes of padding.
    Padding,
    Ping,
    Ack(Ack<'a>),
    ResetStream {
        id: StreamId,
        error: u64,
        final_size: u64,
    },
    StopSending {
        id: StreamId,
        error: u64,
    },
    Crypto {
        offset: u64,
        data: &'a [u8],
    },
    NewToken {
        token: &'a [u8],
    },
    Stream(Stream<'a>),
    MaxData {
        bytes: u64,
    },
    MaxStreamData {
        id: StreamId,
        bytes: u64,
    },
    MaxStreams {
        direction: Direction,
        count: u64,
    },
    DataBlocked {
        limit: u64,
    },
    StreamDataBlocked {
        id: StreamId,
        limit: u64,
    },
    StreamsBlocked {
        direction: Direction,
        limit: u64,
    },
    NewConnectionId(NewConnectionId),
    RetireConnectionId {
        sequence: u64,
    },
    PathChallenge {
        data: [u8; 8],
    },
    PathResponse {
        data: [u8; 8],
    },
    /// `transport`: the error is the protocol's; otherwise the application's.
    Close {
        transport: bool,
        error: u64,
        frame_type: u64,
        reason: &'a [u8],
    },
    HandshakeDone,
    AckFrequency(AckFrequency),
    ImmediateAck,
    Message(Message<'a>),
    /// A message will not be completed; `size` is what it counts against the message credit.
    ResetMessage {
        id: u64,
        size: u64,
    },
    MaxMessageData {
        bytes: u64,
    },
    MessageDataBlocked {
        limit: u64,
    },
    /// A reserved type that carries nothing: receivers skip it (keeps extension points usable).
    Grease,
}

impl Frame<'_> {
    /// The packet that carries the frame has to be acknowledged (RFC 9002 section 2).
    #[inline]
    pub(crate) const fn is_ack_eliciting(&self) -> bool {
        !matches!(self, Self::Padding | Self::Ack(_) | Self::Close { .. })
    }

    /// A packet of such frames alone probes a path and does not move the connection to it
    /// (RFC 9000 section 9.1).
    pub(crate) const fn is_probing(&self) -> bool {
        matches!(
            self,
            Self::Padding
                | Self::NewConnectionId(_)
                | Self::PathChallenge { .. }
                | Self::PathResponse { .. }
        )
    }

    /// A packet of this kind may carry the frame (RFC 9000 section 12.4, table 3, and what
    /// section 12.5 takes away from 0-RTT packets).
    #[inline]
    pub(crate) const fn is_allowed_in(&self, packet: PacketKind) -> bool {
        match packet {
            PacketKind::OneRtt => true,
            PacketKind::ZeroRtt => !self.is_barred_from_early_data(),
            PacketKind::Initial | PacketKind::Handshake => matches!(
                self,
                Self::Padding
                    | Self::Ping
                    | Self::Ack(_)
                    | Self::Crypto { .. }
                    | Self::Close {
                        transport: true,
                        ..
                    }
            ),
        }
    }

    const fn is_barred_from_early_data(&self) -> bool {
        matches!(
            self,
            Self::Ack(_)
                | Self::Crypto { .. }
                | Self::NewToken { .. }
                | Self::RetireConnectionId { .. }
                | Self::PathResponse { .. }
                | Self::HandshakeDone
        )
    }
}

/// STREAM: bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream<'a> {
    pub(crate) id: StreamId,
    pub(crate) offset: u64,
    pub(crate) fin: bool,
    pub(crate) data: &'a [u8],
}

/// MESSAGE: bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Counts the messages of one direction from zero.
    pub(crate) id: u64,
    /// Size of the whole message in bytes.
    pub(crate) size: u64,
    pub(crate) reliable: bool,
    pub(crate) offset: u64,
    pub(crate) data: &'a [u8],
}

/// ACK: which packets arrived. Ranges are read by [`Ack::ranges`], newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ack<'a> {
    pub(crate) largest: u64,
    /// In units of 2^`ack_delay_exponent` microseconds.
    pub(crate) delay: u64,
    /// Encoded ranges, checked when the frame was decoded.
    pub(crate) encoded_ranges: &'a [u8],
    /// Packets directly below `largest` that arrived too.
    pub(crate) first_range: u64,
    /// Ranges in `encoded_ranges`: those after the first.
    pub(crate) range_count: u64,
    pub(crate) ecn: Option<EcnCounts>,
}

/// How many packets arrived with each ECN mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EcnCounts {
    pub(crate) ect0: u64,
    pub(crate) ect1: u64,
    pub(crate) ce: u64,
}

/// NEW_CONNECTION_ID: another name under which the sender of the frame can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewConnectionId {
    pub(crate) sequence: u64,
    pub(crate) retire_prior_to: u64,
    pub(crate) id: ConnectionId,
    pub(crate) reset_token: ResetToken,
}

/// ACK_FREQUENCY (draft-ietf-quic-ack-frequency).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckFrequency {
    pub(crate) sequence: u64,
    pub(crate) ack_eliciting_threshold: u64,
    /// Microseconds.
    pub(crate) request_max_ack_delay: u64,
    pub(crate) reordering_threshold: u64,
}
