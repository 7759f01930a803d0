//! A socket that the runtime watches: always for what arrives, for room to send only when there is
//! none.
//!
//! The system says anew that there is room each time a datagram has left (on the loopback
//! interface: was read). A task that waits for datagrams would be woken for each one that it sent.

use std::io;
use std::net::UdpSocket;
use std::task::{Context, Poll, ready};

use quinn_udp::UdpSockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A socket that the runtime watches.
#[derive(Debug)]
pub(super) struct Watched {
    readable: AsyncFd<UdpSocket>,
    /// A second descriptor of the same socket, while it is full.
    writable: Option<AsyncFd<UdpSocket>>,
}

impl Watched {
    /// Has the current runtime watch `socket`.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            readable: watch(socket, Interest::READABLE)?,
            writable: None,
        })
    }

    /// To send and receive with.
    pub(super) fn socket(&self) -> UdpSockRef<'_> {
        UdpSockRef::from(self.readable.get_ref())
    }

    /// Ready when there is something to receive.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.readable.poll_read_ready(context) {
            Poll::Ready(Ok(_)) => Poll::Ready(()),
            // The runtime ends: nothing arrives any more.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// Lets `read` receive when there is something; it says whether there may be more. If not, the
    /// socket counts as empty until the next datagram arrives.
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        read: impl FnOnce(UdpSockRef<'_>) -> bool,
    ) -> Poll<bool> {
        let Ok(mut guard) = ready!(self.readable.poll_read_ready(context)) else {
            return Poll::Pending;
        };
        let more = read(self.socket());
        if !more {
            guard.clear_ready();
        }
        Poll::Ready(more)
    }

    /// To be called after the socket was full. Ready: it may take datagrams again.
    pub(super) fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.try_poll_writable(context) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                self.writable = None;
                Poll::Ready(())
            }
            Err(error) => {
                tracing::debug!(%error, "the socket is full and cannot be watched: tried again");
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn try_poll_writable(&mut self, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        let writable = match &mut self.writable {
            Some(writable) => writable,
            none => {
                let second = self.readable.get_ref().try_clone()?;
                none.insert(watch(second, Interest::WRITABLE)?)
            }
        };
        match writable.poll_write_ready(context) {
            Poll::Ready(outcome) => outcome.map(|_| Poll::Ready(())),
            Poll::Pending => Ok(Poll::Pending),
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; an owned socket keeps both promises"
)]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}
