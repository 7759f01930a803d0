//! Bytes to frames.

use super::ranges::next_range;
use super::{
    Ack, AckFrequency, EcnCounts, Frame, Message, MessagesExpired, NewConnectionId, Repair, Stream,
    Timestamp, kind,
};
use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::{Direction, StreamId};
use crate::wire::{Reader, UnexpectedEnd, varint_size};

/// The frames of a packet's payload.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a>(Reader<'a>);

/// A frame that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameError {
    pub(crate) frame_type: u64,
    pub(crate) reason: &'static str,
}

impl From<FrameError> for TransportError {
    fn from(error: FrameError) -> Self {
        Self {
            code: TransportErrorCode::FRAME_ENCODING_ERROR,
            frame_type: Some(error.frame_type),
            reason: error.reason,
        }
    }
}

impl<'a> Frames<'a> {
    pub(crate) const fn new(payload: &'a [u8]) -> Self {
        Self(Reader::new(payload))
    }

    /// Bytes that are not read yet.
    pub(crate) const fn remaining(&self) -> usize {
        self.0.remaining()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut frame_type = 0;
        let result = decode(&mut self.0, &mut frame_type).map_err(|fault| FrameError {
            frame_type,
            reason: match fault {
                Fault::End => "a frame that ends early",
                Fault::Invalid(reason) => reason,
            },
        });
        if result.is_err() {
            self.0.rest();
        }
        Some(result)
    }
}

enum Fault {
    End,
    Invalid(&'static str),
}

impl From<UnexpectedEnd> for Fault {
    fn from(_: UnexpectedEnd) -> Self {
        Self::End
    }
}

#[inline]
fn decode<'a>(reader: &mut Reader<'a>, frame_type: &mut u64) -> Result<Frame<'a>, Fault> {
    let before = reader.remaining();
    *frame_type = reader.varint()?;
    if before - reader.remaining() != varint_size(*frame_type) {
        return Err(Fault::Invalid(
            "a frame type in a longer form than it needs",
        ));
    }
    match *frame_type {
        flags @ kind::STREAM..=kind::STREAM_LAST => stream(reader, flags),
        kind::ACK => ack(reader, false),
        kind::ACK_ECN => ack(reader, true),
        flags @ kind::MESSAGE..=kind::MESSAGE_LAST => message(reader, flags, false),
        flags @ kind::DEADLINE_MESSAGE..=kind::DEADLINE_MESSAGE_LAST => {
            message(reader, flags, true)
        }
        kind::PADDING => Ok(padding(reader)),
        other => control(reader, other),
    }
}

fn control<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Fault> {
    Ok(match frame_type {
        kind::PING => Frame::Ping,
        kind::CRYPTO => crypto(reader)?,
        kind::MAX_DATA => Frame::MaxData {
            bytes: reader.varint()?,
        },
        kind::MAX_STREAM_DATA => Frame::MaxStreamData {
            id: stream_id(reader)?,
            bytes: reader.varint()?,
        },
        kind::MAX_STREAMS_BIDI | kind::MAX_STREAMS_UNI => Frame::MaxStreams {
            direction: direction(frame_type),
            count: stream_count(reader)?,
        },
        kind::RESET_STREAM => Frame::ResetStream {
            id: stream_id(reader)?,
            error: reader.varint()?,
            final_size: reader.varint()?,
        },
        kind::STOP_SENDING => Frame::StopSending {
            id: stream_id(reader)?,
            error: reader.varint()?,
        },
        kind::DATA_BLOCKED => Frame::DataBlocked {
            limit: reader.varint()?,
        },
        kind::STREAM_DATA_BLOCKED => Frame::StreamDataBlocked {
            id: stream_id(reader)?,
            limit: reader.varint()?,
        },
        kind::STREAMS_BLOCKED_BIDI | kind::STREAMS_BLOCKED_UNI => Frame::StreamsBlocked {
            direction: direction(frame_type),
            limit: stream_count(reader)?,
        },
        kind::RESET_MESSAGE => Frame::ResetMessage {
            id: reader.varint()?,
            size: reader.varint()?,
            reason: reader.varint()?,
        },
        kind::MAX_MESSAGE_DATA => Frame::MaxMessageData {
            bytes: reader.varint()?,
        },
        kind::MESSAGE_DATA_BLOCKED => Frame::MessageDataBlocked {
            limit: reader.varint()?,
        },
        kind::MESSAGES_EXPIRED => Frame::MessagesExpired(MessagesExpired {
            unsent: reader.varint()?,
            late: reader.varint()?,
        }),
        kind::TIMESTAMP => Frame::Timestamp(Timestamp {
            time: reader.varint()?,
            path: reader.varint()?,
        }),
        kind::REPAIR => Frame::Repair(Repair {
            distance: reader.varint()?,
            window: reader.varint()?,
            data: reader.rest(),
        }),
        kind::RECOVERED => Frame::Recovered {
            number: reader.varint()?,
        },
        kind::GREASE => Frame::Grease,
        other => connection_control(reader, other)?,
    })
}

