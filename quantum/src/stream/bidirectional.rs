//! Both sides of a stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ReceiveStream, SendStream};
use crate::protocol::StreamId;

/// A stream in both directions: all that takes tokio's `AsyncRead + AsyncWrite` runs on it (HTTP/2
/// and with it gRPC, for example).
#[derive(Debug)]
pub struct BidirectionalStream {
    /// What this side sends.
    pub send: SendStream,
    /// What the peer sends.
    pub receive: ReceiveStream,
}

impl BidirectionalStream {
    /// The stream's name within the connection.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.send.id()
    }

    /// Both sides apart, for two tasks.
    #[must_use]
    pub fn split(self) -> (SendStream, ReceiveStream) {
        (self.send, self.receive)
    }

    /// Both sides together: of one stream, or of two.
    #[must_use]
    pub fn join(send: SendStream, receive: ReceiveStream) -> Self {
        Self { send, receive }
    }
}

impl AsyncRead for BidirectionalStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.receive).poll_read(context, buffer)
    }
}

impl AsyncWrite for BidirectionalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.send).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_shutdown(context)
    }
}
