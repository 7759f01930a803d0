//! Frames, as qlog shows them.

use super::json::Object;
use crate::observe::{Ack, Frame};
use crate::stream::Direction;

/// Writes what a frame says.
pub(super) fn write(frame: &Frame<'_>, data: &mut Object<'_>) {
    data.text("frame_type", name(frame));
    match *frame {
        Frame::Ack(ref ack) => write_ack(ack, data),
        Frame::Crypto { offset, bytes } => {
            data.number("offset", offset);
            data.number("length", bytes as u64);
        }
        Frame::Stream {
            id,
            offset,
            bytes,
            fin,
        } => {
            data.number("stream_id", id.value());
            data.number("offset", offset);
            data.number("length", bytes as u64);
            data.flag("fin", fin);
        }
        Frame::Message {
            id,
            size,
            offset,
            bytes,
            reliable,
            slack,
        } => {
            data.number("message_id", id);
            data.number("message_size", size);
            data.number("offset", offset);
            data.number("length", bytes as u64);
            data.flag("reliable", reliable);
            if let Some(slack) = slack {
                data.milliseconds("slack", slack);
            }
        }
        _ => write_control(frame, data),
    }
}

fn name(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Padding => "padding",
        Frame::Ping => "ping",
        Frame::Ack(_) => "ack",
        Frame::ResetStream { .. } => "reset_stream",
        Frame::StopSending { .. } => "stop_sending",
        Frame::Crypto { .. } => "crypto",
        Frame::NewToken { .. } => "new_token",
        Frame::Stream { .. } => "stream",
        Frame::MaxData { .. } => "max_data",
        Frame::MaxStreamData { .. } => "max_stream_data",
        Frame::MaxStreams { .. } => "max_streams",
        Frame::DataBlocked { .. } => "data_blocked",
        Frame::StreamDataBlocked { .. } => "stream_data_blocked",
        Frame::StreamsBlocked { .. } => "streams_blocked",
        Frame::NewConnectionId { .. } => "new_connection_id",
        Frame::RetireConnectionId { .. } => "retire_connection_id",
        Frame::PathChallenge => "path_challenge",
        Frame::PathResponse => "path_response",
        Frame::Close { .. } => "connection_close",
        Frame::HandshakeDone => "handshake_done",
        Frame::AckFrequency { .. } => "ack_frequency",
        Frame::ImmediateAck => "immediate_ack",
        Frame::Message { .. } => "message",
        Frame::ResetMessage { .. } => "reset_message",
        Frame::MaxMessageData { .. } => "max_message_data",
        Frame::MessageDataBlocked { .. } => "message_data_blocked",
        Frame::MessagesExpired { .. } => "messages_expired",
        Frame::Timestamp { .. } => "timestamp",
        Frame::Repair { .. } => "repair",
        Frame::Recovered { .. } => "recovered",
        Frame::Grease => "unknown",
    }
}

fn write_ack(ack: &Ack<'_>, data: &mut Object<'_>) {
    data.milliseconds("ack_delay", ack.delay);
    data.array("acked_ranges", |ranges| {
        for range in ack.ranges() {
            ranges.pair(*range.start(), *range.end());
        }
    });
    if let Some([ect0, ect1, ce]) = ack.ecn {
        data.number("ect0", ect0);
        data.number("ect1", ect1);
        data.number("ce", ce);
    }
}

fn write_control(frame: &Frame<'_>, data: &mut Object<'_>) {
    match *frame {
        Frame::ResetStream {
            id,
            error,
            final_size,
        } => {
            data.number("stream_id", id.value());
            data.number("error_code", error);
            data.number("final_size", final_size);
        }
        Frame::StopSending { id, error } => {
            data.number("stream_id", id.value());
            data.number("error_code", error);
        }
        Frame::NewToken { bytes } => data.number("length", bytes as u64),
        Frame::NewConnectionId {
            sequence,
            retire_prior_to,
            id,
        } => {
            data.number("sequence_number", sequence);
            data.number("retire_prior_to", retire_prior_to);
            data.number("connection_id_length", id.len() as u64);
            data.hexadecimal("connection_id", &id);
        }
        Frame::RetireConnectionId { sequence } => data.number("sequence_number", sequence),
        Frame::Close {
            transport,
            error,
            reason,
            ..
        } => {
            let space = if transport {
                "transport"
            } else {
                "application"
            };
            data.text("error_space", space);
            data.number("error_code", error);
            data.text("reason", &String::from_utf8_lossy(reason));
        }
        Frame::AckFrequency {
            sequence,
            ack_eliciting_threshold,
            ack_delay_max,
            reordering_threshold,
        } => {
            data.number("sequence_number", sequence);
            data.number("ack_eliciting_threshold", ack_eliciting_threshold);
            data.milliseconds("requested_max_ack_delay", ack_delay_max);
            data.number("reordering_threshold", reordering_threshold);
        }
        Frame::ResetMessage { id, size, expired } => {
            data.number("message_id", id);
            data.number("message_size", size);
            data.flag("expired", expired);
        }
        Frame::MessagesExpired { unsent, late } => {
            data.number("unsent", unsent);
            data.number("late", late);
        }
        Frame::Timestamp { time, path } => {
            data.milliseconds("time", time);
            data.number("path", path);
        }
        _ => write_repair(frame, data),
    }
}

/// Frames of forward error correction.
fn write_repair(frame: &Frame<'_>, data: &mut Object<'_>) {
    match *frame {
        Frame::Repair {
            distance,
            packets,
            bytes,
        } => {
            data.number("distance", distance);
            data.number("packets", packets);
            data.number("length", bytes as u64);
        }
        Frame::Recovered { number } => data.number("packet_number", number),
        _ => write_credit(frame, data),
    }
}

/// Frames about how much may be sent.
fn write_credit(frame: &Frame<'_>, data: &mut Object<'_>) {
    let mut streams = |key, direction, count: u64| {
        let kind = match direction {
            Direction::Bidirectional => "bidirectional",
            Direction::Unidirectional => "unidirectional",
        };
        data.text("stream_type", kind);
        data.number(key, count);
    };
    match *frame {
        Frame::MaxStreams { direction, count } => streams("maximum", direction, count),
        Frame::StreamsBlocked { direction, limit } => streams("limit", direction, limit),
        Frame::MaxData { bytes } | Frame::MaxMessageData { bytes } => data.number("maximum", bytes),
        Frame::MaxStreamData { id, bytes } => {
            data.number("stream_id", id.value());
            data.number("maximum", bytes);
        }
        Frame::DataBlocked { limit } | Frame::MessageDataBlocked { limit } => {
            data.number("limit", limit);
        }
        Frame::StreamDataBlocked { id, limit } => {
            data.number("stream_id", id.value());
            data.number("limit", limit);
        }
        _ => {}
    }
}
