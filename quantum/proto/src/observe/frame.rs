//! Frames, as an observer sees them: without the data in them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::connection_id::ConnectionId;
use crate::frame;
use crate::stream::{Direction, StreamId};

/// A frame, without the data in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are those of the frame (docs/spec/quantum.md)"
)]
pub enum Frame<'a> {
    /// One or more bytes of padding.
    Padding,
    /// PING.
    Ping,
    /// ACK.
    Ack(Ack<'a>),
    /// RESET_STREAM.
    ResetStream {
        id: StreamId,
        error: u64,
        final_size: u64,
    },
    /// STOP_SENDING.
    StopSending { id: StreamId, error: u64 },
    /// CRYPTO.
    Crypto { offset: u64, bytes: usize },
    /// NEW_TOKEN.
    NewToken { bytes: usize },
    /// STREAM.
    Stream {
        id: StreamId,
        offset: u64,
        bytes: usize,
        fin: bool,
    },
    /// MAX_DATA.
    MaxData { bytes: u64 },
    /// MAX_STREAM_DATA.
    MaxStreamData { id: StreamId, bytes: u64 },
    /// MAX_STREAMS.
    MaxStreams { direction: Direction, count: u64 },
    /// DATA_BLOCKED.
    DataBlocked { limit: u64 },
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked { id: StreamId, limit: u64 },
    /// STREAMS_BLOCKED.
    StreamsBlocked { direction: Direction, limit: u64 },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        sequence: u64,
        retire_prior_to: u64,
        id: ConnectionId,
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId { sequence: u64 },
    /// PATH_CHALLENGE.
    PathChallenge,
    /// PATH_RESPONSE.
    PathResponse,
    /// CONNECTION_CLOSE, of the transport or the application.
    Close {
        transport: bool,
        error: u64,
        frame_type: u64,
        reason: &'a [u8],
    },
    /// HANDSHAKE_DONE.
    HandshakeDone,
    /// ACK_FREQUENCY.
    AckFrequency {
        sequence: u64,
        ack_eliciting_threshold: u64,
        ack_delay_max: Duration,
        reordering_threshold: u64,
    },
    /// IMMEDIATE_ACK.
    ImmediateAck,
    /// MESSAGE.
    Message {
        id: u64,
        /// Of the whole message.
        size: u64,
        offset: u64,
        bytes: usize,
        reliable: bool,
        /// Of a message with a deadline: how much more than on an empty path the packet may take.
        slack: Option<Duration>,
    },
    /// RESET_MESSAGE.
    ResetMessage {
        id: u64,
        size: u64,
        /// The deadline has passed; else, something was lost.
        expired: bool,
    },
    /// MAX_MESSAGE_DATA.
    MaxMessageData { bytes: u64 },
    /// MESSAGE_DATA_BLOCKED.
    MessageDataBlocked { limit: u64 },
    /// MESSAGES_EXPIRED.
    MessagesExpired { unsent: u64, late: u64 },
    /// TIMESTAMP.
    Timestamp { time: Duration, path: u64 },
    /// REPAIR.
    Repair {
        /// How far the newest packet that it covers is behind its own; 0: it covers none.
        distance: u64,
        /// How many packets it covers.
        packets: u32,
        bytes: usize,
    },
    /// RECOVERED.
    Recovered { number: u64 },
    /// A reserved type without meaning.
    Grease,
}

/// An ACK frame.
#[derive(Clone, Debug)]
pub struct Ack<'a> {
    /// How long it was held back.
    pub delay: Duration,
    /// Packets that arrived with ECT(0), with ECT(1) and with Congestion Experienced, if it says.
    pub ecn: Option<[u64; 3]>,
    frame: frame::Ack<'a>,
}

impl Ack<'_> {
    /// Packets that arrived, newest first.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.frame.ranges()
    }
}

