//! Frames: what packets are made of.

mod decode;
mod encode;
mod ranges;
mod whole;

#[cfg(test)]
mod tests;

pub(crate) use decode::Frames;
pub(crate) use encode::*;

use std::time::Duration;

use crate::connection_id::{ConnectionId, ResetToken};
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
        /// See [`reset_reason`].
        reason: u64,
    },
    MaxMessageData {
        bytes: u64,
    },
    MessageDataBlocked {
        limit: u64,
    },
    Repair(Repair<'a>),
    /// A lost packet was rebuilt: what it carried of streams and messages has arrived.
    Recovered {
        number: u64,
    },
    MessagesExpired(MessagesExpired),
    Timestamp(Timestamp),
    /// A reserved type that carries nothing: receivers skip it (keeps extension points usable).
    Grease,
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
    /// Tenths of a millisecond that the packet may take more than on an empty path, if the message
    /// has a deadline (Q-DLN-3).
    pub(crate) slack: Option<u64>,
    pub(crate) data: &'a [u8],
}

/// REPAIR: a combination of the symbols of packets (Q-FEC-2). With a distance of 0 it covers nothing,
/// and announces that others will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repair<'a> {
    /// How far the newest packet that it covers is behind its own.
    pub(crate) distance: u64,
    /// Bit i: the packet i + 1 before the newest is covered.
    pub(crate) window: u64,
    pub(crate) data: &'a [u8],
}

impl Repair<'_> {
    /// How many packets it covers.
    pub(crate) fn packets(&self) -> u32 {
        match self.distance {
            0 => 0,
            _ => self.window.count_ones() + 1,
        }
    }
}

/// MESSAGES_EXPIRED: totals since the connection began (Q-DLN-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessagesExpired {
    /// The sender's own that expired before they had an id.
    pub(crate) unsent: u64,
    /// The other end's that were late at the sender of the frame.
    pub(crate) late: u64,
}

/// TIMESTAMP: when a packet was assembled (Q-DLN-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    /// Tenths of a millisecond on its sender's clock.
    pub(crate) time: u64,
    /// How often the path had changed.
    pub(crate) path: u64,
}

/// ACK: which packets arrived. Ranges are read by [`Ack::ranges`], newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ack<'a> {
    pub(crate) largest: u64,
    /// In units of 2^`ack_delay_exponent` microseconds.
    pub(crate) delay: u64,
    /// Encoded ranges, checked when the frame was decoded.
    pub(crate) encoded_ranges: &'a [u8],
    pub(crate) first_range: u64,
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

/// Types of frames (RFC 9000 section 19 below 0x20; ours from 0x3f on).
pub(crate) mod kind {
    pub(crate) const PADDING: u64 = 0x00;
    pub(crate) const PING: u64 = 0x01;
    pub(crate) const ACK: u64 = 0x02;
    pub(crate) const ACK_ECN: u64 = 0x03;
    pub(crate) const RESET_STREAM: u64 = 0x04;
    pub(crate) const STOP_SENDING: u64 = 0x05;
    pub(crate) const CRYPTO: u64 = 0x06;
    pub(crate) const NEW_TOKEN: u64 = 0x07;
    pub(crate) const STREAM: u64 = 0x08;
    pub(crate) const STREAM_LAST: u64 = 0x0f;
    pub(crate) const STREAM_FIN: u64 = 0x01;
    pub(crate) const STREAM_LENGTH: u64 = 0x02;
    pub(crate) const STREAM_OFFSET: u64 = 0x04;
    pub(crate) const MAX_DATA: u64 = 0x10;
    pub(crate) const MAX_STREAM_DATA: u64 = 0x11;
    pub(crate) const MAX_STREAMS_BIDI: u64 = 0x12;
    pub(crate) const MAX_STREAMS_UNI: u64 = 0x13;
    pub(crate) const DATA_BLOCKED: u64 = 0x14;
    pub(crate) const STREAM_DATA_BLOCKED: u64 = 0x15;
    pub(crate) const STREAMS_BLOCKED_BIDI: u64 = 0x16;
    pub(crate) const STREAMS_BLOCKED_UNI: u64 = 0x17;
    pub(crate) const NEW_CONNECTION_ID: u64 = 0x18;
    pub(crate) const RETIRE_CONNECTION_ID: u64 = 0x19;
    pub(crate) const PATH_CHALLENGE: u64 = 0x1a;
    pub(crate) const PATH_RESPONSE: u64 = 0x1b;
    pub(crate) const CLOSE_TRANSPORT: u64 = 0x1c;
    pub(crate) const CLOSE_APPLICATION: u64 = 0x1d;
    pub(crate) const HANDSHAKE_DONE: u64 = 0x1e;
    /// draft-ietf-quic-ack-frequency-11, section 7.
    pub(crate) const IMMEDIATE_ACK: u64 = 0x1f;
    pub(crate) const GREASE: u64 = 0x3f;
    pub(crate) const MESSAGE: u64 = 0x40;
    pub(crate) const MESSAGE_LAST: u64 = 0x47;
    pub(crate) const MESSAGE_LENGTH: u64 = 0x01;
    pub(crate) const MESSAGE_OFFSET: u64 = 0x02;
    pub(crate) const MESSAGE_RELIABLE: u64 = 0x04;
    pub(crate) const RESET_MESSAGE: u64 = 0x48;
    pub(crate) const MAX_MESSAGE_DATA: u64 = 0x49;
    pub(crate) const MESSAGE_DATA_BLOCKED: u64 = 0x4a;
    pub(crate) const MESSAGES_EXPIRED: u64 = 0x4b;
    pub(crate) const TIMESTAMP: u64 = 0x4c;
    /// MESSAGE with a deadline, without its flags.
    pub(crate) const DEADLINE_MESSAGE: u64 = 0x58;
    pub(crate) const DEADLINE_MESSAGE_LAST: u64 = 0x5f;
    pub(crate) const REPAIR: u64 = 0x50;
    pub(crate) const RECOVERED: u64 = 0x51;
    /// draft-ietf-quic-ack-frequency-11, section 6.
    pub(crate) const ACK_FREQUENCY: u64 = 0xaf;
}

