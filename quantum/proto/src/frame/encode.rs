//! Frames to bytes: one function each, at the end of a buffer.

use super::{AckFrequency, EcnCounts, MessagesExpired, NewConnectionId, Timestamp, kind};
use crate::range_set::RangeSet;
use crate::stream::{Direction, StreamId};
use crate::wire::{varint_size, write_prefixed, write_varint};

fn write_all(buffer: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| write_varint(buffer, *value));
}

pub(crate) fn write_ping(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::PING);
}

pub(crate) fn write_grease(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::GREASE);
}

pub(crate) fn write_handshake_done(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::HANDSHAKE_DONE);
}

pub(crate) fn write_immediate_ack(buffer: &mut Vec<u8>) {
    write_varint(buffer, kind::IMMEDIATE_ACK);
}

/// The most that [`write_ack`] writes with `ranges` ranges.
pub(crate) const fn ack_size_max(ranges: usize) -> usize {
    1 + 8 + 8 + 2 + 8 + 16 * ranges + 3 * 8
}

/// Writes the newest `ranges_max` ranges of `numbers`; nothing if there are none.
pub(crate) fn write_ack(
    buffer: &mut Vec<u8>,
    numbers: &RangeSet,
    delay: u64,
    ecn: Option<EcnCounts>,
    ranges_max: usize,
) {
    let mut ranges = numbers.iter().rev().take(ranges_max.max(1));
    let Some(newest) = ranges.next() else {
        return;
    };
    let frame_type = if ecn.is_some() {
        kind::ACK_ECN
    } else {
        kind::ACK
    };
    let more = numbers.len().min(ranges_max.max(1)) as u64 - 1;
    let first_range = newest.end - newest.start - 1;
    write_all(
        buffer,
        &[frame_type, newest.end - 1, delay, more, first_range],
    );
    let mut start = newest.start;
    for range in ranges {
        write_all(
            buffer,
            &[start - range.end - 1, range.end - range.start - 1],
        );
        start = range.start;
    }
    if let Some(EcnCounts { ect0, ect1, ce }) = ecn {
        write_all(buffer, &[ect0, ect1, ce]);
    }
}

pub(crate) fn write_reset_stream(buffer: &mut Vec<u8>, id: StreamId, error: u64, final_size: u64) {
    write_all(buffer, &[kind::RESET_STREAM, id.value(), error, final_size]);
}

pub(crate) fn write_stop_sending(buffer: &mut Vec<u8>, id: StreamId, error: u64) {
    write_all(buffer, &[kind::STOP_SENDING, id.value(), error]);
}

/// `length` bytes of the handshake follow.
pub(crate) fn write_crypto_header(buffer: &mut Vec<u8>, offset: u64, length: usize) {
    write_all(buffer, &[kind::CRYPTO, offset, length as u64]);
}

pub(crate) fn write_new_token(buffer: &mut Vec<u8>, token: &[u8]) {
    write_varint(buffer, kind::NEW_TOKEN);
    write_prefixed(buffer, token);
}

/// What [`write_stream_header`] writes.
#[inline]
pub(crate) fn stream_header_size(id: StreamId, offset: u64, length: Option<usize>) -> usize {
    let offset = if offset == 0 { 0 } else { varint_size(offset) };
    1 + varint_size(id.value()) + offset + length.map_or(0, |length| varint_size(length as u64))
}

/// `length` bytes of the stream follow, or all to the end of the packet.
#[inline]
pub(crate) fn write_stream_header(
    buffer: &mut Vec<u8>,
    id: StreamId,
    offset: u64,
    fin: bool,
    length: Option<usize>,
) {
    let mut frame_type = kind::STREAM;
    frame_type |= if fin { kind::STREAM_FIN } else { 0 };
    frame_type |= if length.is_some() {
        kind::STREAM_LENGTH
    } else {
        0
    };
    frame_type |= if offset > 0 { kind::STREAM_OFFSET } else { 0 };
    write_varint(buffer, frame_type);
    write_varint(buffer, id.value());
    if offset > 0 {
        write_varint(buffer, offset);
    }
    if let Some(length) = length {
        write_varint(buffer, length as u64);
    }
}

/// What a MESSAGE frame says beside its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageHeader {
    pub(crate) id: u64,
    pub(crate) size: u64,
    pub(crate) reliable: bool,
    pub(crate) offset: u64,
    /// Of a message with a deadline.
    pub(crate) slack: Option<u64>,
    /// So many bytes of the message follow, or all to the end of the packet.
    pub(crate) length: Option<usize>,
}

impl MessageHeader {
    /// What [`write`](Self::write) writes.
    pub(crate) fn bytes(&self) -> usize {
        let offset = (self.offset > 0).then_some(self.offset);
        let length = self.length.map(|length| length as u64);
        let fields = [Some(self.id), Some(self.size), offset, self.slack, length];
        let fields = fields.into_iter().flatten().map(varint_size);
        varint_size(kind::MESSAGE) + fields.sum::<usize>()
    }

    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        let mut frame_type = match self.slack {
            Some(_) => kind::DEADLINE_MESSAGE,
            None => kind::MESSAGE,
        };
        let flags = [
            (self.reliable, kind::MESSAGE_RELIABLE),
            (self.length.is_some(), kind::MESSAGE_LENGTH),
            (self.offset > 0, kind::MESSAGE_OFFSET),
        ];
        for (is_set, flag) in flags {
            frame_type |= if is_set { flag } else { 0 };
        }
        write_all(buffer, &[frame_type, self.id, self.size]);
        if self.offset > 0 {
            write_varint(buffer, self.offset);
        }
        if let Some(slack) = self.slack {
            write_varint(buffer, slack);
        }
        if let Some(length) = self.length {
            write_varint(buffer, length as u64);
        }
    }
}

