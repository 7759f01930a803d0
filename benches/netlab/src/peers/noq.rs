//! noq, a fork of quinn: CUBIC, or BBRv3 of the IETF draft.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use noq::congestion::{Bbr3Config, CubicConfig};
use noq::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use noq::{
    ClientConfig, Connection, Endpoint, EndpointConfig, MtuDiscoveryConfig, ServerConfig,
    TokioRuntime, TransportConfig, VarInt,
};

use super::messages::{MessageSink, MessageSource, StreamPerMessage, StreamSource, Unread};
use super::{
    CONNECTION_WINDOW, Congestion, DATAGRAM_BYTES_MAX, Dialer, Incoming, Listener, MESSAGES_MAX,
    STREAM_WINDOW, Setup, Stream, socket,
};
use crate::Failure;
use crate::identity;

struct Server(Endpoint);

impl Server {
    async fn next(&self) -> Result<noq::Incoming, Failure> {
        let incoming = self.0.accept().await;
        Ok(incoming.ok_or("noq: the endpoint is closed")?)
    }
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let incoming = self.next().await?;
        Ok(Box::pin(async {
            let connection = incoming.await?;
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
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let connecting = self.endpoint.connect(self.address, identity::NAME)?;
        let (send, receive) = connecting.await?.open_bi().await?;
        Ok(Box::new(tokio::io::join(receive, send)))
    }

    async fn connect_messages(&mut self) -> Result<Box<dyn MessageSink>, Failure> {
        let connecting = self.endpoint.connect(self.address, identity::NAME)?;
        Ok(Box::new(Messages(connecting.await?)))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let crypto = QuicServerConfig::try_from(setup.identity.server_config()?)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport(setup)?));
    let socket = socket::bind(setup.address)?;
    Ok(Box::new(Server(endpoint(Some(config), socket)?)))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    let crypto = QuicClientConfig::try_from(setup.identity.client_config()?)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = transport(setup)?;
    transport.keep_alive_interval(setup.wishes.keep_alive);
    config.transport_config(Arc::new(transport));
    let endpoint = endpoint(None, socket::bind_any()?)?;
    endpoint.set_default_client_config(config);
    let address = setup.address;
    Ok(Box::new(Client { endpoint, address }))
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
        Congestion::Bbr => transport.congestion_controller_factory(Arc::new(Bbr3Config::default())),
    };
    Ok(transport)
}
