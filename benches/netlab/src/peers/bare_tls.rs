//! `bare` with TLS 1.3 in its datagrams: what the link, the machine and the cryptography of a handshake
//! take, without a protocol. The cryptography is that of every encrypted peer: rustls, aws-lc-rs,
//! X25519, a P-256 certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use rustls::quic::{ClientConnection, ServerConnection, Version};
use rustls::{ClientConfig, ServerConfig};
use tokio::net::UdpSocket;

use super::bare::{self, Datagrams, FLIGHT_BYTES, HELLO_BYTES};
use super::{Dialer, Incoming, Listener, Setup, Stream, socket};
use crate::Failure;
use crate::identity;

/// As many bytes of transport parameters as Quantum has.
const PARAMETERS: [u8; 60] = [0; 60];
/// Messages of TLS stand before bytes that mean nothing, each behind its length.
const LENGTH_BYTES: usize = 2;

struct Server {
    socket: UdpSocket,
    address: SocketAddr,
    config: Arc<ServerConfig>,
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let mut datagram = [0; HELLO_BYTES];
        let (_, client) = self.socket.recv_from(&mut datagram).await?;
        let config = Arc::clone(&self.config);
        let mut tls = ServerConnection::new(config, Version::V1, PARAMETERS.to_vec())?;
        let (hello, _) = next_message(&datagram)?;
        tls.read_hs(hello)?;
        let mut flight = Vec::new();
        for _ in ["ServerHello", "the rest"] {
            let mut message = Vec::new();
            tls.write_hs(&mut message);
            put_message(&message, &mut flight)?;
        }
        flight.resize(flight.len().max(FLIGHT_BYTES), 0);
        // What this client sends from now on goes to a socket of its own.
        let socket = bare::shared(self.address)?;
        socket.connect(client).await?;
        socket.send(&flight).await?;
        let finish = move |overhead: &[u8]| {
            let (finished, _) = next_message(overhead)?;
            tls.read_hs(finished).map_err(io::Error::other)
        };
        let stream = Datagrams::of_server(socket).with_first_overhead(finish);
        Ok(Box::pin(async { Ok(Box::new(stream) as Stream) }))
    }
}

struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let socket = UdpSocket::from_std(socket::bind_any()?)?;
        socket.connect(self.address).await?;
        let (config, name) = (Arc::clone(&self.config), identity::server_name()?);
        let mut tls = ClientConnection::new(config, Version::V1, name, PARAMETERS.to_vec())?;
        let (mut message, mut hello) = (Vec::new(), Vec::new());
        tls.write_hs(&mut message);
        put_message(&message, &mut hello)?;
        hello.resize(HELLO_BYTES, 0);
        socket.send(&hello).await?;

        let mut flight = [0; 2 * HELLO_BYTES];
        socket.recv(&mut flight).await?;
        let (server_hello, rest) = next_message(&flight)?;
        let (rest, _) = next_message(rest)?;
        let mut finished = Vec::new();
        for message in [server_hello, rest] {
            tls.read_hs(message)?;
            tls.write_hs(&mut finished);
        }
        let mut first = Vec::new();
        put_message(&finished, &mut first)?;
        Ok(Box::new(Datagrams::of_client(socket).beginning(&first)))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    Ok(Box::new(Server {
        socket: bare::shared(setup.address)?,
        address: setup.address,
        config: Arc::new(setup.identity.server_config()?),
    }))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    Ok(Box::new(Client {
        address: setup.address,
        config: Arc::new(setup.identity.client_config()?),
    }))
}

fn put_message(message: &[u8], datagram: &mut Vec<u8>) -> Result<(), Failure> {
    let length = u16::try_from(message.len())?;
    datagram.extend_from_slice(&length.to_be_bytes());
    datagram.extend_from_slice(message);
    Ok(())
}

/// The message that stands first, and what follows it.
fn next_message(bytes: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let cut_short = || io::Error::other("a handshake that was cut short");
    let (length, rest) = bytes
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or_else(cut_short)?;
    let length = u16::from_be_bytes(*length).into();
    rest.split_at_checked(length).ok_or_else(cut_short)
}
