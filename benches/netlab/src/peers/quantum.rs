//! Quantum, with its own BBR or its CUBIC.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ::quantum::congestion::{Bbr, Cubic};
use ::quantum::{ClientConfig, Connection, Endpoint, ServerConfig, TransportConfig};
use async_trait::async_trait;

use super::messages::{MessageSink, MessageSource};
use super::{
    CONNECTION_WINDOW, Congestion, DATAGRAM_BYTES_MAX, Dialer, Incoming, Listener, Peer,
    STREAM_WINDOW, Setup, Stream, socket,
};
use crate::Failure;
use crate::identity;

struct Server(Endpoint);

impl Server {
    async fn next(&self) -> Result<Connection, Failure> {
        let connection = self.0.accept().await;
        Ok(connection.ok_or("quantum: the endpoint is closed")?)
    }
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let connection = self.next().await?;
        Ok(Box::pin(async move {
            let stream = connection.accept_bi().await?;
            Ok(Box::new(stream) as Stream)
        }))
    }

    async fn accept_messages(&mut self) -> Result<Box<dyn MessageSource>, Failure> {
        Ok(Box::new(Messages(self.next().await?)))
    }
}

struct Messages(Connection);

#[async_trait]
impl MessageSink for Messages {
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Failure> {
        Ok(self.0.send_message(message).await?)
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        counts(&self.0)
    }
}

#[async_trait]
impl MessageSource for Messages {
    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(self.0.receive_message().await?.into())
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        counts(&self.0)
    }
}

/// What the raw results keep of a connection's own statistics.
fn counts(connection: &Connection) -> BTreeMap<String, u64> {
    let statistics = connection.statistics();
    let counts = [
        ("packets_sent", statistics.packets_sent),
        ("packets_received", statistics.packets_received),
        ("packets_lost", statistics.packets_lost),
        (
            "packets_spuriously_lost",
            statistics.packets_spuriously_lost,
        ),
        ("packets_retransmitted", statistics.packets_retransmitted),
        ("bytes_retransmitted", statistics.bytes_retransmitted),
        ("probe_timeouts", statistics.probe_timeouts),
        ("packets_recovered", statistics.packets_recovered),
        ("repairs_sent", statistics.repairs_sent),
        ("repair_bytes_sent", statistics.repair_bytes_sent),
        ("repairs_received", statistics.repairs_received),
        ("repairs_needless", statistics.repairs_needless),
        ("repairs_skipped", statistics.repairs_skipped),
    ];
    let named = counts.map(|(name, count)| (name.to_owned(), count));
    named.into_iter().collect()
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
        let connection = if self.resumes {
            self.endpoint.connect_early(self.address, identity::NAME)?
        } else {
            self.resumes = self.early_data;
            self.endpoint.connect(self.address, identity::NAME).await?
        };
        Ok(Box::new(connection.open_bi().await?))
    }

    async fn connect_messages(&mut self) -> Result<Box<dyn MessageSink>, Failure> {
        let connection = self.endpoint.connect(self.address, identity::NAME).await?;
        Ok(Box::new(Messages(connection)))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let (chain, key) = setup.identity.chain_and_key()?;
    let config = ServerConfig::with_certificate(chain, key)?.with_transport(transport(setup));
    let endpoint = Endpoint::builder()
        .with_server(config)
        .with_qlog_from_environment()
        .begin(socket::bind(setup.address)?)?;
    Ok(Box::new(Server(endpoint)))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    let transport = transport(setup).with_keep_alive(setup.wishes.keep_alive);
    let mut config = ClientConfig::with_roots(setup.identity.roots()?)?.with_transport(transport);
    if !setup.wishes.early_data {
        config = config.without_resumption();
    }
    let endpoint = Endpoint::builder()
        .with_client(config)
        .with_qlog_from_environment()
        .begin(socket::bind_any()?)?;
    Ok(Box::new(Client {
        endpoint,
        address: setup.address,
        early_data: setup.wishes.early_data,
        resumes: false,
    }))
}

fn transport(setup: &Setup) -> TransportConfig {
    let mut transport = TransportConfig::default()
        .with_early_data(setup.wishes.early_data)
        .with_stream_receive_window(STREAM_WINDOW.into())
        .with_receive_window(CONNECTION_WINDOW.into())
        .with_datagram_bytes_max(DATAGRAM_BYTES_MAX);
    if setup.wishes.idle_timeout.is_some() {
        transport = transport.with_idle_timeout(setup.wishes.idle_timeout);
    }
    if setup.peer == Peer::QuantumBbrNofec {
        transport = transport.with_forward_error_correction(false);
    }
    match setup.peer.congestion() {
        Congestion::Bbr => transport.with_controller(Arc::new(Bbr::default())),
        Congestion::Cubic => transport.with_controller(Arc::new(Cubic::default())),
    }
}
