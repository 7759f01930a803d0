//! Writes frames. Each function appends one frame; `_BYTES_MAX` and `_size` tell beforehand how
//! much room it takes.

pub(crate) use super::ack::{ack_bytes_max, write_ack};
use super::{AckFrequency, Frame, NewConnectionId, ResetToken, ack, kind};
use crate::connection_id::ConnectionId;
use crate::stream::{Direction, StreamId};
use crate::wire::{varint_size, write_prefixed_bytes, write_varint};

const VARINT_BYTES_MAX: usize = 8;

/// The most bytes that a PING frame takes; HANDSHAKE_DONE, IMMEDIATE_ACK and grease are as large.
pub(crate) const PING_BYTES_MAX: usize = 1;
/// The most bytes that a RESET_STREAM frame takes.
pub(crate) const RESET_STREAM_BYTES_MAX: usize = 1 + 3 * VARINT_BYTES_MAX;
/// The most bytes that a STOP_SENDING frame takes.
pub(crate) const STOP_SENDING_BYTES_MAX: usize = 1 + 2 * VARINT_BYTES_MAX;
/// The most bytes that MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED or
/// RETIRE_CONNECTION_ID takes.
pub(crate) const LIMIT_BYTES_MAX: usize = 1 + VARINT_BYTES_MAX;
/// The most bytes that MAX_STREAM_DATA or STREAM_DATA_BLOCKED takes.
pub(crate) const STREAM_LIMIT_BYTES_MAX: usize = 1 + 2 * VARINT_BYTES_MAX;
/// The most bytes that MAX_MESSAGE_DATA or MESSAGE_DATA_BLOCKED takes.
pub(crate) const MESSAGE_LIMIT_BYTES_MAX: usize = 2 + VARINT_BYTES_MAX;
/// The most bytes that a RESET_MESSAGE frame takes.
pub(crate) const RESET_MESSAGE_BYTES_MAX: usize = 2 + 2 * VARINT_BYTES_MAX;
/// The most bytes that a NEW_CONNECTION_ID frame takes.
pub(crate) const NEW_CONNECTION_ID_BYTES_MAX: usize =
    1 + 2 * VARINT_BYTES_MAX + 1 + ConnectionId::BYTES_MAX + ResetToken::BYTES;
/// The bytes that PATH_CHALLENGE or PATH_RESPONSE takes.
pub(crate) const PATH_BYTES: usize = 1 + 8;
/// The most bytes that an ACK_FREQUENCY frame takes.
pub(crate) const ACK_FREQUENCY_BYTES_MAX: usize = 2 + 4 * VARINT_BYTES_MAX;

/// Appends `count` bytes of padding.
pub(crate) fn write_padding(buffer: &mut Vec<u8>, count: usize) {
    buffer.resize(buffer.len() + count, 0);
}

/// Appends PING.
pub(crate) fn write_ping(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::PING);
}

/// Appends HANDSHAKE_DONE.
pub(crate) fn write_handshake_done(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::HANDSHAKE_DONE);
}

/// Appends IMMEDIATE_ACK.
pub(crate) fn write_immediate_ack(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::IMMEDIATE_ACK);
}

/// Appends the reserved frame that carries nothing.
pub(crate) fn write_grease(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::GREASE);
}

/// Appends RESET_STREAM.
pub(crate) fn write_reset_stream(buffer: &mut Vec<u8>, id: StreamId, error: u64, final_size: u64) {
    write_fields(buffer, kind::RESET_STREAM, &[id.0, error, final_size]);
}

/// Appends STOP_SENDING.
pub(crate) fn write_stop_sending(buffer: &mut Vec<u8>, id: StreamId, error: u64) {
    write_fields(buffer, kind::STOP_SENDING, &[id.0, error]);
}

/// How many bytes precede the data in a CRYPTO frame.
pub(crate) const fn crypto_header_size(offset: u64, length: usize) -> usize {
    1 + varint_size(offset) + varint_size(length as u64)
}

/// Appends CRYPTO.
pub(crate) fn write_crypto(buffer: &mut Vec<u8>, offset: u64, data: &[u8]) {
    write_fields(buffer, kind::CRYPTO, &[offset]);
    write_prefixed_bytes(buffer, data);
}

