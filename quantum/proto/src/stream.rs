//! Streams: ordered bytes in one direction or both.

pub(crate) mod blocks;
mod control;
mod counts;
pub(crate) mod coverage;
pub(crate) mod flow;
mod receive_buffer;
mod receiving;
mod schedule;
mod send_buffer;
mod sending;
mod set;

pub(crate) use receive_buffer::ReceiveBuffer;
pub(crate) use send_buffer::SendBuffer;
pub(crate) use sending::Purpose;
pub(crate) use set::{PeerLimits, Streams};

use std::fmt;

use thiserror::Error;

use crate::parameters::TransportParameters;

/// Which end of a connection: the one that opened it, or the one that accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Opened the connection.
    Client,
    /// Accepted it.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// In which directions a stream carries bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Both ends write.
    Bidirectional,
    /// Only the end that opened it writes.
    Unidirectional,
}

/// Names a stream within its connection: bit 0 says who opened it (0: client), bit 1 its direction
/// (0: bidirectional), the rest counts (RFC 9000 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(crate) u64);

impl StreamId {
    /// The `index`th stream that `initiator` opens in `direction`, from zero.
    #[must_use]
    pub fn new(initiator: Side, direction: Direction, index: u64) -> Self {
        Self(index << 2 | (direction as u64) << 1 | initiator as u64)
    }

    /// Who opened it.
    #[must_use]
    pub fn initiator(self) -> Side {
        if self.0 & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        }
    }

    /// In which directions it carries bytes.
    #[must_use]
    pub fn direction(self) -> Direction {
        if self.0 & 2 == 0 {
            Direction::Bidirectional
        } else {
            Direction::Unidirectional
        }
    }

    /// How many streams of its kind came before it.
    #[must_use]
    pub fn index(self) -> u64 {
        self.0 >> 2
    }

    /// The number on the wire.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {:?} stream {}",
            self.initiator(),
            self.direction(),
            self.index()
        )
    }
}

/// Nothing could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is no room now: the peer, or the send window, does not allow more.
    #[error("no room to write now")]
    Blocked,
    /// The peer's application wants no more of the stream; its code.
    #[error("the peer stopped the stream: code {0}")]
    Stopped(u64),
    /// This end has finished or reset the stream, or it does not exist: the caller's fault.
    #[error("the stream is finished, reset or unknown at this end")]
    Closed,
    /// The connection is over, or about to be.
    #[error("the connection is closed")]
    ConnectionClosed,
}

/// Nothing could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing has arrived yet.
    #[error("nothing to read now")]
    Blocked,
    /// The peer's application gave the stream up; its code.
    #[error("the peer reset the stream: code {0}")]
    Reset(u64),
    /// This end has stopped the stream or read its end, or it does not exist: the caller's fault.
    #[error("the stream is stopped, read to its end, or unknown at this end")]
    Closed,
}

/// A stream cannot be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FinishError {
    /// The peer's application wants no more of the stream; its code.
    #[error("the peer stopped the stream: code {0}")]
    Stopped(u64),
    /// It is finished or reset already, or does not exist: the caller's fault.
    #[error("the stream is finished, reset or unknown at this end")]
    Closed,
}

/// The stream has ended at this end, or never was: the caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream has ended or is unknown at this end")]
pub struct ClosedStream;

/// What happened to streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    Opened(Direction),
    Readable(StreamId),
    Writable(StreamId),
    Finished(StreamId),
    Stopped(StreamId, u64),
    Available(Direction),
}

impl From<&TransportParameters> for PeerLimits {
    fn from(peer: &TransportParameters) -> Self {
        Self {
            data: peer.initial_max_data,
            bidi_local: peer.initial_max_stream_data_bidi_local,
            bidi_remote: peer.initial_max_stream_data_bidi_remote,
            uni: peer.initial_max_stream_data_uni,
            streams_bidi: peer.initial_max_streams_bidi,
            streams_uni: peer.initial_max_streams_uni,
        }
    }
}
