//! Streams: ordered bytes in one direction or both.

use std::fmt;

use thiserror::Error;

mod control;
mod counts;
mod coverage;
mod flow;
mod receive_buffer;
mod receiving;
mod schedule;
mod send_buffer;
mod sending;
mod set;

pub(crate) use coverage::Coverage;
pub(crate) use flow::{ReceiveCredit, SendCredit};
pub(crate) use receive_buffer::ReceiveBuffer;
pub(crate) use send_buffer::SendBuffer;
pub(crate) use set::{PeerLimits, Streams};

/// Which end of a connection: the one that opened it, or the one that accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Opened the connection.
    Client,
    /// Accepted it.
    Server,
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

/// Something about streams that the application may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    /// The peer opened streams: accept until there are none.
    Opened(Direction),
    /// A read that was blocked, or the first one, returns something.
    Readable(StreamId),
    /// A write that was blocked finds room.
    Writable(StreamId),
    /// The peer has acknowledged everything, the end included.
    Finished(StreamId),
    /// The peer wants no more, with this error; what was not delivered is dropped.
    Stopped(StreamId, u64),
    /// A stream can be opened, which was not so when it was tried.
    Available(Direction),
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// Nobody's fault: there is no room until the peer reads or acknowledges.
    #[error("no room until the peer reads more")]
    Blocked,
    /// The peer's application asked to stop, with this error of its own.
    #[error("the peer stopped the stream with error {0}")]
    Stopped(u64),
    /// The caller's fault: the stream was finished or reset, has ended, or never existed.
    #[error("written to a stream that is closed")]
    Closed,
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Nobody's fault: nothing is there yet.
    #[error("nothing to read yet")]
    Blocked,
    /// The peer's application gave the stream up, with this error of its own. Told once.
    #[error("the peer reset the stream with error {0}")]
    Reset(u64),
    /// The caller's fault: the stream was stopped, its end or error has been read, or it never
    /// existed.
    #[error("read from a stream that is closed")]
    Closed,
}

/// Why a stream cannot be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FinishError {
    /// The peer's application asked to stop, with this error of its own.
    #[error("the peer stopped the stream with error {0}")]
    Stopped(u64),
    /// The caller's fault: the stream was finished or reset, has ended, or never existed.
    #[error("finished a stream that is closed")]
    Closed,
}

/// The caller's fault: that half of the stream has ended, or never existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream is closed")]
pub struct ClosedStream;