/// How many bytes a NEW_TOKEN frame takes.
pub(crate) const fn new_token_size(token: &[u8]) -> usize {
    1 + varint_size(token.len() as u64) + token.len()
}

/// Appends NEW_TOKEN. The token must not be empty.
pub(crate) fn write_new_token(buffer: &mut Vec<u8>, token: &[u8]) {
    write_varint(buffer, kind::NEW_TOKEN);
    write_prefixed_bytes(buffer, token);
}

/// How many bytes precede the data in a STREAM frame. Without a `length` the data goes on until
/// the packet ends.
#[inline]
pub(crate) const fn stream_header_size(id: StreamId, offset: u64, length: Option<usize>) -> usize {
    1 + varint_size(id.0) + offset_size(offset) + length_size(length)
}

/// Appends what precedes the data in a STREAM frame. Without a `length` the data must go on until
/// the packet ends.
#[inline]
pub(crate) fn write_stream_header(
    buffer: &mut Vec<u8>,
    id: StreamId,
    offset: u64,
    fin: bool,
    length: Option<usize>,
) {
    let frame_type = kind::STREAM
        | flag(fin, kind::STREAM_FIN)
        | flag(offset != 0, kind::STREAM_OFFSET)
        | flag(length.is_some(), kind::STREAM_LENGTH);
    write_varint(buffer, frame_type);
    write_varint(buffer, id.0);
    write_offset_and_length(buffer, offset, length);
}

/// How many bytes precede the data in a MESSAGE frame. Without a `length` the data goes on until
/// the packet ends.
#[inline]
pub(crate) const fn message_header_size(
    id: u64,
    size: u64,
    offset: u64,
    length: Option<usize>,
) -> usize {
    2 + varint_size(id) + varint_size(size) + offset_size(offset) + length_size(length)
}

/// Appends what precedes the data in a MESSAGE frame. Without a `length` the data must go on until
/// the packet ends.
#[inline]
pub(crate) fn write_message_header(
    buffer: &mut Vec<u8>,
    id: u64,
    size: u64,
    reliable: bool,
    offset: u64,
    length: Option<usize>,
) {
    let frame_type = kind::MESSAGE
        | flag(reliable, kind::MESSAGE_RELIABLE)
        | flag(offset != 0, kind::MESSAGE_OFFSET)
        | flag(length.is_some(), kind::MESSAGE_LENGTH);
    write_varint(buffer, frame_type);
    write_varint(buffer, id);
    write_varint(buffer, size);
    write_offset_and_length(buffer, offset, length);
}

#[inline]
const fn flag(set: bool, bit: u64) -> u64 {
    if set { bit } else { 0 }
}

#[inline]
const fn offset_size(offset: u64) -> usize {
    if offset == 0 { 0 } else { varint_size(offset) }
}

#[inline]
const fn length_size(length: Option<usize>) -> usize {
    match length {
        Some(length) => varint_size(length as u64),
        None => 0,
    }
}

#[inline]
fn write_offset_and_length(buffer: &mut Vec<u8>, offset: u64, length: Option<usize>) {
    if offset != 0 {
        write_varint(buffer, offset);
    }
    if let Some(length) = length {
        write_varint(buffer, length as u64);
    }
}

/// Appends MAX_DATA.
pub(crate) fn write_max_data(buffer: &mut Vec<u8>, bytes: u64) {
    write_fields(buffer, kind::MAX_DATA, &[bytes]);
}

/// Appends MAX_STREAM_DATA.
pub(crate) fn write_max_stream_data(buffer: &mut Vec<u8>, id: StreamId, bytes: u64) {
    write_fields(buffer, kind::MAX_STREAM_DATA, &[id.0, bytes]);
}

/// Appends MAX_STREAMS.
pub(crate) fn write_max_streams(buffer: &mut Vec<u8>, direction: Direction, count: u64) {
    let frame_type = kind::by_direction(
        direction,
        kind::MAX_STREAMS_BIDIRECTIONAL,
        kind::MAX_STREAMS_UNIDIRECTIONAL,
    );
    write_fields(buffer, frame_type, &[count]);
}