impl<'a> Ack<'a> {
    fn of(frame: frame::Ack<'a>, delay_exponent: u64) -> Self {
        Self {
            delay: Duration::from_micros(frame.delay.saturating_mul(1 << delay_exponent.min(20))),
            ecn: frame.ecn.map(|ecn| [ecn.ect0, ecn.ect1, ecn.ce]),
            frame,
        }
    }
}

impl<'a> Frame<'a> {
    #[expect(clippy::too_many_lines, reason = "one match over all frames")]
    pub(super) fn of(frame: frame::Frame<'a>, ack_delay_exponent: u64) -> Self {
        use frame::Frame as Wire;
        match frame {
            Wire::Padding => Self::Padding,
            Wire::Ping => Self::Ping,
            Wire::Ack(ack) => Self::Ack(Ack::of(ack, ack_delay_exponent)),
            Wire::Crypto { offset, data } => Self::Crypto {
                offset,
                bytes: data.len(),
            },
            Wire::NewToken { token } => Self::NewToken { bytes: token.len() },
            Wire::Stream(stream) => Self::Stream {
                id: stream.id,
                offset: stream.offset,
                bytes: stream.data.len(),
                fin: stream.fin,
            },
            Wire::Message(message) => Self::Message {
                id: message.id,
                size: message.size,
                offset: message.offset,
                bytes: message.data.len(),
                reliable: message.reliable,
                slack: message.slack.map(frame::tenths),
            },
            Wire::NewConnectionId(new) => Self::NewConnectionId {
                sequence: new.sequence,
                retire_prior_to: new.retire_prior_to,
                id: new.id,
            },
            Wire::AckFrequency(wish) => Self::AckFrequency {
                sequence: wish.sequence,
                ack_eliciting_threshold: wish.ack_eliciting_threshold,
                ack_delay_max: Duration::from_micros(wish.request_max_ack_delay),
                reordering_threshold: wish.reordering_threshold,
            },
            Wire::ResetStream {
                id,
                error,
                final_size,
            } => Self::ResetStream {
                id,
                error,
                final_size,
            },
            Wire::StopSending { id, error } => Self::StopSending { id, error },
            Wire::MaxData { bytes } => Self::MaxData { bytes },
            Wire::MaxStreamData { id, bytes } => Self::MaxStreamData { id, bytes },
            Wire::MaxStreams { direction, count } => Self::MaxStreams { direction, count },
            Wire::DataBlocked { limit } => Self::DataBlocked { limit },
            Wire::StreamDataBlocked { id, limit } => Self::StreamDataBlocked { id, limit },
            Wire::StreamsBlocked { direction, limit } => Self::StreamsBlocked { direction, limit },
            Wire::RetireConnectionId { sequence } => Self::RetireConnectionId { sequence },
            Wire::PathChallenge { .. } => Self::PathChallenge,
            Wire::PathResponse { .. } => Self::PathResponse,
            Wire::Close {
                transport,
                error,
                frame_type,
                reason,
            } => Self::Close {
                transport,
                error,
                frame_type,
                reason,
            },
            Wire::HandshakeDone => Self::HandshakeDone,
            Wire::ImmediateAck => Self::ImmediateAck,
            Wire::ResetMessage { id, size, reason } => Self::ResetMessage {
                id,
                size,
                expired: reason == frame::reset_reason::EXPIRED,
            },
            Wire::MaxMessageData { bytes } => Self::MaxMessageData { bytes },
            Wire::MessageDataBlocked { limit } => Self::MessageDataBlocked { limit },
            Wire::MessagesExpired(frame) => Self::MessagesExpired {
                unsent: frame.unsent,
                late: frame.late,
            },
            Wire::Timestamp(frame) => Self::Timestamp {
                time: frame::tenths(frame.time),
                path: frame.path,
            },
            Wire::Repair(repair) => Self::Repair {
                distance: repair.distance,
                packets: repair.packets(),
                bytes: repair.data.len(),
            },
            Wire::Recovered { number } => Self::Recovered { number },
            Wire::Grease => Self::Grease,
        }
    }
}
