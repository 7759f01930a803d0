//! What can go wrong, by operation.

use std::io;

pub use quantum_proto::error::{ConnectionError, TransportError, TransportErrorCode};
use thiserror::Error;

use crate::protocol;

/// Why there is no connection.
#[derive(Clone, Debug, Error)]
pub enum ConnectError {
    /// The caller asked for something that cannot be: see the reason.
    #[error("cannot connect: {0}")]
    Invalid(#[from] protocol::ConnectError),
    /// The caller gave the endpoint no configuration for clients.
    #[error("cannot connect: the endpoint has no client configuration")]
    NoConfiguration,
    /// The caller closed the endpoint.
    #[error("cannot connect: the endpoint is closed")]
    EndpointClosed,
    /// The handshake did not succeed.
    #[error(transparent)]
    Failed(#[from] ConnectionError),
}

/// Why bytes cannot be written to a stream.
#[derive(Clone, Debug, Error)]
pub enum WriteError {
    /// The peer's application wants no more of this stream, for a reason of its own.
    #[error("the peer stopped the stream with code {0}")]
    Stopped(u64),
    /// The caller finished or reset the stream before.
    #[error("the stream was finished or reset before")]
    Closed,
    /// The connection is over.
    #[error(transparent)]
    ConnectionLost(#[from] ConnectionError),
}

/// Why bytes cannot be read from a stream.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The peer's application gave the stream up, for a reason of its own.
    #[error("the peer reset the stream with code {0}")]
    Reset(u64),
    /// The caller stopped the stream before.
    #[error("the stream was stopped before")]
    Closed,
    /// The connection is over.
    #[error(transparent)]
    ConnectionLost(#[from] ConnectionError),
}

/// Why a stream cannot be read to its end.
#[derive(Clone, Debug, Error)]
pub enum ReadToEndError {
    /// The peer sent more than the caller wants.
    #[error("the stream is longer than {limit} bytes")]
    TooLong {
        /// What the caller wants at most.
        limit: usize,
    },
    /// It cannot be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a message cannot be sent.
#[derive(Clone, Debug, Error)]
pub enum SendMessageError {
    /// The caller's message is larger than the peer takes.
    #[error("a message of {bytes} bytes, and the peer takes {bytes_max} at most")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The peer's limit.
        bytes_max: u64,
    },
    /// There was no room for it before its deadline.
    #[error("the deadline passed before there was room for the message")]
    Expired,
    /// The connection is over.
    #[error(transparent)]
    ConnectionLost(#[from] ConnectionError),
}

/// The caller finished, reset or stopped the stream before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream was closed before")]
pub struct ClosedStream;

fn kind(error: &ConnectionError) -> io::ErrorKind {
    match error {
        ConnectionError::TimedOut | ConnectionError::HandshakeTimedOut => io::ErrorKind::TimedOut,
        ConnectionError::LocallyClosed => io::ErrorKind::NotConnected,
        ConnectionError::ClosedByApplication { .. } => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::ConnectionReset,
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        let kind = match &error {
            WriteError::Stopped(_) => io::ErrorKind::ConnectionReset,
            WriteError::Closed => io::ErrorKind::NotConnected,
            WriteError::ConnectionLost(lost) => kind(lost),
        };
        Self::new(kind, error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Reset(_) => io::ErrorKind::ConnectionReset,
            ReadError::Closed => io::ErrorKind::NotConnected,
            ReadError::ConnectionLost(lost) => kind(lost),
        };
        Self::new(kind, error)
    }
}
