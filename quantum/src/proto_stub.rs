//! Stand-in with the signatures of the protocol, until it is there.
#![allow(
    missing_docs,
    dead_code,
    unused_variables,
    clippy::unused_self,
    unreachable_pub
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use quantum_proto::error::TransportError;
pub use quantum_proto::error::TransportErrorCode;
pub use quantum_proto::stream::{Direction, Side, StreamId};
pub use quantum_proto::time::Instant;
pub use quantum_proto::transmit::{EcnCodepoint, Transmit};
use thiserror::Error;

#[derive(Debug, Default)]
pub struct EndpointConfig;
#[derive(Debug)]
pub struct ServerConfig;
#[derive(Debug)]
pub struct ClientConfig;

pub type Guuid = u128;
#[derive(Debug)]
pub struct Endpoint;
#[derive(Debug)]
pub struct Connection {
    remote: SocketAddr,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionHandle(pub usize);
#[derive(Debug, Default, Clone)]
pub struct Statistics;
#[derive(Debug)]
pub struct Arrival {
    pub remote: SocketAddr,
    pub local: Option<IpAddr>,
    pub ecn: Option<EcnCodepoint>,
}
#[derive(Debug)]
pub enum Route {
    Connection(ConnectionHandle),
    Accepted(ConnectionHandle, Box<Connection>),
    Respond(Transmit),
    Dropped,
}
#[derive(Debug)]
pub enum EndpointEvent {
    Drained,
}
#[derive(Debug)]
pub enum ConnectionEvent {
    ConnectionIds(Vec<()>),
}
#[derive(Debug)]
pub enum Event {
    Connected,
    HandshakeConfirmed,
    StreamOpened(Direction),
    Readable(StreamId),
    Writable(StreamId),
    Finished(StreamId),
    Stopped(StreamId, u64),
    StreamsAvailable(Direction),
    MessageReceived,
    MessagesWritable,
    EarlyDataRejected,
    PathChanged(SocketAddr),
    Closed(ConnectionError),
}
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    #[error("transport: {0}")]
    Transport(TransportError),
    #[error("closed by peer's application")]
    ApplicationClosed { code: u64, reason: Bytes },
    #[error("timed out")]
    TimedOut,
    #[error("closed locally")]
    LocallyClosed,
}
#[derive(Clone, Debug, Error)]
pub enum ConnectError {
    #[error("name")]
    InvalidServerName,
}
#[derive(Clone, Debug, Error)]
pub enum WriteError {
    #[error("blocked")]
    Blocked,
    #[error("stopped")]
    Stopped(u64),
    #[error("closed")]
    Closed,
}
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    #[error("blocked")]
    Blocked,
    #[error("reset")]
    Reset(u64),
    #[error("closed")]
    Closed,
}
#[derive(Clone, Debug, Error)]
pub enum FinishError {
    #[error("stopped")]
    Stopped(u64),
    #[error("closed")]
    Closed,
}
#[derive(Clone, Debug, Error)]
#[error("export")]
pub struct ExportError;
#[derive(Clone, Debug, Error)]
#[error("closed")]
pub struct ClosedStream;
#[derive(Clone, Debug, Error)]
pub enum SendMessageError {
    #[error("blocked")]
    Blocked,
    #[error("too large")]
    TooLarge,
}

impl Endpoint {
    pub fn new(c: Arc<EndpointConfig>, s: Option<Arc<ServerConfig>>, seed: [u8; 32]) -> Self {
        Self
    }
    pub fn connect(
        &mut self,
        now: Instant,
        config: Arc<ClientConfig>,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<(ConnectionHandle, Box<Connection>), ConnectError> {
        Ok((ConnectionHandle(0), Box::new(Connection { remote })))
    }
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &mut [u8],
        response: &mut Vec<u8>,
    ) -> Route {
        Route::Dropped
    }
    pub fn handle_event(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        event: EndpointEvent,
    ) -> Option<ConnectionEvent> {
        None
    }
}

impl Connection {
    pub fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {}
    pub fn handle_event(&mut self, now: Instant, event: ConnectionEvent) {}
    pub fn handle_timeout(&mut self, now: Instant) {}
    pub fn poll_transmit(&mut self, now: Instant, max: usize, b: &mut Vec<u8>) -> Option<Transmit> {
        None
    }
    pub fn poll_endpoint_event(&mut self) -> Option<EndpointEvent> {
        None
    }
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    pub fn open(&mut self, direction: Direction) -> Option<StreamId> {
        None
    }
    pub fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        None
    }
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        Err(WriteError::Blocked)
    }
    pub fn write_chunk(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, WriteError> {
        Err(WriteError::Blocked)
    }
    pub fn finish(&mut self, id: StreamId) -> Result<(), FinishError> {
        Ok(())
    }
    pub fn reset(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        Ok(())
    }
    pub fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, ReadError> {
        Err(ReadError::Blocked)
    }
    pub fn read_chunk(&mut self, id: StreamId, max: usize) -> Result<Option<Bytes>, ReadError> {
        Err(ReadError::Blocked)
    }
    pub fn stop(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        Ok(())
    }
    pub fn send_message(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        Err(SendMessageError::Blocked)
    }
    pub fn receive_message(&mut self) -> Option<Bytes> {
        None
    }
    pub fn close(&mut self, now: Instant, error: u64, reason: &[u8]) {}
    pub fn shut_down(&mut self, now: Instant, error: u64, reason: &[u8]) {}
    pub fn local_address_changed(&mut self, now: Instant) {}
    pub fn ping(&mut self) {}
    pub fn statistics(&self) -> Statistics {
        Statistics
    }
    pub fn remote_address(&self) -> SocketAddr {
        self.remote
    }
    pub fn guuid(&self) -> Option<Guuid> {
        None
    }
    pub fn side(&self) -> Side {
        Side::Client
    }
    pub fn is_handshaking(&self) -> bool {
        true
    }
    pub fn is_established(&self) -> bool {
        true
    }
    pub fn is_closed(&self) -> bool {
        true
    }
    pub fn is_drained(&self) -> bool {
        true
    }
    pub fn peer_identity(&self) -> Option<Vec<rustls::pki_types::CertificateDer<'static>>> {
        None
    }
    pub fn alpn(&self) -> Option<Vec<u8>> {
        None
    }
    pub fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportError> {
        Err(ExportError)
    }
    pub fn early_data_accepted(&self) -> Option<bool> {
        None
    }
}
