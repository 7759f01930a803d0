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
#[derive(Debug, Default)]
pub struct ServerConfig;
#[derive(Debug, Default)]
pub struct ClientConfig;

#[derive(Clone, Copy, Debug)]
pub struct Fingerprint(pub [u8; 32]);
impl Fingerprint {
    pub fn of(certificate: &rustls::pki_types::CertificateDer<'_>) -> Self {
        Self([certificate.len() as u8; 32])
    }
}
impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("00")
    }
}
impl std::str::FromStr for Fingerprint {
    type Err = ExportError;
    fn from_str(s: &str) -> Result<Self, ExportError> {
        Ok(Self([0; 32]))
    }
}
impl ServerConfig {
    pub fn with_certificate(
        chain: Vec<rustls::pki_types::CertificateDer<'static>>,
        key: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Result<Self, ExportError> {
        Ok(Self)
    }
}
impl ClientConfig {
    pub fn with_pinned_certificates(
        pins: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<Self, ExportError> {
        Ok(Self)
    }
}
pub type Guuid = u128;
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionHandle(pub usize);
pub use quantum_proto::stats::Statistics;
#[derive(Debug)]
pub struct Arrival {
    pub remote: SocketAddr,
    pub local: Option<IpAddr>,
    pub ecn: Option<EcnCodepoint>,
}
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

use std::collections::{BTreeMap, VecDeque};

pub struct Endpoint {
    server: bool,
    ids: BTreeMap<u64, usize>,
    slab: slab::Slab<u64>,
    next: u64,
}

#[derive(Default)]
struct In {
    data: VecDeque<u8>,
    fin: bool,
    reset: Option<u64>,
    stopped: bool,
}
#[derive(Default)]
struct Out {
    data: VecDeque<u8>,
    fin: bool,
    fin_sent: bool,
    blocked: bool,
    stopped: Option<u64>,
}

pub struct Connection {
    remote: SocketAddr,
    side: Side,
    local_id: u64,
    peer_id: u64,
    hello: Option<u8>,
    established: bool,
    sent: u64,
    acked: u64,
    received: u64,
    ack_due: u64,
    ins: BTreeMap<u64, In>,
    outs: BTreeMap<u64, Out>,
    opened: [u64; 2],
    seen: [u64; 2],
    accepts: [VecDeque<StreamId>; 2],
    control: VecDeque<Vec<u8>>,
    messages: VecDeque<Bytes>,
    events: VecDeque<Event>,
    close: Option<(u64, Vec<u8>)>,
    closed: bool,
    shutting: Option<(u64, Vec<u8>)>,
    drained: bool,
    drained_told: bool,
    idle: Instant,
}

const BUFFER: usize = 1 << 20;
const WINDOW: u64 = 256;

fn id_of(value: u64) -> StreamId {
    let side = if value & 1 == 0 {
        Side::Client
    } else {
        Side::Server
    };
    let direction = if value & 2 == 0 {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    };
    StreamId::new(side, direction, value >> 2)
}

impl Endpoint {
    pub fn new(c: Arc<EndpointConfig>, s: Option<Arc<ServerConfig>>, seed: [u8; 32]) -> Self {
        Self {
            server: s.is_some(),
            ids: BTreeMap::new(),
            slab: slab::Slab::new(),
            next: u64::from_le_bytes(seed[..8].try_into().unwrap()) | 1,
        }
    }
    fn make(&mut self, now: Instant, remote: SocketAddr, side: Side) -> (usize, Box<Connection>) {
        self.next = self.next.wrapping_add(2);
        let local_id = self.next;
        let handle = self.slab.insert(local_id);
        self.ids.insert(local_id, handle);
        (
            handle,
            Box::new(Connection {
                remote,
                side,
                local_id,
                peer_id: 0,
                hello: None,
                established: false,
                sent: 0,
                acked: 0,
                received: 0,
                ack_due: 0,
                ins: BTreeMap::new(),
                outs: BTreeMap::new(),
                opened: [0; 2],
                seen: [0; 2],
                accepts: Default::default(),
                control: VecDeque::new(),
                messages: VecDeque::new(),
                events: VecDeque::new(),
                close: None,
                closed: false,
                shutting: None,
                drained: false,
                drained_told: false,
                idle: now + std::time::Duration::from_secs(30),
            }),
        )
    }
    pub fn connect(
        &mut self,
        now: Instant,
        config: Arc<ClientConfig>,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<(ConnectionHandle, Box<Connection>), ConnectError> {
        let (handle, mut connection) = self.make(now, remote, Side::Client);
        connection.hello = Some(0);
        Ok((ConnectionHandle(handle), connection))
    }
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &mut [u8],
        response: &mut Vec<u8>,
    ) -> Route {
        if datagram.len() < 17 {
            return Route::Dropped;
        }
        let id = u64::from_be_bytes(datagram[1..9].try_into().unwrap());
        if let Some(handle) = self.ids.get(&id) {
            return Route::Connection(ConnectionHandle(*handle));
        }
        if datagram[0] == 0 && self.server {
            let (handle, connection) = self.make(now, arrival.remote, Side::Server);
            return Route::Accepted(ConnectionHandle(handle), connection);
        }
        Route::Dropped
    }
    pub fn handle_event(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        event: EndpointEvent,
    ) -> Option<ConnectionEvent> {
        let id = self.slab.remove(handle.0);
        self.ids.remove(&id);
        None
    }
}

impl Connection {
    pub fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        if self.closed {
            return;
        }
        self.remote = arrival.remote;
        self.idle = now + std::time::Duration::from_secs(30);
        let peer = u64::from_be_bytes(datagram[9..17].try_into().unwrap());
        match datagram[0] {
            0 => {
                self.peer_id = peer;
                self.hello = Some(1);
                self.establish();
            }
            1 => {
                self.peer_id = peer;
                self.establish();
            }
            _ => self.frames(&datagram[17..]),
        }
    }
    fn establish(&mut self) {
        if !self.established {
            self.established = true;
            self.events.push_back(Event::Connected);
        }
    }
    fn frames(&mut self, mut rest: &[u8]) {
        let mut eliciting = false;
        while rest.len() >= 11 {
            let kind = rest[0];
            let id = u64::from_be_bytes(rest[1..9].try_into().unwrap());
            let length = usize::from(u16::from_be_bytes(rest[9..11].try_into().unwrap()));
            let data = &rest[11..11 + length];
            rest = &rest[11 + length..];
            eliciting |= kind != 0;
            self.frame(kind, id, data);
        }
        if eliciting {
            self.received += 1;
            self.ack_due += 1;
        }
    }
    fn input(&mut self, value: u64) -> &mut In {
        let id = id_of(value);
        if id.initiator() != self.side {
            let direction = id.direction() as usize;
            while self.seen[direction] <= id.index() {
                let new = StreamId::new(id.initiator(), id.direction(), self.seen[direction]);
                self.seen[direction] += 1;
                self.accepts[direction].push_back(new);
                self.ins.insert(new.value(), In::default());
                if direction == 0 {
                    self.outs.insert(new.value(), Out::default());
                }
                self.events.push_back(Event::StreamOpened(id.direction()));
            }
        }
        self.ins.entry(value).or_default()
    }
    fn frame(&mut self, kind: u8, id: u64, data: &[u8]) {
        match kind {
            0 => self.acked = self.acked.max(id),
            1 | 2 => {
                let input = self.input(id);
                input.data.extend(data);
                input.fin |= kind == 2;
                self.events.push_back(Event::Readable(id_of(id)));
            }
            3 => {
                self.messages.push_back(Bytes::copy_from_slice(data));
                self.events.push_back(Event::MessageReceived);
            }
            4 => {
                self.input(u64::from(data[0])).reset = Some(id);
                self.events
                    .push_back(Event::Readable(id_of(u64::from(data[0]))));
            }
            5 => {
                let value = u64::from(data[0]);
                if let Some(out) = self.outs.get_mut(&value) {
                    out.stopped = Some(id);
                    self.events.push_back(Event::Stopped(id_of(value), id));
                }
            }
            7 => self.events.push_back(Event::Finished(id_of(id))),
            _ => {
                self.closed = true;
                self.drained = true;
                self.events
                    .push_back(Event::Closed(ConnectionError::ApplicationClosed {
                        code: id,
                        reason: Bytes::copy_from_slice(data),
                    }));
            }
        }
    }
    pub fn handle_event(&mut self, now: Instant, event: ConnectionEvent) {}
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.idle && !self.closed {
            self.closed = true;
            self.drained = true;
            self.events
                .push_back(Event::Closed(ConnectionError::TimedOut));
        }
    }
    fn push_frame(b: &mut Vec<u8>, kind: u8, id: u64, data: &[u8]) {
        b.push(kind);
        b.extend(id.to_be_bytes());
        b.extend((data.len() as u16).to_be_bytes());
        b.extend(data);
    }
    fn transmit(&self, size: usize) -> Transmit {
        Transmit {
            destination: self.remote,
            source: None,
            ecn: None,
            size,
            segment_size: None,
        }
    }
    pub fn poll_transmit(&mut self, now: Instant, max: usize, b: &mut Vec<u8>) -> Option<Transmit> {
        let start = b.len();
        if let Some(kind) = self.hello.take() {
            b.push(kind);
            b.extend(self.peer_id.to_be_bytes());
            b.extend(self.local_id.to_be_bytes());
            return Some(self.transmit(b.len() - start));
        }
        if self.drained || !self.established {
            return None;
        }
        for index in 0..max {
            let packet = b.len();
            self.packet(b);
            if b.len() == packet {
                break;
            }
            if b.len() - packet < 1400 {
                break;
            }
        }
        if self.close.is_some() && b.len() - start < 40_000 && !self.drained {
            self.drained = true;
        }
        let size = b.len() - start;
        (size > 0).then(|| Transmit {
            segment_size: (size > 1400).then_some(1400),
            ..self.transmit(size)
        })
    }
    fn packet(&mut self, b: &mut Vec<u8>) {
        let start = b.len();
        b.push(2);
        b.extend(self.peer_id.to_be_bytes());
        b.extend(self.local_id.to_be_bytes());
        let mut eliciting = false;
        let buffered: usize = self.ins.values().map(|input| input.data.len()).sum();
        if self.ack_due > 0 && buffered < 4 << 20 {
            self.ack_due = 0;
            Self::push_frame(b, 0, self.received, b"");
        }
        while self.sent - self.acked < WINDOW {
            let room = 1400_usize.saturating_sub(b.len() - start + 11);
            if self.control.front().is_some_and(|frame| frame.len() < room) {
                b.extend(self.control.pop_front().unwrap());
                eliciting = true;
                continue;
            }
            if room == 0 || !self.control.is_empty() {
                break;
            }
            let mut finished = None;
            let found = self
                .outs
                .iter_mut()
                .find(|(_, out)| !out.data.is_empty() || (out.fin && !out.fin_sent));
            let Some((id, out)) = found else { break };
            let count = room.min(out.data.len());
            let data: Vec<u8> = out.data.drain(..count).collect();
            let fin = out.fin && out.data.is_empty();
            out.fin_sent = fin;
            if out.blocked && out.data.len() < BUFFER / 2 {
                out.blocked = false;
                self.events.push_back(Event::Writable(id_of(*id)));
            }
            if fin {
                finished = Some(*id);
            }
            Self::push_frame(b, if fin { 2 } else { 1 }, *id, &data);
            eliciting = true;
        }
        if self.shutting.is_some() && self.control.is_empty() {
            let idle = self
                .outs
                .values()
                .all(|out| out.data.is_empty() && (!out.fin || out.fin_sent));
            if idle && self.acked == self.sent && !eliciting {
                self.close = self.shutting.take();
            }
        }
        if let Some((code, reason)) = &self.close
            && b.len() - start + reason.len() + 11 < 1400
        {
            Self::push_frame(b, 9, *code, reason);
            self.closed = true;
            self.events
                .push_back(Event::Closed(ConnectionError::LocallyClosed));
            self.drained = true;
        }
        self.sent += u64::from(eliciting);
        if b.len() == start + 17 {
            b.truncate(start);
        }
    }
    pub fn poll_endpoint_event(&mut self) -> Option<EndpointEvent> {
        let tell = self.drained && !self.drained_told;
        self.drained_told |= tell;
        tell.then_some(EndpointEvent::Drained)
    }
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.drained).then_some(self.idle)
    }
    pub fn open(&mut self, direction: Direction) -> Option<StreamId> {
        let id = StreamId::new(self.side, direction, self.opened[direction as usize]);
        self.opened[direction as usize] += 1;
        self.outs.insert(id.value(), Out::default());
        Some(id)
    }
    pub fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        self.accepts[direction as usize].pop_front()
    }
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        let out = self.outs.get_mut(&id.value()).ok_or(WriteError::Closed)?;
        if let Some(code) = out.stopped {
            return Err(WriteError::Stopped(code));
        }
        let count = data.len().min(BUFFER.saturating_sub(out.data.len()));
        if count == 0 {
            out.blocked = true;
            return Err(WriteError::Blocked);
        }
        out.data.extend(&data[..count]);
        Ok(count)
    }
    pub fn write_chunk(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, WriteError> {
        let count = self.write(id, data)?;
        let _ = data.split_to(count);
        Ok(count)
    }
    pub fn finish(&mut self, id: StreamId) -> Result<(), FinishError> {
        let out = self.outs.get_mut(&id.value()).ok_or(FinishError::Closed)?;
        out.fin = true;
        Ok(())
    }
    pub fn reset(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        self.outs.remove(&id.value());
        let mut frame = Vec::new();
        Self::push_frame(&mut frame, 4, error, &[id.value() as u8]);
        self.control.push_back(frame);
        Ok(())
    }
    pub fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Some(chunk) = self.read_chunk(id, buffer.len())? else {
            return Ok(0);
        };
        buffer[..chunk.len()].copy_from_slice(&chunk);
        Ok(chunk.len())
    }
    pub fn read_chunk(&mut self, id: StreamId, max: usize) -> Result<Option<Bytes>, ReadError> {
        let input = self.ins.entry(id.value()).or_default();
        if let Some(code) = input.reset {
            return Err(ReadError::Reset(code));
        }
        if input.data.is_empty() {
            if !input.fin {
                return Err(ReadError::Blocked);
            }
            let mut frame = Vec::new();
            Self::push_frame(&mut frame, 7, id.value(), b"");
            self.control.push_back(frame);
            return Ok(None);
        }
        let count = max.min(input.data.len());
        Ok(Some(input.data.drain(..count).collect()))
    }
    pub fn stop(&mut self, id: StreamId, error: u64) -> Result<(), ClosedStream> {
        let mut frame = Vec::new();
        Self::push_frame(&mut frame, 5, error, &[id.value() as u8]);
        self.control.push_back(frame);
        Ok(())
    }
    pub fn send_message(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        if data.len() > 1000 {
            return Err(SendMessageError::TooLarge);
        }
        let mut frame = Vec::new();
        Self::push_frame(&mut frame, 3, 0, &data);
        self.control.push_back(frame);
        Ok(0)
    }
    pub fn receive_message(&mut self) -> Option<Bytes> {
        self.messages.pop_front()
    }
    pub fn close(&mut self, now: Instant, error: u64, reason: &[u8]) {
        self.close.get_or_insert((error, reason.to_vec()));
        if !self.established {
            self.drained = true;
        }
    }
    pub fn shut_down(&mut self, now: Instant, error: u64, reason: &[u8]) {
        self.shutting.get_or_insert((error, reason.to_vec()));
        if !self.established {
            self.drained = true;
        }
    }
    pub fn local_address_changed(&mut self, now: Instant) {
        self.ping();
    }
    pub fn ping(&mut self) {
        let mut frame = Vec::new();
        Self::push_frame(&mut frame, 0, 0, b"");
        self.control.push_back(frame);
    }
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::default();
        statistics.packets_sent = self.sent;
        statistics
    }
    pub fn remote_address(&self) -> SocketAddr {
        self.remote
    }
    pub fn guuid(&self) -> Option<Guuid> {
        None
    }
    pub fn side(&self) -> Side {
        self.side
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
