//! A connection as the application holds it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use rustls::pki_types::CertificateDer;

use crate::error::{ConnectionError, SendMessageError};
use crate::protocol::{
    self, Direction, Guuid, Instant, MessageOptions, Side, Statistics, StreamId,
};
use crate::stream::{BidirectionalStream, ReceiveStream, SendStream};

pub(crate) mod cell;
pub(crate) mod wait;

use cell::{Cell, State};
use wait::{Occasion, Wait};

/// A connection to a peer: streams of ordered bytes, and messages.
///
/// Cheap to clone; all clones are the same connection. When the last clone and the last stream are
/// dropped, it shuts down as by [`shut_down`](Self::shut_down) with code 0: what was accepted for
/// sending is still delivered, as long as the runtime runs.
#[derive(Clone)]
pub struct Connection(Arc<Owner>);

/// Ends the connection when no handle is left.
struct Owner(Arc<Cell>);

impl Connection {
    pub(crate) fn new(cell: Arc<Cell>) -> Self {
        Self(Arc::new(Owner(cell)))
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.0.0
    }

    /// Opens a stream in both directions; waits while the peer allows no more streams. The peer
    /// hears of the stream with the first bytes on it.
    ///
    /// Cancel safe: dropped before it is ready, no stream was opened.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    pub async fn open_bi(&self) -> Result<BidirectionalStream, ConnectionError> {
        let id = self.open(Direction::Bidirectional).await?;
        Ok(self.bidirectional(id))
    }

    /// Opens a stream on which only this side sends; waits while the peer allows no more streams.
    ///
    /// Cancel safe: dropped before it is ready, no stream was opened.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    pub async fn open_uni(&self) -> Result<SendStream, ConnectionError> {
        let id = self.open(Direction::Unidirectional).await?;
        Ok(SendStream::new(self.clone(), id))
    }

    /// The next stream in both directions that the peer opened.
    ///
    /// Cancel safe: dropped before it is ready, no stream was taken.
    ///
    /// # Errors
    ///
    /// If the connection is over and every stream that was opened before has been taken.
    pub async fn accept_bi(&self) -> Result<BidirectionalStream, ConnectionError> {
        let id = self.accept(Direction::Bidirectional).await?;
        Ok(self.bidirectional(id))
    }

    /// The next stream that the peer opened to send on.
    ///
    /// Cancel safe: dropped before it is ready, no stream was taken.
    ///
    /// # Errors
    ///
    /// If the connection is over and every stream that was opened before has been taken.
    pub async fn accept_uni(&self) -> Result<ReceiveStream, ConnectionError> {
        let id = self.accept(Direction::Unidirectional).await?;
        Ok(ReceiveStream::new(self.clone(), id))
    }

    /// Sends a message that arrives whole, whatever the network loses, in no order with other
    /// messages. Waits while the peer's credit is used up.
    ///
    /// Cancel safe: dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    ///
    /// If the message is too large, or the connection is over.
    pub async fn send_message(&self, data: impl Into<Bytes>) -> Result<(), SendMessageError> {
        let options = MessageOptions::reliable();
        self.send(data.into(), options, Instant::DISTANT).await?;
        Ok(())
    }

    /// Sends a message that arrives whole or, if the network loses a part of it, not at all. Waits
    /// while the peer's credit is used up.
    ///
    /// Cancel safe: dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    ///
    /// If the message is too large, or the connection is over.
    pub async fn send_unreliable_message(
        &self,
        data: impl Into<Bytes>,
    ) -> Result<(), SendMessageError> {
        let options = MessageOptions::unreliable();
        self.send(data.into(), options, Instant::DISTANT).await?;
        Ok(())
    }

    /// Sends a message as `options` say, and gives its number: the messages of this end are counted
    /// from 0. Waits while the peer's credit is used up; a deadline counts from when it is first
    /// polled.
    ///
    /// Cancel safe: dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    ///
    /// If the message is too large, there is no room for it before its deadline, or the connection
    /// is over.
    ///
    /// # Panics
    ///
    /// With a deadline, outside of a tokio runtime whose time is enabled.
    pub async fn send_message_with(
        &self,
        data: impl Into<Bytes>,
        options: MessageOptions,
    ) -> Result<u64, SendMessageError> {
        let Some(after) = options.deadline() else {
            return self.send(data.into(), options, Instant::DISTANT).await;
        };
        let until = self.cell().now() + after;
        let sending = self.send(data.into(), options, until);
        let sent = tokio::time::timeout(after, sending).await;
        sent.unwrap_or(Err(SendMessageError::Expired))
    }

    /// The number of the next message of this end that expired: its deadline passed before it was
    /// delivered, or would have. Of those that nobody asks for, the newest 1,024 are kept.
    ///
    /// A message that reached the peer too late counts as delivered here; how many did shows in
    /// [`Statistics::messages_late`].
    ///
    /// Cancel safe: dropped before it is ready, no number was taken.
    ///
    /// # Errors
    ///
    /// If the connection is over and every number has been taken.
    pub async fn expired_message(&self) -> Result<u64, ConnectionError> {
        let take = |state: &mut State| match state.protocol.take_expired_message() {
            Some(number) => Poll::Ready(Ok(number)),
            None => state.unless_ended(),
        };
        Wait::new(self.cell(), Occasion::MessageExpired, take).await
    }

    /// The next message that arrived, and is not past its deadline.
    ///
    /// Cancel safe: dropped before it is ready, no message was taken.
    ///
    /// # Errors
    ///
    /// If the connection is over and every message that arrived before has been taken.
    pub async fn receive_message(&self) -> Result<Bytes, ConnectionError> {
        let cell = self.cell();
        let take = |state: &mut State| match state.protocol.receive_message(cell.now()) {
            Some(message) => Poll::Ready(Ok(message)),
            None => state.unless_ended(),
        };
        Wait::new(cell, Occasion::MessageReceived, take).await
    }

    /// Closes the connection at once: what is on its way may be lost. The peer's application
    /// hears `code` and `reason`.
    pub fn close(&self, code: u64, reason: &[u8]) {
        let mut wakes = Vec::new();
        self.cell().close(code, reason, &mut wakes);
        wakes.into_iter().for_each(Waker::wake);
    }

    /// Closes the connection when the peer has everything that was accepted for sending: streams
    /// are finished, messages sent. Returns at once; [`closed`](Self::closed) waits for the end.
    pub fn shut_down(&self, code: u64, reason: &[u8]) {
        self.cell().shut_down(code, reason);
    }

    /// Waits until the connection is over, and says why.
    ///
    /// Cancel safe.
    pub async fn closed(&self) -> ConnectionError {
        let look = |state: &mut State| match &state.ended {
            Some(error) => Poll::Ready(error.clone()),
            None => Poll::Pending,
        };
        Wait::new(self.cell(), Occasion::Closed, look).await
    }

    /// Waits until the handshake is complete. Only a connection that was made by
    /// [`connect_early`](crate::Endpoint::connect_early), or accepted with early data, is there
    /// before that.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// If the handshake failed.
    pub async fn established(&self) -> Result<(), ConnectionError> {
        let look = |state: &mut State| {
            if state.connected {
                return Poll::Ready(Ok(()));
            }
            state.unless_ended()
        };
        Wait::new(self.cell(), Occasion::Connected, look).await
    }

    /// Why the connection is over; `None` if it is not.
    #[must_use]
    pub fn close_reason(&self) -> Option<ConnectionError> {
        self.cell().lock().ended.clone()
    }

    /// Asks the peer for a sign of life. What comes of it shows in
    /// [`statistics`](Self::statistics): the round-trip time.
    pub fn ping(&self) {
        self.cell().act(|state| (true, state.protocol.ping()));
    }

    /// Counts and estimates of this connection.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.cell().lock().protocol.statistics()
    }

    /// Where the peer is now: it may move.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        let address = self.cell().lock().protocol.remote_address();
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// The id that names the connection in the logs of both sides; `None` before the handshake
    /// told it.
    #[must_use]
    pub fn guuid(&self) -> Option<Guuid> {
        self.cell().lock().protocol.guuid()
    }

    /// Which end this is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.cell().lock().protocol.side()
    }

    /// The certificates by which the peer proved who it is, its own first.
    #[must_use]
    pub fn peer_identity(&self) -> Option<Vec<CertificateDer<'static>>> {
        let state = self.cell().lock();
        state.protocol.peer_identity().map(<[_]>::to_vec)
    }

    async fn open(&self, direction: Direction) -> Result<StreamId, ConnectionError> {
        let open = move |state: &mut State| {
            if let Some(error) = &state.ended {
                return Poll::Ready(Err(error.clone()));
            }
            let Some(id) = state.protocol.open(direction) else {
                return Poll::Pending;
            };
            state.hold(id);
            Poll::Ready(Ok(id))
        };
        Wait::new(self.cell(), Occasion::StreamsAvailable(direction), open).await
    }

    async fn accept(&self, direction: Direction) -> Result<StreamId, ConnectionError> {
        let accept = move |state: &mut State| {
            let Some(id) = state.protocol.accept(direction) else {
                return state.unless_ended();
            };
            if direction == Direction::Bidirectional {
                state.hold(id);
            }
            Poll::Ready(Ok(id))
        };
        Wait::new(self.cell(), Occasion::StreamOpened(direction), accept).await
    }

    async fn send(
        &self,
        data: Bytes,
        options: MessageOptions,
        until: Instant,
    ) -> Result<u64, SendMessageError> {
        let cell = self.cell();
        let send = move |state: &mut State| {
            let now = cell.now();
            // Part of the time may have been spent waiting.
            let options = match options.deadline() {
                Some(_) => options.with_deadline(until.since(now)),
                None => options,
            };
            state.send_message(now, &data, &options)
        };
        Wait::new(cell, Occasion::MessagesWritable, send).await
    }

    fn bidirectional(&self, id: StreamId) -> BidirectionalStream {
        let send = SendStream::new(self.clone(), id);
        BidirectionalStream::join(send, ReceiveStream::new(self.clone(), id))
    }
}

