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
const HELLO_BYTES: usize = 1200;
/// What a server answers, with a self-signed P-256 certificate.
const FLIGHT_BYTES: usize = 840;
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
        let stream = Datagrams {
            socket,
            received: REQUEST_OVERHEAD,
            sent: ANSWER_OVERHEAD,
        };
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
        Ok(Box::new(Datagrams {
            socket,
            received: ANSWER_OVERHEAD,
            sent: REQUEST_OVERHEAD,
        }))
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
fn shared(address: SocketAddr) -> Result<UdpSocket, Failure> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    SockRef::from(&socket).set_recv_buffer_size(socket::BUFFER)?;
    Ok(UdpSocket::from_std(socket.into())?)
}

/// Each write is a datagram, and each datagram what one read gives, less what surrounds it.
struct Datagrams {
    socket: UdpSocket,
    /// Bytes around what is received.
    received: usize,
    /// Bytes around what is sent.
    sent: usize,
}

impl AsyncRead for Datagrams {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut datagram = [0; 2048];
        let mut whole = ReadBuf::new(&mut datagram);
        ready!(self.socket.poll_recv(context, &mut whole))?;
        let payload = whole.filled().get(self.received..).unwrap_or_default();
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
        let mut datagram = vec![0; self.sent];
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