pub(crate) fn write_reset_message(buffer: &mut Vec<u8>, id: u64, size: u64, reason: u64) {
    write_all(buffer, &[kind::RESET_MESSAGE, id, size, reason]);
}

pub(crate) fn write_messages_expired(buffer: &mut Vec<u8>, frame: MessagesExpired) {
    write_all(buffer, &[kind::MESSAGES_EXPIRED, frame.unsent, frame.late]);
}

pub(crate) fn write_timestamp(buffer: &mut Vec<u8>, frame: Timestamp) {
    write_all(buffer, &[kind::TIMESTAMP, frame.time, frame.path]);
}

pub(crate) fn write_max_message_data(buffer: &mut Vec<u8>, bytes: u64) {
    write_all(buffer, &[kind::MAX_MESSAGE_DATA, bytes]);
}

pub(crate) fn write_message_data_blocked(buffer: &mut Vec<u8>, limit: u64) {
    write_all(buffer, &[kind::MESSAGE_DATA_BLOCKED, limit]);
}

/// Type, distance, and a window at its largest.
pub(crate) const REPAIR_HEADER_BYTES_MAX: usize = 2 + 2 + 8;

pub(crate) fn repair_header_size(distance: u64, window: u64) -> usize {
    [kind::REPAIR, distance, window]
        .into_iter()
        .map(varint_size)
        .sum()
}

/// The combination of symbols follows, to the end of the packet.
pub(crate) fn write_repair_header(buffer: &mut Vec<u8>, distance: u64, window: u64) {
    write_all(buffer, &[kind::REPAIR, distance, window]);
}

pub(crate) fn write_recovered(buffer: &mut Vec<u8>, number: u64) {
    write_all(buffer, &[kind::RECOVERED, number]);
}

pub(crate) fn write_max_data(buffer: &mut Vec<u8>, bytes: u64) {
    write_all(buffer, &[kind::MAX_DATA, bytes]);
}

pub(crate) fn write_max_stream_data(buffer: &mut Vec<u8>, id: StreamId, bytes: u64) {
    write_all(buffer, &[kind::MAX_STREAM_DATA, id.value(), bytes]);
}

pub(crate) fn write_max_streams(buffer: &mut Vec<u8>, direction: Direction, count: u64) {
    write_all(buffer, &[kind::MAX_STREAMS_BIDI + flag(direction), count]);
}

pub(crate) fn write_data_blocked(buffer: &mut Vec<u8>, limit: u64) {
    write_all(buffer, &[kind::DATA_BLOCKED, limit]);
}

pub(crate) fn write_stream_data_blocked(buffer: &mut Vec<u8>, id: StreamId, limit: u64) {
    write_all(buffer, &[kind::STREAM_DATA_BLOCKED, id.value(), limit]);
}

pub(crate) fn write_streams_blocked(buffer: &mut Vec<u8>, direction: Direction, limit: u64) {
    write_all(
        buffer,
        &[kind::STREAMS_BLOCKED_BIDI + flag(direction), limit],
    );
}

pub(crate) fn write_new_connection_id(buffer: &mut Vec<u8>, new: &NewConnectionId) {
    write_all(
        buffer,
        &[kind::NEW_CONNECTION_ID, new.sequence, new.retire_prior_to],
    );
    buffer.push(new.id.len() as u8);
    buffer.extend_from_slice(&new.id);
    buffer.extend_from_slice(&new.reset_token.0);
}

pub(crate) fn write_retire_connection_id(buffer: &mut Vec<u8>, sequence: u64) {
    write_all(buffer, &[kind::RETIRE_CONNECTION_ID, sequence]);
}

pub(crate) fn write_path_challenge(buffer: &mut Vec<u8>, data: [u8; 8]) {
    write_varint(buffer, kind::PATH_CHALLENGE);
    buffer.extend_from_slice(&data);
}

pub(crate) fn write_path_response(buffer: &mut Vec<u8>, data: [u8; 8]) {
    write_varint(buffer, kind::PATH_RESPONSE);
    buffer.extend_from_slice(&data);
}

/// A close by the transport, because of a frame of type `frame_type` (0 if none).
pub(crate) fn write_transport_close(
    buffer: &mut Vec<u8>,
    error: u64,
    frame_type: u64,
    reason: &[u8],
) {
    write_all(buffer, &[kind::CLOSE_TRANSPORT, error, frame_type]);
    write_prefixed(buffer, reason);
}

/// A close by the application.
pub(crate) fn write_application_close(buffer: &mut Vec<u8>, error: u64, reason: &[u8]) {
    write_all(buffer, &[kind::CLOSE_APPLICATION, error]);
    write_prefixed(buffer, reason);
}

pub(crate) fn write_ack_frequency(buffer: &mut Vec<u8>, frame: &AckFrequency) {
    write_all(
        buffer,
        &[
            kind::ACK_FREQUENCY,
            frame.sequence,
            frame.ack_eliciting_threshold,
            frame.request_max_ack_delay,
            frame.reordering_threshold,
        ],
    );
}

fn flag(direction: Direction) -> u64 {
    u64::from(direction == Direction::Unidirectional)
}
