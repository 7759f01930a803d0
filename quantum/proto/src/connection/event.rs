//! What a connection has to tell the application.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::error::ConnectionError;
use crate::stream::{Direction, StreamId};

/// News for the application, from [`Connection::poll_event`](crate::Connection::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer is who it claims to be, and data can be exchanged.
    Connected,
    /// Both ends know that the handshake is complete.
    HandshakeConfirmed,
    /// The peer opened a stream: [`Connection::accept`](crate::Connection::accept) has it.
    StreamOpened(Direction),
    /// A stream that had nothing to read has something now: data, its end, or an error.
    Readable(StreamId),
    /// A stream that blocked takes data again.
    Writable(StreamId),
    /// The peer has received all of a finished stream.
    Finished(StreamId),
    /// The peer does not want more of a stream; the code is its application's.
    Stopped(StreamId, u64),
    /// A stream can be opened again.
    StreamsAvailable(Direction),
    /// [`Connection::receive_message`](crate::Connection::receive_message) has a message, if it is not
    /// late by now.
    MessageReceived,
    /// Messages that blocked are taken again.
    MessagesWritable,
    /// A message of this end expired, or several:
    /// [`Connection::take_expired_message`](crate::Connection::take_expired_message) has their
    /// numbers.
    MessageExpired,
    /// So many more messages of the peer's expired: there, or on their way here.
    MessagesMissed(u64),
    /// The server did not take the 0-RTT data: what was sent with it is sent again.
    EarlyDataRejected,
    /// The peer is now reached at this address.
    PathChanged(SocketAddr),
    /// The connection is over; nothing follows.
    Closed(ConnectionError),
}

/// Takes the first of events that are rare after the handshake: no memory is kept for them.
pub(super) fn take_next<T>(events: &mut VecDeque<T>) -> Option<T> {
    let next = events.pop_front();
    if next.is_none() && events.capacity() > 0 {
        *events = VecDeque::new();
    }
    next
}
