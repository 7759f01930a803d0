//! Reads frames, one after the other, without copying their data.

use thiserror::Error;

use super::{AckFrequency, Frame, Message, NewConnectionId, Stream, ack, kind};
use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::{Direction, StreamId};
use crate::wire::{Reader, UnexpectedEnd, VARINT_MAX};

/// More streams than stream ids can name (RFC 9000 section 19.11).
const STREAMS_MAX: u64 = 1 << 60;

/// A frame that cannot be read: the peer is at fault and the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the peer sent a frame of type {frame_type:#x} that cannot be read: {reason}")]
pub(crate) struct FrameError {
    /// The type that the frame claims.
    pub(crate) frame_type: u64,
    /// The code to close with.
    pub(crate) code: TransportErrorCode,
    /// What is wrong.
    pub(crate) reason: &'static str,
}

impl From<FrameError> for TransportError {
    fn from(error: FrameError) -> Self {
        Self {
            code: error.code,
            frame_type: Some(error.frame_type),
            reason: error.reason,
        }
    }
}

/// What is wrong with a frame, its type left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    code: TransportErrorCode,
    reason: &'static str,
}

impl Problem {
    const fn encoding(reason: &'static str) -> Self {
        Self {
            code: TransportErrorCode::FRAME_ENCODING_ERROR,
            reason,
        }
    }
}

impl From<UnexpectedEnd> for Problem {
    fn from(_: UnexpectedEnd) -> Self {
        Self::encoding("the frame goes beyond the end of its packet")
    }
}

pub(super) const RANGE_BELOW_ZERO: Problem =
    Problem::encoding("a range of an ACK frame goes below packet zero");
const UNKNOWN_TYPE: Problem = Problem::encoding("unknown frame type");
const BEYOND_LAST_OFFSET: Problem = Problem::encoding("data goes beyond the largest offset");
const BEYOND_MESSAGE: Problem = Problem::encoding("data goes beyond the end of its message");
const TOO_MANY_STREAMS: Problem = Problem::encoding("more streams than ids can name");
const EMPTY_TOKEN: Problem = Problem::encoding("a token is empty");
const ID_LENGTH: Problem = Problem::encoding("a connection id is empty or too long");
const RETIRES_ITSELF: Problem =
    Problem::encoding("a new connection id is to be retired by its own frame");
/// RFC 9000 section 12.4.
const LONG_TYPE: Problem = Problem {
    code: TransportErrorCode::PROTOCOL_VIOLATION,
    reason: "a frame type is not in its shortest form",
};

/// The frames of a packet. Ends after the first error.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    reader: Reader<'a>,
}

impl<'a> Frames<'a> {
    /// Reads the plain payload of a packet.
    #[inline]
    pub(crate) const fn new(payload: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(payload),
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let mut frame_type = 0;
        let frame = read_type(&mut self.reader, &mut frame_type)
            .and_then(|()| read_frame(&mut self.reader, frame_type));
        Some(frame.map_err(|problem| {
            self.reader = Reader::new(&[]);
            FrameError {
                frame_type,
                code: problem.code,
                reason: problem.reason,
            }
        }))
    }
}

#[inline]
fn read_type(reader: &mut Reader<'_>, frame_type: &mut u64) -> Result<(), Problem> {
    let before = reader.remaining();
    *frame_type = reader.varint()?;
    if before - reader.remaining() == crate::wire::varint_size(*frame_type) {
        Ok(())
    } else {
        Err(LONG_TYPE)
    }
}