/// Appends DATA_BLOCKED.
pub(crate) fn write_data_blocked(buffer: &mut Vec<u8>, limit: u64) {
    write_fields(buffer, kind::DATA_BLOCKED, &[limit]);
}

/// Appends STREAM_DATA_BLOCKED.
pub(crate) fn write_stream_data_blocked(buffer: &mut Vec<u8>, id: StreamId, limit: u64) {
    write_fields(buffer, kind::STREAM_DATA_BLOCKED, &[id.0, limit]);
}

/// Appends STREAMS_BLOCKED.
pub(crate) fn write_streams_blocked(buffer: &mut Vec<u8>, direction: Direction, limit: u64) {
    let frame_type = kind::by_direction(
        direction,
        kind::STREAMS_BLOCKED_BIDIRECTIONAL,
        kind::STREAMS_BLOCKED_UNIDIRECTIONAL,
    );
    write_fields(buffer, frame_type, &[limit]);
}

/// Appends NEW_CONNECTION_ID.
pub(crate) fn write_new_connection_id(buffer: &mut Vec<u8>, frame: &NewConnectionId) {
    let fields = [frame.sequence, frame.retire_prior_to];
    write_fields(buffer, kind::NEW_CONNECTION_ID, &fields);
    buffer.push(frame.id.len() as u8);
    buffer.extend_from_slice(&frame.id);
    buffer.extend_from_slice(&frame.reset_token.0);
}

/// Appends RETIRE_CONNECTION_ID.
pub(crate) fn write_retire_connection_id(buffer: &mut Vec<u8>, sequence: u64) {
    write_fields(buffer, kind::RETIRE_CONNECTION_ID, &[sequence]);
}

/// Appends PATH_CHALLENGE.
pub(crate) fn write_path_challenge(buffer: &mut Vec<u8>, data: [u8; 8]) {
    write_varint(buffer, kind::PATH_CHALLENGE);
    buffer.extend_from_slice(&data);
}

/// Appends PATH_RESPONSE.
pub(crate) fn write_path_response(buffer: &mut Vec<u8>, data: [u8; 8]) {
    write_varint(buffer, kind::PATH_RESPONSE);
    buffer.extend_from_slice(&data);
}

/// The most bytes that a CLOSE frame takes besides its reason.
pub(crate) const CLOSE_BYTES_MAX: usize = 1 + 3 * VARINT_BYTES_MAX;

/// Appends CLOSE with an error of the protocol. The reason is cut to what `room` bytes leave;
/// `room` must be at least [`CLOSE_BYTES_MAX`]. `frame_type` is zero when none is to blame.
pub(crate) fn write_transport_close(
    buffer: &mut Vec<u8>,
    error: u64,
    frame_type: u64,
    reason: &[u8],
    room: usize,
) {
    write_fields(buffer, kind::CLOSE_TRANSPORT, &[error, frame_type]);
    write_prefixed_bytes(buffer, cut(reason, room));
}

/// Appends CLOSE with an error of the application. The reason is cut to what `room` bytes leave;
/// `room` must be at least [`CLOSE_BYTES_MAX`].
pub(crate) fn write_application_close(
    buffer: &mut Vec<u8>,
    error: u64,
    reason: &[u8],
    room: usize,
) {
    write_fields(buffer, kind::CLOSE_APPLICATION, &[error]);
    write_prefixed_bytes(buffer, cut(reason, room));
}

fn cut(reason: &[u8], room: usize) -> &[u8] {
    let most = room.saturating_sub(CLOSE_BYTES_MAX);
    reason.get(..most).unwrap_or(reason)
}

/// Appends ACK_FREQUENCY.
pub(crate) fn write_ack_frequency(buffer: &mut Vec<u8>, frame: &AckFrequency) {
    let fields = [
        frame.sequence,
        frame.ack_eliciting_threshold,
        frame.request_max_ack_delay,
        frame.reordering_threshold,
    ];
    write_fields(buffer, kind::ACK_FREQUENCY, &fields);
}

