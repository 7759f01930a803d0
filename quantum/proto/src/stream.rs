//! Streams: ordered bytes in one direction or both.

use std::fmt;

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
