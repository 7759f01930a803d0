//! noq, a fork of quinn: CUBIC, or BBRv3 of the IETF draft.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use noq::congestion::{Bbr3Config, CubicConfig};
use noq::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use noq::{
    ClientConfig, Endpoint, EndpointConfig, MtuDiscoveryConfig, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};

use super::{
    CONNECTION_WINDOW, Congestion, DATAGRAM_BYTES_MAX, Dialer, Incoming, Listener, STREAM_WINDOW,
    Setup, Stream, socket,
};
use crate::Failure;
use crate::identity;

struct Server(Endpoint);

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let incoming = self.0.accept().await.ok_or("noq: the endpoint is closed")?;
        Ok(Box::pin(async {
            let connection = incoming.await?;
            let (send, receive) = connection.accept_bi().await?;
            Ok(Box::new(tokio::io::join(receive, send)) as Stream)
        }))
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