#[inline]
fn read_frame<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Problem> {
    Ok(match frame_type {
        kind::STREAM..=kind::STREAM_LAST => Frame::Stream(stream(reader, frame_type)?),
        kind::ACK | kind::ACK_ECN => Frame::Ack(ack::decode(reader, frame_type == kind::ACK_ECN)?),
        kind::MESSAGE..=kind::MESSAGE_LAST => Frame::Message(message(reader, frame_type)?),
        kind::PADDING => padding(reader)?,
        kind::PING => Frame::Ping,
        kind::CRYPTO => crypto(reader)?,
        kind::HANDSHAKE_DONE => Frame::HandshakeDone,
        kind::IMMEDIATE_ACK => Frame::ImmediateAck,
        kind::GREASE => Frame::Grease,
        kind::RESET_STREAM..=kind::STOP_SENDING
        | kind::MAX_DATA..=kind::STREAMS_BLOCKED_UNIDIRECTIONAL => {
            stream_control(reader, frame_type)?
        }
        kind::RESET_MESSAGE..=kind::MESSAGE_DATA_BLOCKED => message_control(reader, frame_type)?,
        _ => connection_control(reader, frame_type)?,
    })
}

#[inline]
fn stream<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Stream<'a>, Problem> {
    let id = StreamId(reader.varint()?);
    let offset = match frame_type & kind::STREAM_OFFSET {
        0 => 0,
        _ => reader.varint()?,
    };
    let data = match frame_type & kind::STREAM_LENGTH {
        0 => reader.rest(),
        _ => reader.prefixed_bytes()?,
    };
    check_end(offset, data)?;
    Ok(Stream {
        id,
        offset,
        fin: frame_type & kind::STREAM_FIN != 0,
        data,
    })
}

/// RFC 9000 sections 19.6 and 19.8: no byte lies beyond offset 2^62 - 1.
#[inline]
fn check_end(offset: u64, data: &[u8]) -> Result<(), Problem> {
    if offset + data.len() as u64 > VARINT_MAX {
        return Err(BEYOND_LAST_OFFSET);
    }
    Ok(())
}

#[inline]
fn message<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Message<'a>, Problem> {
    let (id, size) = (reader.varint()?, reader.varint()?);
    let offset = match frame_type & kind::MESSAGE_OFFSET {
        0 => 0,
        _ => reader.varint()?,
    };
    let data = match frame_type & kind::MESSAGE_LENGTH {
        0 => reader.rest(),
        _ => reader.prefixed_bytes()?,
    };
    if offset + data.len() as u64 > size {
        return Err(BEYOND_MESSAGE);
    }
    Ok(Message {
        id,
        size,
        reliable: frame_type & kind::MESSAGE_RELIABLE != 0,
        offset,
        data,
    })
}

/// Takes the whole run of padding at once.
fn padding<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Problem> {
    let rest = reader.peek_rest();
    let zeros = rest.iter().position(|&byte| byte != 0);
    reader.bytes(zeros.unwrap_or(rest.len()))?;
    Ok(Frame::Padding)
}

fn crypto<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Problem> {
    let offset = reader.varint()?;
    let data = reader.prefixed_bytes()?;
    check_end(offset, data)?;
    Ok(Frame::Crypto { offset, data })
}

fn stream_control<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Problem> {
    use Direction::{Bidirectional, Unidirectional};
    let first = reader.varint()?;
    let id = StreamId(first);
    Ok(match frame_type {
        kind::RESET_STREAM => Frame::ResetStream {
            id,
            error: reader.varint()?,
            final_size: reader.varint()?,
        },
        kind::STOP_SENDING => Frame::StopSending {
            id,
            error: reader.varint()?,
        },
        kind::MAX_DATA => Frame::MaxData { bytes: first },
        kind::MAX_STREAM_DATA => Frame::MaxStreamData {
            id,
            bytes: reader.varint()?,
        },
        kind::MAX_STREAMS_BIDIRECTIONAL => max_streams(Bidirectional, first)?,
        kind::MAX_STREAMS_UNIDIRECTIONAL => max_streams(Unidirectional, first)?,
        kind::DATA_BLOCKED => Frame::DataBlocked { limit: first },
        kind::STREAM_DATA_BLOCKED => Frame::StreamDataBlocked {
            id,
            limit: reader.varint()?,
        },
        kind::STREAMS_BLOCKED_BIDIRECTIONAL => streams_blocked(Bidirectional, first)?,
        kind::STREAMS_BLOCKED_UNIDIRECTIONAL => streams_blocked(Unidirectional, first)?,
        _ => return Err(UNKNOWN_TYPE),
    })
}

