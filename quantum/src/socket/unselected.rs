//! Where a runtime watches a socket for both directions or not at all.

use std::io;
use std::net::UdpSocket;
use std::task::{Context, Poll, ready};

use quinn_udp::UdpSockRef;
use tokio::io::Interest;

/// A socket that the runtime watches.
#[derive(Debug)]
pub(super) struct Watched(tokio::net::UdpSocket);

impl Watched {
    /// Has the current runtime watch `socket`.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self(tokio::net::UdpSocket::from_std(socket)?))
    }

    /// To send and receive with.
    pub(super) fn socket(&self) -> UdpSockRef<'_> {
        UdpSockRef::from(&self.0)
    }

    /// Ready when there is something to receive.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.0.poll_recv_ready(context) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
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
        if ready!(self.0.poll_recv_ready(context)).is_err() {
            return Poll::Pending;
        }
        let read = || match read(self.socket()) {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        };
        Poll::Ready(self.0.try_io(Interest::READABLE, read).is_ok())
    }

    /// To be called after the socket was full. Ready: it may take datagrams again.
    pub(super) fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // The datagram that was refused did not pass through the runtime: it has to be told.
        let full = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.0.try_io(Interest::WRITABLE, full);
        self.0.poll_send_ready(context).map(|_| ())
    }
}
