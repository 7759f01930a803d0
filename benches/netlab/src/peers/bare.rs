//! Datagrams of the sizes of Quantum's handshake, without cryptography and without a protocol: what
//! the link and the machine take of the time of a handshake.
//!
//! Nothing is repeated: for links without loss, and for the handshake alone.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UdpSocket;

use super::{Dialer, Incoming, Listener, Setup, Stream, socket};
use crate::Failure;

/// The first datagram of a client, with its ClientHello.
pub(super) const HELLO_BYTES: usize = 1200;
/// What a server answers, with a self-signed P-256 certificate.
pub(super) const FLIGHT_BYTES: usize = 840;
/// What precedes and follows the first request: the end of the handshake, headers, tags.
const REQUEST_OVERHEAD: usize = 184;
/// What precedes and follows an answer.
const ANSWER_OVERHEAD: usize = 40;

struct Server {
    socket: UdpSocket,
    address: SocketAddr,
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let mut hello = [0; HELLO_BYTES];
        let (_, client) = self.socket.recv_from(&mut hello).await?;
        // What this client sends from now on goes to a socket of its own.
        let socket = shared(self.address)?;
        socket.connect(client).await?;
        socket.send(&[0; FLIGHT_BYTES]).await?;
        let stream = Datagrams::of_server(socket);
        Ok(Box::pin(async { Ok(Box::new(stream) as Stream) }))
    }
}

struct Client(SocketAddr);

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let socket = UdpSocket::from_std(socket::bind_any()?)?;
        socket.connect(self.0).await?;
        socket.send(&[0; HELLO_BYTES]).await?;
        socket.recv(&mut [0; HELLO_BYTES]).await?;
        Ok(Box::new(Datagrams::of_client(socket)))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    Ok(Box::new(Server {
        socket: shared(setup.address)?,
        address: setup.address,
    }))
}

pub(super) fn dialer(setup: &Setup) -> Box<dyn Dialer> {
    Box::new(Client(setup.address))
}

/// A socket at `address`, beside others there.
pub(super) fn shared(address: SocketAddr) -> Result<UdpSocket, Failure> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    SockRef::from(&socket).set_recv_buffer_size(socket::BUFFER)?;
    Ok(UdpSocket::from_std(socket.into())?)
}

/// Takes what surrounds the first payload.
type FirstOverhead = Box<dyn FnOnce(&[u8]) -> io::Result<()> + Send>;

/// Each write is a datagram, and each datagram what one read gives, less what surrounds it.
pub(super) struct Datagrams {
    socket: UdpSocket,
    /// Bytes around what is received.
    received: usize,
    first: Option<FirstOverhead>,
    /// Bytes around what is sent.
    sent: Vec<u8>,
}

impl Datagrams {
    pub(super) fn of_server(socket: UdpSocket) -> Self {
        Self {
            socket,
            received: REQUEST_OVERHEAD,
            first: None,
            sent: vec![0; ANSWER_OVERHEAD],
        }
    }

    pub(super) fn of_client(socket: UdpSocket) -> Self {
        Self {
            socket,
            received: ANSWER_OVERHEAD,
            first: None,
            sent: vec![0; REQUEST_OVERHEAD],
        }
    }

    /// What surrounds the first payload that is received goes to `first`.
    pub(super) fn with_first_overhead(
        self,
        first: impl FnOnce(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self {
            first: Some(Box::new(first)),
            ..self
        }
    }

    /// What surrounds a payload begins with `bytes`.
    pub(super) fn beginning(mut self, bytes: &[u8]) -> Self {
        for (place, byte) in self.sent.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self
    }
}

impl AsyncRead for Datagrams {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut datagram = [0; 2048];
        let mut whole = ReadBuf::new(&mut datagram);
        ready!(self.socket.poll_recv(context, &mut whole))?;
        let overhead = self.received.min(whole.filled().len());
        let (overhead, payload) = whole.filled().split_at(overhead);
        if let Some(first) = self.first.take() {
            first(overhead)?;
        }
        let length = payload.len().min(buffer.remaining());
        buffer.put_slice(&payload[..length]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Datagrams {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut datagram = self.sent.clone();
        datagram.extend_from_slice(bytes);
        ready!(self.socket.poll_send(context, &datagram))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