/// Appends RESET_MESSAGE.
pub(crate) fn write_reset_message(buffer: &mut Vec<u8>, id: u64, size: u64) {
    write_fields(buffer, kind::RESET_MESSAGE, &[id, size]);
}

/// Appends MAX_MESSAGE_DATA.
pub(crate) fn write_max_message_data(buffer: &mut Vec<u8>, bytes: u64) {
    write_fields(buffer, kind::MAX_MESSAGE_DATA, &[bytes]);
}

/// Appends MESSAGE_DATA_BLOCKED.
pub(crate) fn write_message_data_blocked(buffer: &mut Vec<u8>, limit: u64) {
    write_fields(buffer, kind::MESSAGE_DATA_BLOCKED, &[limit]);
}

/// Appends a frame that is made of varints.
fn write_fields(buffer: &mut Vec<u8>, frame_type: u64, fields: &[u64]) {
    write_varint(buffer, frame_type);
    for &field in fields {
        write_varint(buffer, field);
    }
}

impl Frame<'_> {
    /// Appends the frame, with a length where one is possible, so that others may follow.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        match *self {
            Self::Padding => write_padding(buffer, 1),
            Self::Ping => write_ping(buffer),
            Self::Ack(ref frame) => ack::write_decoded(buffer, frame),
            Self::Crypto { offset, data } => write_crypto(buffer, offset, data),
            Self::NewToken { token } => write_new_token(buffer, token),
            Self::Stream(ref frame) => {
                let length = Some(frame.data.len());
                write_stream_header(buffer, frame.id, frame.offset, frame.fin, length);
                buffer.extend_from_slice(frame.data);
            }
            Self::Message(ref frame) => {
                let (reliable, length) = (frame.reliable, Some(frame.data.len()));
                write_message_header(buffer, frame.id, frame.size, reliable, frame.offset, length);
                buffer.extend_from_slice(frame.data);
            }
            _ => self.encode_control(buffer),
        }
    }

    fn encode_control(&self, buffer: &mut Vec<u8>) {
        match *self {
            Self::ResetStream {
                id,
                error,
                final_size,
            } => write_reset_stream(buffer, id, error, final_size),
            Self::StopSending { id, error } => write_stop_sending(buffer, id, error),
            Self::MaxData { bytes } => write_max_data(buffer, bytes),
            Self::MaxStreamData { id, bytes } => write_max_stream_data(buffer, id, bytes),
            Self::MaxStreams { direction, count } => write_max_streams(buffer, direction, count),
            Self::DataBlocked { limit } => write_data_blocked(buffer, limit),
            Self::StreamDataBlocked { id, limit } => write_stream_data_blocked(buffer, id, limit),
            Self::StreamsBlocked { direction, limit } => {
                write_streams_blocked(buffer, direction, limit);
            }
            Self::ResetMessage { id, size } => write_reset_message(buffer, id, size),
            Self::MaxMessageData { bytes } => write_max_message_data(buffer, bytes),
            Self::MessageDataBlocked { limit } => write_message_data_blocked(buffer, limit),
            _ => self.encode_connection_control(buffer),
        }
    }

    fn encode_connection_control(&self, buffer: &mut Vec<u8>) {
        match *self {
            Self::NewConnectionId(ref frame) => write_new_connection_id(buffer, frame),
            Self::RetireConnectionId { sequence } => write_retire_connection_id(buffer, sequence),
            Self::PathChallenge { data } => write_path_challenge(buffer, data),
            Self::PathResponse { data } => write_path_response(buffer, data),
            Self::Close {
                transport: true,
                error,
                frame_type,
                reason,
            } => write_transport_close(buffer, error, frame_type, reason, usize::MAX),
            Self::Close { error, reason, .. } => {
                write_application_close(buffer, error, reason, usize::MAX);
            }
            Self::AckFrequency(ref frame) => write_ack_frequency(buffer, frame),
            Self::HandshakeDone => write_handshake_done(buffer),
            Self::ImmediateAck => write_immediate_ack(buffer),
            _ => write_grease(buffer),
        }
    }
}