fn connection_control<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Fault> {
    Ok(match frame_type {
        kind::NEW_TOKEN => match reader.prefixed()? {
            // RFC 9000 section 19.7.
            [] => return Err(Fault::Invalid("an empty token")),
            token => Frame::NewToken { token },
        },
        kind::NEW_CONNECTION_ID => new_connection_id(reader)?,
        kind::RETIRE_CONNECTION_ID => Frame::RetireConnectionId {
            sequence: reader.varint()?,
        },
        kind::PATH_CHALLENGE => Frame::PathChallenge {
            data: reader.array()?,
        },
        kind::PATH_RESPONSE => Frame::PathResponse {
            data: reader.array()?,
        },
        kind::CLOSE_TRANSPORT => Frame::Close {
            transport: true,
            error: reader.varint()?,
            frame_type: reader.varint()?,
            reason: reader.prefixed()?,
        },
        kind::CLOSE_APPLICATION => Frame::Close {
            transport: false,
            error: reader.varint()?,
            frame_type: 0,
            reason: reader.prefixed()?,
        },
        kind::HANDSHAKE_DONE => Frame::HandshakeDone,
        kind::IMMEDIATE_ACK => Frame::ImmediateAck,
        kind::ACK_FREQUENCY => Frame::AckFrequency(AckFrequency {
            sequence: reader.varint()?,
            ack_eliciting_threshold: reader.varint()?,
            request_max_ack_delay: reader.varint()?,
            reordering_threshold: reader.varint()?,
        }),
        _ => return Err(Fault::Invalid("a frame of an unknown type")),
    })
}

/// Padding comes in runs: they are skipped at once.
fn padding<'a>(reader: &mut Reader<'a>) -> Frame<'a> {
    let rest = reader.clone().rest();
    let run = rest.iter().take_while(|byte| **byte == 0).count();
    // The run is within the rest.
    let _ = reader.bytes(run);
    Frame::Padding
}

#[inline]
fn stream<'a>(reader: &mut Reader<'a>, flags: u64) -> Result<Frame<'a>, Fault> {
    let id = stream_id(reader)?;
    let offset = if flags & kind::STREAM_OFFSET != 0 {
        reader.varint()?
    } else {
        0
    };
    let data = data(reader, flags & kind::STREAM_LENGTH != 0)?;
    check_end(offset, data)?;
    let fin = flags & kind::STREAM_FIN != 0;
    Ok(Frame::Stream(Stream {
        id,
        offset,
        fin,
        data,
    }))
}