fn max_streams<'a>(direction: Direction, count: u64) -> Result<Frame<'a>, Problem> {
    if count > STREAMS_MAX {
        return Err(TOO_MANY_STREAMS);
    }
    Ok(Frame::MaxStreams { direction, count })
}

fn streams_blocked<'a>(direction: Direction, limit: u64) -> Result<Frame<'a>, Problem> {
    if limit > STREAMS_MAX {
        return Err(TOO_MANY_STREAMS);
    }
    Ok(Frame::StreamsBlocked { direction, limit })
}

fn message_control<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Problem> {
    let first = reader.varint()?;
    Ok(match frame_type {
        kind::RESET_MESSAGE => Frame::ResetMessage {
            id: first,
            size: reader.varint()?,
        },
        kind::MAX_MESSAGE_DATA => Frame::MaxMessageData { bytes: first },
        kind::MESSAGE_DATA_BLOCKED => Frame::MessageDataBlocked { limit: first },
        _ => return Err(UNKNOWN_TYPE),
    })
}

fn connection_control<'a>(reader: &mut Reader<'a>, frame_type: u64) -> Result<Frame<'a>, Problem> {
    Ok(match frame_type {
        kind::NEW_TOKEN => match reader.prefixed_bytes()? {
            [] => return Err(EMPTY_TOKEN),
            token => Frame::NewToken { token },
        },
        kind::NEW_CONNECTION_ID => Frame::NewConnectionId(new_connection_id(reader)?),
        kind::RETIRE_CONNECTION_ID => Frame::RetireConnectionId {
            sequence: reader.varint()?,
        },
        kind::PATH_CHALLENGE => Frame::PathChallenge {
            data: reader.array()?,
        },
        kind::PATH_RESPONSE => Frame::PathResponse {
            data: reader.array()?,
        },
        kind::CLOSE_TRANSPORT => close(reader, true)?,
        kind::CLOSE_APPLICATION => close(reader, false)?,
        kind::ACK_FREQUENCY => Frame::AckFrequency(ack_frequency(reader)?),
        _ => return Err(UNKNOWN_TYPE),
    })
}

fn new_connection_id(reader: &mut Reader<'_>) -> Result<NewConnectionId, Problem> {
    let (sequence, retire_prior_to) = (reader.varint()?, reader.varint()?);
    let length = reader.u8()?;
    if !(1..=ConnectionId::BYTES_MAX).contains(&usize::from(length)) {
        return Err(ID_LENGTH);
    }
    let id = ConnectionId::new(reader.bytes(usize::from(length))?).ok_or(ID_LENGTH)?;
    let reset_token = ResetToken(reader.array()?);
    if retire_prior_to > sequence {
        return Err(RETIRES_ITSELF);
    }
    Ok(NewConnectionId {
        sequence,
        retire_prior_to,
        id,
        reset_token,
    })
}

fn close<'a>(reader: &mut Reader<'a>, transport: bool) -> Result<Frame<'a>, Problem> {
    let error = reader.varint()?;
    let frame_type = match transport {
        true => reader.varint()?,
        false => 0,
    };
    Ok(Frame::Close {
        transport,
        error,
        frame_type,
        reason: reader.prefixed_bytes()?,
    })
}

fn ack_frequency(reader: &mut Reader<'_>) -> Result<AckFrequency, Problem> {
    Ok(AckFrequency {
        sequence: reader.varint()?,
        ack_eliciting_threshold: reader.varint()?,
        request_max_ack_delay: reader.varint()?,
        reordering_threshold: reader.varint()?,
    })
}
