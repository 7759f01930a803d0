//! s2n-quic with rustls: its CUBIC, or its BBR (version 2).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use s2n_quic::Connection;
use s2n_quic::client::Connect;
use s2n_quic::provider::congestion_controller::{Bbr, Cubic};
use s2n_quic::provider::io::tokio;
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::rustls;

use super::messages::{MessageSink, MessageSource, StreamPerMessage, StreamSource, Unread};
use super::{
    CONNECTION_WINDOW, Congestion, DATAGRAM_BYTES_MAX, Dialer, Incoming, Listener, MESSAGES_MAX,
    STREAM_WINDOW, Setup, Stream, socket,
};
use crate::Failure;
use crate::identity;

/// Headers of IPv4 and UDP.
const HEADER_BYTES: u16 = 20 + 8;

struct Server(s2n_quic::Server);

impl Server {
    async fn next(&mut self) -> Result<Connection, Failure> {
        let accepted = self.0.accept().await;
        Ok(accepted.ok_or("s2n-quic: the endpoint is closed")?)
    }
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let mut connection = self.next().await?;
        Ok(Box::pin(async move {
            let stream = connection.accept_bidirectional_stream().await?;
            let stream = stream.ok_or("s2n-quic: the connection is closed")?;
            Ok(Box::new(stream) as Stream)
        }))
    }

    async fn accept_messages(&mut self) -> Result<Box<dyn MessageSource>, Failure> {
        let connection = self.next().await?;
        Ok(Box::new(StreamPerMessage::new(Messages(connection))))
    }
}

/// One unidirectional stream for each message.
struct Messages(Connection);

#[async_trait]
impl MessageSink for Messages {
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Failure> {
        let mut stream = self.0.open_send_stream().await?;
        stream.send(message.into()).await?;
        Ok(stream.finish()?)
    }
}

#[async_trait]
impl StreamSource for Messages {
    async fn next(&mut self) -> Result<Unread, Failure> {
        let stream = self.0.accept_receive_stream().await?;
        Ok(Box::new(
            stream.ok_or("s2n-quic: the connection is closed")?,
        ))
    }
}

struct Client {
    client: s2n_quic::Client,
    address: SocketAddr,
    keep_alive: bool,
}

impl Client {
    async fn open(&self) -> Result<Connection, Failure> {
        let connect = Connect::new(self.address).with_server_name(identity::NAME);
        Ok(self.client.connect(connect).await?)
    }
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let mut connection = self.open().await?;
        connection.keep_alive(self.keep_alive)?;
        Ok(Box::new(connection.open_bidirectional_stream().await?))
    }

    async fn connect_messages(&mut self) -> Result<Box<dyn MessageSink>, Failure> {
        Ok(Box::new(Messages(self.open().await?)))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let tls = rustls::Server::from(Arc::new(setup.identity.server_config()?));
    let builder = s2n_quic::Server::builder()
        .with_tls(tls)?
        .with_limits(limits(setup)?)?
        .with_io(io(setup.address)?)?;
    let server = match setup.peer.congestion() {
        Congestion::Cubic => builder
            .with_congestion_controller(Cubic::default())?
            .start()?,
        Congestion::Bbr => builder
            .with_congestion_controller(Bbr::default())?
            .start()?,
    };
    Ok(Box::new(Server(server)))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    let tls = rustls::Client::from(Arc::new(setup.identity.client_config()?));
    let builder = s2n_quic::Client::builder()
        .with_tls(tls)?
        .with_limits(limits(setup)?)?
        .with_io(io(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?)?;
    let client = match setup.peer.congestion() {
        Congestion::Cubic => builder
            .with_congestion_controller(Cubic::default())?
            .start()?,
        Congestion::Bbr => builder
            .with_congestion_controller(Bbr::default())?
            .start()?,
    };
    Ok(Box::new(Client {
        client,
        address: setup.address,
        keep_alive: setup.wishes.keep_alive.is_some(),
    }))
}

/// A socket as the others have it.
fn io(address: SocketAddr) -> Result<tokio::Provider, Failure> {
    let builder = tokio::Builder::default()
        .with_receive_address(address)?
        .with_recv_buffer_size(socket::BUFFER)?
        .with_send_buffer_size(socket::BUFFER)?
        .with_max_mtu(DATAGRAM_BYTES_MAX + HEADER_BYTES)?;
    Ok(builder.build()?)
}

fn limits(setup: &Setup) -> Result<Limits, Failure> {
    let messages = u64::from(MESSAGES_MAX);
    let windows = Limits::new()
        .with_data_window(CONNECTION_WINDOW.into())
        .and_then(|limits| limits.with_bidirectional_local_data_window(STREAM_WINDOW.into()))
        .and_then(|limits| limits.with_bidirectional_remote_data_window(STREAM_WINDOW.into()))
        .and_then(|limits| limits.with_max_open_local_unidirectional_streams(messages))
        .and_then(|limits| limits.with_max_open_remote_unidirectional_streams(messages))
        .and_then(|limits| limits.with_max_send_buffer_size(STREAM_WINDOW));
    let limits = match setup.wishes.idle_timeout {
        Some(timeout) => windows.and_then(|limits| limits.with_max_idle_timeout(timeout)),
        None => windows,
    };
    let limits = match setup.wishes.keep_alive {
        Some(period) => limits.and_then(|limits| limits.with_max_keep_alive_period(period)),
        None => limits,
    };
    limits.map_err(|error| error.to_string().into())
}
