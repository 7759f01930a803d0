//! Frame types as numbers: RFC 9000 section 19 unless told otherwise, ours from 0x40 on.

use super::Frame;
use crate::stream::Direction;

pub(crate) const PADDING: u64 = 0x00;
pub(crate) const PING: u64 = 0x01;
pub(crate) const ACK: u64 = 0x02;
pub(crate) const ACK_ECN: u64 = 0x03;
pub(crate) const RESET_STREAM: u64 = 0x04;
pub(crate) const STOP_SENDING: u64 = 0x05;
pub(crate) const CRYPTO: u64 = 0x06;
pub(crate) const NEW_TOKEN: u64 = 0x07;
/// With the bits `STREAM_` below.
pub(crate) const STREAM: u64 = 0x08;
pub(crate) const STREAM_LAST: u64 = 0x0f;
pub(crate) const MAX_DATA: u64 = 0x10;
pub(crate) const MAX_STREAM_DATA: u64 = 0x11;
pub(crate) const MAX_STREAMS_BIDIRECTIONAL: u64 = 0x12;
pub(crate) const MAX_STREAMS_UNIDIRECTIONAL: u64 = 0x13;
pub(crate) const DATA_BLOCKED: u64 = 0x14;
pub(crate) const STREAM_DATA_BLOCKED: u64 = 0x15;
pub(crate) const STREAMS_BLOCKED_BIDIRECTIONAL: u64 = 0x16;
pub(crate) const STREAMS_BLOCKED_UNIDIRECTIONAL: u64 = 0x17;
pub(crate) const NEW_CONNECTION_ID: u64 = 0x18;
pub(crate) const RETIRE_CONNECTION_ID: u64 = 0x19;
pub(crate) const PATH_CHALLENGE: u64 = 0x1a;
pub(crate) const PATH_RESPONSE: u64 = 0x1b;
pub(crate) const CLOSE_TRANSPORT: u64 = 0x1c;
pub(crate) const CLOSE_APPLICATION: u64 = 0x1d;
pub(crate) const HANDSHAKE_DONE: u64 = 0x1e;
/// draft-ietf-quic-ack-frequency.
pub(crate) const IMMEDIATE_ACK: u64 = 0x1f;
/// Carries nothing; receivers skip it.
pub(crate) const GREASE: u64 = 0x3f;
/// With the bits `MESSAGE_` below.
pub(crate) const MESSAGE: u64 = 0x40;
pub(crate) const MESSAGE_LAST: u64 = 0x47;
pub(crate) const RESET_MESSAGE: u64 = 0x48;
pub(crate) const MAX_MESSAGE_DATA: u64 = 0x49;
pub(crate) const MESSAGE_DATA_BLOCKED: u64 = 0x4a;
/// draft-ietf-quic-ack-frequency.
pub(crate) const ACK_FREQUENCY: u64 = 0xaf;

pub(crate) const STREAM_FIN: u64 = 0x01;
pub(crate) const STREAM_LENGTH: u64 = 0x02;
pub(crate) const STREAM_OFFSET: u64 = 0x04;

pub(crate) const MESSAGE_LENGTH: u64 = 0x01;
pub(crate) const MESSAGE_OFFSET: u64 = 0x02;
pub(crate) const MESSAGE_RELIABLE: u64 = 0x04;

/// `bidirectional` or `unidirectional`.
pub(crate) const fn by_direction(
    direction: Direction,
    bidirectional: u64,
    unidirectional: u64,
) -> u64 {
    match direction {
        Direction::Bidirectional => bidirectional,
        Direction::Unidirectional => unidirectional,
    }
}

impl Frame<'_> {
    /// The type by which errors name the frame; flag bits are left out.
    pub(crate) const fn frame_type(&self) -> u64 {
        match self {
            Self::Padding => PADDING,
            Self::Ping => PING,
            Self::Ack(ack) if ack.ecn.is_some() => ACK_ECN,
            Self::Ack(_) => ACK,
            Self::ResetStream { .. } => RESET_STREAM,
            Self::StopSending { .. } => STOP_SENDING,
            Self::Crypto { .. } => CRYPTO,
            Self::NewToken { .. } => NEW_TOKEN,
            Self::Stream(_) => STREAM,
            Self::MaxData { .. } => MAX_DATA,
            Self::MaxStreamData { .. } => MAX_STREAM_DATA,
            Self::MaxStreams { direction, .. } => by_direction(
                *direction,
                MAX_STREAMS_BIDIRECTIONAL,
                MAX_STREAMS_UNIDIRECTIONAL,
            ),
            Self::DataBlocked { .. } => DATA_BLOCKED,
            Self::StreamDataBlocked { .. } => STREAM_DATA_BLOCKED,
            Self::StreamsBlocked { direction, .. } => by_direction(
                *direction,
                STREAMS_BLOCKED_BIDIRECTIONAL,
                STREAMS_BLOCKED_UNIDIRECTIONAL,
            ),
            Self::NewConnectionId(_) => NEW_CONNECTION_ID,
            Self::RetireConnectionId { .. } => RETIRE_CONNECTION_ID,
            Self::PathChallenge { .. } => PATH_CHALLENGE,
            Self::PathResponse { .. } => PATH_RESPONSE,
            Self::Close {
                transport: true, ..
            } => CLOSE_TRANSPORT,
            Self::Close { .. } => CLOSE_APPLICATION,
            Self::HandshakeDone => HANDSHAKE_DONE,
            Self::AckFrequency(_) => ACK_FREQUENCY,
            Self::ImmediateAck => IMMEDIATE_ACK,
            Self::Message(_) => MESSAGE,
            Self::ResetMessage { .. } => RESET_MESSAGE,
            Self::MaxMessageData { .. } => MAX_MESSAGE_DATA,
            Self::MessageDataBlocked { .. } => MESSAGE_DATA_BLOCKED,
            Self::Grease => GREASE,
        }
    }
}
