//! The receiving side of a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use crate::connection::Connection;
use crate::connection::cell::State;
use crate::error::{ClosedStream, ReadError, ReadToEndError};
use crate::protocol::{self, StreamId};

/// Receives ordered bytes.
///
/// Dropped before the end was read, the stream is stopped with code 0: the peer need not send the
/// rest.
#[derive(Debug)]
pub struct ReceiveStream {
    connection: Connection,
    id: StreamId,
    /// What the last read left for those that follow.
    ended: Option<End>,
    /// A task is entered as waiting.
    waits: bool,
}

/// How the stream ended.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Everything was read.
    Read,
    /// The peer gave it up.
    Reset(u64),
    /// It was stopped.
    Stopped,
}

impl ReceiveStream {
    pub(crate) fn new(connection: Connection, id: StreamId) -> Self {
        Self {
            connection,
            id,
            ended: None,
            waits: false,
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

    /// Reads bytes to the front of `buffer`, and says how many: 0 at the end of the stream (or if
    /// `buffer` is empty). Waits while there is none.
    ///
    /// Cancel safe: dropped before it is ready, nothing was taken.
    ///
    /// # Errors
    ///
    /// If the peer reset the stream, it was stopped before, or the connection is over and
    /// everything that arrived before has been read.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        poll_fn(|context| self.poll_read_bytes(context, buffer)).await
    }

    /// The next bytes, at most `bytes_max` (at least one), without copying them where possible;
    /// `None` at the end of the stream.
    ///
    /// Cancel safe: dropped before it is ready, nothing was taken.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_chunk(&mut self, bytes_max: usize) -> Result<Option<Bytes>, ReadError> {
        poll_fn(|context| self.poll_read_chunk(context, bytes_max)).await
    }

    /// Everything up to the end of the stream, which the peer has to finish.
    ///
    /// Not cancel safe: dropped before it is ready, an unknown part was taken.
    ///
    /// # Errors
    ///
    /// If there is more than `limit` bytes, or reading fails.
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Bytes, ReadToEndError> {
        let first = self.read_chunk(usize::MAX).await?.unwrap_or_default();
        let Some(second) = self.read_chunk(usize::MAX).await? else {
            return within(first, limit);
        };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if whole.len().saturating_add(chunk.len()) > limit {
                return Err(ReadToEndError::TooLong { limit });
            }
            whole.extend_from_slice(&chunk);
            next = self.read_chunk(usize::MAX).await?;
        }
        Ok(whole.freeze())
    }

    /// Wants no more: what arrived is thrown away, and the peer hears `code`.
    ///
    /// # Errors
    ///
    /// If the stream was stopped, reset by the peer, or read to its end before.
    pub fn stop(&mut self, code: u64) -> Result<(), ClosedStream> {
        if self.ended.is_some() {
            return Err(ClosedStream);
        }
        self.ended = Some(End::Stopped);
        let id = self.id;
        let stop = |state: &mut State| (true, state.protocol.stop(id, code));
        self.connection.cell().act(stop).map_err(|_| ClosedStream)
    }

    fn poll_read_bytes(
        &mut self,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, ReadError>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let read = |state: &mut State, id| {
            let count = state.protocol.read(id, buffer)?;
            Ok((count > 0).then_some(count))
        };
        let count = std::task::ready!(self.poll_with(context, read))?;
        Poll::Ready(Ok(count.unwrap_or(0)))
    }

    fn poll_read_chunk(
        &mut self,
        context: &Context<'_>,
        bytes_max: usize,
    ) -> Poll<Result<Option<Bytes>, ReadError>> {
        let bytes_max = bytes_max.max(1);
        self.poll_with(context, |state, id| {
            state.protocol.read_chunk(id, bytes_max)
        })
    }

    fn poll_with<T>(
        &mut self,
        context: &Context<'_>,
        read: impl FnOnce(&mut State, StreamId) -> Result<Option<T>, protocol::ReadError>,
    ) -> Poll<Result<Option<T>, ReadError>> {
        match self.ended {
            Some(End::Read) => return Poll::Ready(Ok(None)),
            Some(End::Reset(code)) => return Poll::Ready(Err(ReadError::Reset(code))),
            Some(End::Stopped) => return Poll::Ready(Err(ReadError::Closed)),
            None => {}
        }
        let (id, waits, ended) = (self.id, &mut self.waits, &mut self.ended);
        self.connection.cell().act(|state| {
            let error = match read(state, id) {
                Ok(outcome) => {
                    *ended = outcome.is_none().then_some(End::Read);
                    return (true, Poll::Ready(Ok(outcome)));
                }
                Err(error) => error,
            };
            let error = match error {
                protocol::ReadError::Blocked => match state.unless_ended() {
                    Poll::Ready(outcome) => {
                        return (false, Poll::Ready(outcome.map_err(Into::into)));
                    }
                    Poll::Pending => {
                        state.await_readable(id, context);
                        *waits = true;
                        return (false, Poll::Pending);
                    }
                },
                protocol::ReadError::Reset(code) => {
                    *ended = Some(End::Reset(code));
                    ReadError::Reset(code)
                }
                _ => ReadError::Closed,
            };
            (true, Poll::Ready(Err(error)))
        })
    }
}

fn within(bytes: Bytes, limit: usize) -> Result<Bytes, ReadToEndError> {
    if bytes.len() > limit {
        return Err(ReadToEndError::TooLong { limit });
    }
    Ok(bytes)
}

impl AsyncRead for ReceiveStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let uninitialised = buffer.filled().len().saturating_add(buffer.remaining());
        if buffer.initialized().len() < uninitialised {
            // Clearing the memory would cost as much as copying to it.
            let room = buffer.remaining();
            let chunk = std::task::ready!(self.poll_read_chunk(context, room))?;
            buffer.put_slice(&chunk.unwrap_or_default());
            return Poll::Ready(Ok(()));
        }
        let unfilled = buffer.initialize_unfilled();
        let count = std::task::ready!(self.poll_read_bytes(context, unfilled))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl Drop for ReceiveStream {
    fn drop(&mut self) {
        let (id, stop, waits) = (self.id, self.ended.is_none(), self.waits);
        if !stop && !waits {
            return;
        }
        self.connection.cell().act(|state| {
            state.forget_reader(id);
            if stop {
                // Lost with the connection: then there is nothing to stop.
                let _ = state.protocol.stop(id, 0);
            }
            (stop, ())
        });
    }
}
