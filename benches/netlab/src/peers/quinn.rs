//! quinn: its own CUBIC, or its BBR (version 1).

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Connecting, Connection, Endpoint, EndpointConfig, MtuDiscoveryConfig,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::client::Resumption;

use super::messages::{MessageSink, MessageSource, StreamPerMessage, StreamSource, Unread};
use super::{
    CONNECTION_WINDOW, Congestion, DATAGRAM_BYTES_MAX, Dialer, Incoming, Listener, MESSAGES_MAX,
    STREAM_WINDOW, Setup, Stream, socket,
};
use crate::Failure;
use crate::identity;

/// Answers early data, or does not.
struct Server(Endpoint, bool);

impl Server {
    async fn next(&self) -> Result<quinn::Incoming, Failure> {
        let incoming = self.0.accept().await;
        Ok(incoming.ok_or("quinn: the endpoint is closed")?)
    }
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let incoming = self.next().await?;
        let early_data = self.1;
        Ok(Box::pin(async move {
            let connecting = incoming.accept()?;
            let connection = if early_data {
                early(connecting)?
            } else {
                connecting.await?
            };
            let (send, receive) = connection.accept_bi().await?;
            Ok(Box::new(tokio::io::join(receive, send)) as Stream)
        }))
    }

    async fn accept_messages(&mut self) -> Result<Box<dyn MessageSource>, Failure> {
        let connection = self.next().await?.await?;
        Ok(Box::new(StreamPerMessage::new(Messages(connection))))
    }
}

/// One unidirectional stream for each message.
struct Messages(Connection);

#[async_trait]
impl MessageSink for Messages {
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Failure> {
        let mut stream = self.0.open_uni().await?;
        stream.write_all(&message).await?;
        Ok(stream.finish()?)
    }
}

#[async_trait]
impl StreamSource for Messages {
    async fn next(&mut self) -> Result<Unread, Failure> {
        Ok(Box::new(self.0.accept_uni().await?))
    }
}

struct Client {
    endpoint: Endpoint,
    address: SocketAddr,
    early_data: bool,
    /// The server is known.
    resumes: bool,
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let connecting = self.endpoint.connect(self.address, identity::NAME)?;
        let connection = if self.resumes {
            early(connecting)?
        } else {
            self.resumes = self.early_data;
            connecting.await?
        };
        let (send, receive) = connection.open_bi().await?;
        Ok(Box::new(tokio::io::join(receive, send)))
    }

    async fn connect_messages(&mut self) -> Result<Box<dyn MessageSink>, Failure> {
        let connecting = self.endpoint.connect(self.address, identity::NAME)?;
        Ok(Box::new(Messages(connecting.await?)))
    }
}

/// The connection before its handshake is complete.
fn early(connecting: Connecting) -> Result<Connection, Failure> {
    let early = connecting.into_0rtt();
    let (connection, _) = early.map_err(|_| "quinn: no early data")?;
    Ok(connection)
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let early_data = setup.wishes.early_data;
    let mut tls = setup.identity.server_config()?;
    // RFC 9001 section 4.6.1: all or nothing.
    tls.max_early_data_size = if early_data { u32::MAX } else { 0 };
    let crypto = QuicServerConfig::try_from(tls)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport(setup)?));
    let socket = socket::bind(setup.address)?;
    Ok(Box::new(Server(
        endpoint(Some(config), socket)?,
        early_data,
    )))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    let early_data = setup.wishes.early_data;
    let mut tls = setup.identity.client_config()?;
    if early_data {
        tls.enable_early_data = true;
        tls.resumption = Resumption::default();
    }
    let crypto = QuicClientConfig::try_from(tls)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = transport(setup)?;
    transport.keep_alive_interval(setup.wishes.keep_alive);
    config.transport_config(Arc::new(transport));
    let mut endpoint = endpoint(None, socket::bind_any()?)?;
    endpoint.set_default_client_config(config);
    Ok(Box::new(Client {
        endpoint,
        address: setup.address,
        early_data,
        resumes: false,
    }))
}

fn endpoint(
    server: Option<ServerConfig>,
    socket: std::net::UdpSocket,
) -> Result<Endpoint, Failure> {
    let runtime = Arc::new(TokioRuntime);
    let config = EndpointConfig::default();
    Ok(Endpoint::new(config, server, socket, runtime)?)
}

fn transport(setup: &Setup) -> Result<TransportConfig, Failure> {
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(STREAM_WINDOW));
    transport.receive_window(VarInt::from_u32(CONNECTION_WINDOW));
    transport.max_concurrent_uni_streams(VarInt::from_u32(MESSAGES_MAX));
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(DATAGRAM_BYTES_MAX);
    transport.mtu_discovery_config(Some(discovery));
    if let Some(timeout) = setup.wishes.idle_timeout {
        transport.max_idle_timeout(Some(timeout.try_into()?));
    }
    match setup.peer.congestion() {
        Congestion::Cubic => {
            transport.congestion_controller_factory(Arc::new(CubicConfig::default()))
        }
        Congestion::Bbr => transport.congestion_controller_factory(Arc::new(BbrConfig::default())),
    };
    Ok(transport)
}