/// The unit of times in frames: a tenth of a millisecond (Q-DLN-1).
pub(crate) const TENTH: Duration = Duration::from_micros(100);

/// So many tenths of a millisecond.
pub(crate) const fn tenths(count: u64) -> Duration {
    Duration::from_micros(count.saturating_mul(100))
}

/// Why a message is reset (Q-MSG-3).
pub(crate) mod reset_reason {
    /// Something of it was lost, and it need not arrive.
    pub(crate) const LOST: u64 = 0;
    /// Its deadline has passed.
    pub(crate) const EXPIRED: u64 = 1;
}

impl Frame<'_> {
    /// Whether a packet with it is to be acknowledged (Q-FRM-3).
    #[inline]
    pub(crate) fn is_ack_eliciting(&self) -> bool {
        !matches!(
            self,
            Self::Ack(_) | Self::Padding | Self::Close { .. } | Self::Recovered { .. }
        )
    }

    /// Whether it may be sent to probe a path (RFC 9000 section 9.1).
    #[inline]
    pub(crate) fn is_probing(&self) -> bool {
        matches!(
            self,
            Self::PathChallenge { .. }
                | Self::PathResponse { .. }
                | Self::NewConnectionId(_)
                | Self::Padding
        )
    }

    /// Its type on the wire, without the flags of STREAM and MESSAGE.
    pub(crate) fn frame_type(&self) -> u64 {
        let unidirectional =
            |direction: &Direction| u64::from(*direction == Direction::Unidirectional);
        match self {
            Self::Padding => kind::PADDING,
            Self::Ping => kind::PING,
            Self::Ack(ack) => kind::ACK + u64::from(ack.ecn.is_some()),
            Self::ResetStream { .. } => kind::RESET_STREAM,
            Self::StopSending { .. } => kind::STOP_SENDING,
            Self::Crypto { .. } => kind::CRYPTO,
            Self::NewToken { .. } => kind::NEW_TOKEN,
            Self::Stream(_) => kind::STREAM,
            Self::MaxData { .. } => kind::MAX_DATA,
            Self::MaxStreamData { .. } => kind::MAX_STREAM_DATA,
            Self::MaxStreams { direction, .. } => {
                kind::MAX_STREAMS_BIDI + unidirectional(direction)
            }
            Self::DataBlocked { .. } => kind::DATA_BLOCKED,
            Self::StreamDataBlocked { .. } => kind::STREAM_DATA_BLOCKED,
            Self::StreamsBlocked { direction, .. } => {
                kind::STREAMS_BLOCKED_BIDI + unidirectional(direction)
            }
            Self::NewConnectionId(_) => kind::NEW_CONNECTION_ID,
            Self::RetireConnectionId { .. } => kind::RETIRE_CONNECTION_ID,
            Self::PathChallenge { .. } => kind::PATH_CHALLENGE,
            Self::PathResponse { .. } => kind::PATH_RESPONSE,
            Self::Close {
                transport: true, ..
            } => kind::CLOSE_TRANSPORT,
            Self::Close {
                transport: false, ..
            } => kind::CLOSE_APPLICATION,
            Self::HandshakeDone => kind::HANDSHAKE_DONE,
            Self::AckFrequency(_) => kind::ACK_FREQUENCY,
            Self::ImmediateAck => kind::IMMEDIATE_ACK,
            Self::Message(message) if message.slack.is_some() => kind::DEADLINE_MESSAGE,
            Self::Message(_) => kind::MESSAGE,
            Self::ResetMessage { .. } => kind::RESET_MESSAGE,
            Self::MaxMessageData { .. } => kind::MAX_MESSAGE_DATA,
            Self::MessageDataBlocked { .. } => kind::MESSAGE_DATA_BLOCKED,
            Self::Repair(_) => kind::REPAIR,
            Self::Recovered { .. } => kind::RECOVERED,
            Self::MessagesExpired(_) => kind::MESSAGES_EXPIRED,
            Self::Timestamp(_) => kind::TIMESTAMP,
            Self::Grease => kind::GREASE,
        }
    }
}
