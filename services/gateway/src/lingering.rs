//! A connection that stays for the end of what the other side has to say.
//!
//! Who closes a connection while the peer still sends resets it, and the peer may lose the very
//! answer that says why: the status of a request whose body is too large, the close code of a
//! frame that is. So what still comes is read and forgotten, for a moment, before the connection
//! is let go.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a peer may go on. A client that means well stops as soon as it has read our answer.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP connection that lingers when it is dropped, if there is a place for it.
pub(crate) struct Lingering {
    stream: Option<TcpStream>,
    places: Arc<Semaphore>,
}

impl Lingering {
    /// `places` bounds how many connections linger at one time; others are closed at once.
    pub(crate) fn new(stream: TcpStream, places: Arc<Semaphore>) -> Self {
        Self {
            stream: Some(stream),
            places,
        }
    }

    /// The stream, which is there until this is dropped.
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        // The usual end: the peer has closed its side too, or is gone.
        let over = match stream.try_read(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        if over {
            return;
        }
        if let (Ok(place), Ok(runtime)) = (
            Arc::clone(&self.places).try_acquire_owned(),
            Handle::try_current(),
        ) {
            runtime.spawn(linger(stream, place));
        }
    }
}

async fn linger(mut stream: TcpStream, place: OwnedSemaphorePermit) {
    let forgotten = async {
        stream.shutdown().await?;
        let mut bytes = [0; 4096];
        while stream.read(&mut bytes).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the peer closed in time or not: this was the end.
    let _closed = timeout(LINGER, forgotten).await;
    drop(place);
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