fn message<'a>(
    reader: &mut Reader<'a>,
    flags: u64,
    has_deadline: bool,
) -> Result<Frame<'a>, Fault> {
    let id = reader.varint()?;
    let size = reader.varint()?;
    let offset = if flags & kind::MESSAGE_OFFSET != 0 {
        reader.varint()?
    } else {
        0
    };
    let slack = has_deadline.then(|| reader.varint()).transpose()?;
    let data = data(reader, flags & kind::MESSAGE_LENGTH != 0)?;
    check_end(offset, data)?;
    let reliable = flags & kind::MESSAGE_RELIABLE != 0;
    Ok(Frame::Message(Message {
        id,
        size,
        reliable,
        offset,
        slack,
        data,
    }))
}

fn crypto<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Fault> {
    let offset = reader.varint()?;
    let data = reader.prefixed()?;
    check_end(offset, data)?;
    Ok(Frame::Crypto { offset, data })
}

#[inline]
fn data<'a>(reader: &mut Reader<'a>, has_length: bool) -> Result<&'a [u8], Fault> {
    if has_length {
        Ok(reader.prefixed()?)
    } else {
        Ok(reader.rest())
    }
}

/// No stream is longer than a varint can say (RFC 9000 section 19.8).
#[inline]
fn check_end(offset: u64, data: &[u8]) -> Result<(), Fault> {
    if offset + data.len() as u64 > crate::wire::VARINT_MAX {
        return Err(Fault::Invalid("data beyond the largest offset"));
    }
    Ok(())
}

fn ack<'a>(reader: &mut Reader<'a>, with_ecn: bool) -> Result<Frame<'a>, Fault> {
    let largest = reader.varint()?;
    let delay = reader.varint()?;
    let count = reader.varint()?;
    let first_range = reader.varint()?;
    let mut start = largest
        .checked_sub(first_range)
        .ok_or(Fault::Invalid("acknowledged packets below zero"))?;
    let all = reader.clone().rest();
    let before = reader.remaining();
    let mut kept = 0;
    // Every range takes two bytes or more: the loop is bounded by the packet.
    for index in 0..count {
        if reader.remaining() < 2 {
            return Err(Fault::End);
        }
        let range = next_range(reader, start).ok_or(Fault::Invalid(
            "acknowledged packets below zero, or ranges that end early",
        ))?;
        start = *range.start();
        if index < RANGES_MAX {
            kept = before - reader.remaining();
        }
    }
    let ecn = if with_ecn {
        Some(EcnCounts {
            ect0: reader.varint()?,
            ect1: reader.varint()?,
            ce: reader.varint()?,
        })
    } else {
        None
    };
    Ok(Frame::Ack(Ack {
        largest,
        delay,
        encoded_ranges: all.get(..kept).unwrap_or_default(),
        first_range,
        range_count: count.min(RANGES_MAX),
        ecn,
    }))
}

fn new_connection_id<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Fault> {
    let sequence = reader.varint()?;
    let retire_prior_to = reader.varint()?;
    let length = reader.u8()?;
    if retire_prior_to > sequence {
        return Err(Fault::Invalid("a connection id that retires itself"));
    }
    let id = ConnectionId::new(reader.bytes(length.into())?)
        .filter(|id| !id.is_empty())
        .ok_or(Fault::Invalid(
            "a connection id of a length that is not allowed",
        ))?;
    let reset_token = ResetToken(reader.array()?);
    Ok(Frame::NewConnectionId(NewConnectionId {
        sequence,
        retire_prior_to,
        id,
        reset_token,
    }))
}

#[inline]
fn stream_id(reader: &mut Reader<'_>) -> Result<StreamId, UnexpectedEnd> {
    reader.varint().map(StreamId)
}

/// More could not be named (RFC 9000 section 19.11).
fn stream_count(reader: &mut Reader<'_>) -> Result<u64, Fault> {
    let count = reader.varint()?;
    if count > 1 << 60 {
        return Err(Fault::Invalid("more streams than can be named"));
    }
    Ok(count)
}

fn direction(frame_type: u64) -> Direction {
    if frame_type & 1 == 0 {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    }
}

/// Ranges of an ACK frame that are looked at (Q-ACK-1); older ones were in frames before it.
const RANGES_MAX: u64 = 64;
