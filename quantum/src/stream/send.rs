//! The sending side of a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use crate::connection::Connection;
use crate::connection::cell::{SendEnd, State};
use crate::connection::wait::{Occasion, Wait};
use crate::error::{ClosedStream, WriteError};
use crate::protocol::{self, StreamId, Urgency};

/// Sends ordered bytes.
///
/// Dropped, it is finished: the peer gets everything that was written, and then the end. Dropped
/// by a panic, it is reset with code 0, so that the peer does not take a part for the whole.
#[derive(Debug)]
pub struct SendStream {
    connection: Connection,
    id: StreamId,
    /// Finished or reset.
    closed: bool,
}

impl SendStream {
    pub(crate) fn new(connection: Connection, id: StreamId) -> Self {
        Self {
            connection,
            id,
            closed: false,
        }
    }

    /// The stream's name within the connection.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The connection that it belongs to.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Accepts bytes from the front of `data` for sending, and says how many; waits while there is
    /// no room for a single one. At most 256 KiB wait on a stream to be sent for the first time:
    /// [`write_chunk`](Self::write_chunk) takes more at once.
    ///
    /// Cancel safe: dropped before it is ready, nothing was accepted.
    ///
    /// # Errors
    ///
    /// If the peer stopped the stream, it was closed before, or the connection is over.
    pub async fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        poll_fn(|context| self.poll_write_bytes(context, data)).await
    }

    /// Accepts all of `data` for sending.
    ///
    /// Not cancel safe: dropped before it is ready, an unknown part was accepted.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); then an unknown part was accepted.
    pub async fn write_all(&mut self, mut data: &[u8]) -> Result<(), WriteError> {
        while !data.is_empty() {
            let count = self.write(data).await?;
            data = data.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Accepts all of `data` for sending, without copying it.
    ///
    /// Not cancel safe: dropped before it is ready, an unknown part was accepted.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); then an unknown part was accepted.
    pub async fn write_chunk(&mut self, mut data: Bytes) -> Result<(), WriteError> {
        while !data.is_empty() {
            poll_fn(|context| {
                self.poll_with(context, |state, id| {
                    state.protocol.write_chunk(id, &mut data).map(|_| ())
                })
            })
            .await?;
        }
        Ok(())
    }

    /// No more is written: the peer reads the end after what was written before.
    ///
    /// # Errors
    ///
    /// If the stream was finished or reset before.
    pub fn finish(&mut self) -> Result<(), ClosedStream> {
        if std::mem::replace(&mut self.closed, true) {
            return Err(ClosedStream);
        }
        let id = self.id;
        // Stopped by the peer or lost with the connection: then there is nothing to finish.
        let finish = |state: &mut State| (true, _ = state.protocol.finish(id));
        self.connection.cell().act(finish);
        Ok(())
    }

    /// Says what the stream goes before from now on, beside the connection's other streams and its
    /// messages. Default: [`Urgency::DEFAULT`].
    ///
    /// # Errors
    ///
    /// If the peer has all of the stream, or it was reset or stopped, or the connection is over.
    pub fn set_urgency(&self, urgency: Urgency) -> Result<(), ClosedStream> {
        let id = self.id;
        let set = |state: &mut State| (true, state.protocol.set_urgency(id, urgency));
        self.connection.cell().act(set).map_err(|_| ClosedStream)
    }

    /// Gives the stream up: what was not delivered yet never is, and the peer reads `code`.
    ///
    /// # Errors
    ///
    /// If the stream was reset, or delivered whole, before.
    pub fn reset(&mut self, code: u64) -> Result<(), ClosedStream> {
        self.closed = true;
        let id = self.id;
        let reset = |state: &mut State| (true, state.protocol.reset(id, code));
        self.connection.cell().act(reset).map_err(|_| ClosedStream)
    }

    /// Waits until the peer stops the stream, and gives its code; `None` if it took everything up
    /// to the end.
    ///
    /// Cancel safe. Several may wait at a time.
    ///
    /// # Errors
    ///
    /// If the connection is over before.
    pub async fn stopped(&self) -> Result<Option<u64>, WriteError> {
        let id = self.id;
        let look = move |state: &mut State| match state.send_end(id) {
            Some(SendEnd::Stopped(code)) => Poll::Ready(Ok(Some(code))),
            Some(SendEnd::Delivered) => Poll::Ready(Ok(None)),
            None => state.unless_ended(),
        };
        let wait = Wait::new(self.connection.cell(), Occasion::SendEnded(id), look);
        Ok(wait.await?)
    }

    /// Waits until the peer's transport has everything up to the end. To be called after
    /// [`finish`](Self::finish).
    ///
    /// Cancel safe. Several may wait at a time.
    ///
    /// # Errors
    ///
    /// If the peer stopped the stream, or the connection is over, before.
    pub async fn finished(&self) -> Result<(), WriteError> {
        match self.stopped().await? {
            Some(code) => Err(WriteError::Stopped(code)),
            None => Ok(()),
        }
    }

    fn poll_write_bytes(
        &mut self,
        context: &Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, WriteError>> {
        self.poll_with(context, |state, id| state.protocol.write(id, data))
    }

    fn poll_with<T>(
        &mut self,
        context: &Context<'_>,
        write: impl FnOnce(&mut State, StreamId) -> Result<T, protocol::WriteError>,
    ) -> Poll<Result<T, WriteError>> {
        if self.closed {
            return Poll::Ready(Err(WriteError::Closed));
        }
        let id = self.id;
        self.connection.cell().act(|state| {
            if let Some(error) = &state.ended {
                return (false, Poll::Ready(Err(error.clone().into())));
            }
            let error = match write(state, id) {
                Ok(outcome) => return (true, Poll::Ready(Ok(outcome))),
                Err(error) => error,
            };
            let error = match error {
                protocol::WriteError::Blocked => {
                    state.await_writable(id, context);
                    // The peer has to hear that its credit is used up.
                    return (true, Poll::Pending);
                }
                protocol::WriteError::Stopped(code) => WriteError::Stopped(code),
                protocol::WriteError::ConnectionClosed => state.lost().into(),
                _ => WriteError::Closed,
            };
            (false, Poll::Ready(Err(error)))
        })
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_bytes(context, data).map_err(Into::into)
    }

    /// Ready: what was written is on its way without being asked.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Finishes the stream; does not wait until the peer has everything.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Finished before: then it is shut down.
        let _ = self.finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        let (id, closed, panics) = (self.id, self.closed, std::thread::panicking());
        self.connection.cell().act(|state| {
            state.release(id);
            match (closed, panics) {
                (true, _) => {}
                (false, true) => _ = state.protocol.reset(id, 0),
                (false, false) => _ = state.protocol.finish(id),
            }
            (!closed, ())
        });
    }
}
