//! Any frame to bytes, with a length where one is possible, so that others may follow.

use super::encode::*;
use super::{Ack, Frame, kind};
use crate::wire::write_varint;

impl Frame<'_> {
    /// Appends the frame: what the decoder read, it reads again.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        match *self {
            Self::Padding => buffer.push(0),
            Self::Ping => write_ping(buffer),
            Self::Ack(ref ack) => write_decoded_ack(buffer, ack),
            Self::Crypto { offset, data } => {
                write_crypto_header(buffer, offset, data.len());
                buffer.extend_from_slice(data);
            }
            Self::NewToken { token } => write_new_token(buffer, token),
            Self::Stream(ref frame) => {
                let length = Some(frame.data.len());
                write_stream_header(buffer, frame.id, frame.offset, frame.fin, length);
                buffer.extend_from_slice(frame.data);
            }
            Self::Message(ref frame) => {
                let header = MessageHeader {
                    id: frame.id,
                    size: frame.size,
                    reliable: frame.reliable,
                    offset: frame.offset,
                    slack: frame.slack,
                    length: Some(frame.data.len()),
                };
                header.write(buffer);
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
            Self::ResetMessage { id, size, reason } => {
                write_reset_message(buffer, id, size, reason);
            }
            Self::MessagesExpired(frame) => write_messages_expired(buffer, frame),
            Self::Timestamp(frame) => write_timestamp(buffer, frame),
            Self::MaxMessageData { bytes } => write_max_message_data(buffer, bytes),
            Self::MessageDataBlocked { limit } => write_message_data_blocked(buffer, limit),
            Self::Repair(ref frame) => {
                write_repair_header(buffer, frame.distance, frame.window);
                buffer.extend_from_slice(frame.data);
            }
            Self::Recovered { number } => write_recovered(buffer, number),
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
            } => write_transport_close(buffer, error, frame_type, reason),
            Self::Close { error, reason, .. } => write_application_close(buffer, error, reason),
            Self::AckFrequency(ref frame) => write_ack_frequency(buffer, frame),
            Self::HandshakeDone => write_handshake_done(buffer),
            Self::ImmediateAck => write_immediate_ack(buffer),
            _ => write_grease(buffer),
        }
    }
}

fn write_decoded_ack(buffer: &mut Vec<u8>, ack: &Ack<'_>) {
    write_varint(buffer, kind::ACK + u64::from(ack.ecn.is_some()));
    for field in [ack.largest, ack.delay, ack.range_count, ack.first_range] {
        write_varint(buffer, field);
    }
    buffer.extend_from_slice(ack.encoded_ranges);
    if let Some(counts) = ack.ecn {
        for count in [counts.ect0, counts.ect1, counts.ce] {
            write_varint(buffer, count);
        }
    }
}