impl State {
    /// Pending, unless the connection is over.
    pub(crate) fn unless_ended<T>(&self) -> Poll<Result<T, ConnectionError>> {
        match &self.ended {
            Some(error) => Poll::Ready(Err(error.clone())),
            None => Poll::Pending,
        }
    }

    /// Why the connection takes nothing more.
    pub(crate) fn lost(&self) -> ConnectionError {
        let reason = self.ended.clone();
        // Not over yet: it is being shut down.
        reason.unwrap_or(ConnectionError::LocallyClosed)
    }

    fn send_message(
        &mut self,
        now: Instant,
        data: &Bytes,
        options: &MessageOptions,
    ) -> Poll<Result<u64, SendMessageError>> {
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone().into()));
        }
        let error = match self.protocol.send_message(now, data.clone(), options) {
            Ok(number) => return Poll::Ready(Ok(number)),
            Err(error) => error,
        };
        Poll::Ready(Err(match error {
            protocol::SendMessageError::Blocked => return Poll::Pending,
            protocol::SendMessageError::TooLarge { bytes, bytes_max } => {
                SendMessageError::TooLarge { bytes, bytes_max }
            }
            _ => self.lost().into(),
        }))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shut_down(0, b"");
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("guuid", &self.guuid())
            .field("remote_address", &self.remote_address())
            .field("close_reason", &self.close_reason())
            .finish_non_exhaustive()
    }
}
