//! A client and a server in virtual time, joined by a link that tests can tamper with.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::{ClientConfig, EndpointConfig, Fingerprint, ServerConfig, TransportConfig};
use crate::connection::{Connection, Event};
use crate::endpoint::{Arrival, ConnectionHandle, Endpoint, Route};
use crate::error::{ConnectionError, TransportErrorCode};
use crate::message::{MessageOptions, SendMessageError};
use crate::stream::Side;
use crate::time::Instant;
use crate::transmit::{EcnCodepoint, Transmit};

/// One end: an endpoint and its connections.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    pub(crate) connections: BTreeMap<usize, Box<Connection>>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// Messages without a deadline, for which the time does not matter.
impl Connection {
    pub(crate) fn post(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        let options = if reliable {
            MessageOptions::reliable()
        } else {
            MessageOptions::unreliable()
        };
        self.send_message(Instant::ORIGIN, data, &options)
    }

    pub(crate) fn take_message(&mut self) -> Option<Bytes> {
        self.receive_message(Instant::ORIGIN)
    }
}

/// A datagram under way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) ecn: Option<EcnCodepoint>,
    pub(crate) bytes: Vec<u8>,
}

/// What the link does with a datagram.
pub(crate) enum Verdict {
    Deliver,
    Drop,
    /// Delivers these in its place.
    Replace(Vec<Datagram>),
}

type Tamper = Box<dyn FnMut(Instant, &mut Datagram) -> Verdict>;

/// Two hosts and the link between them.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) client: Host,
    pub(crate) server: Host,
    pub(crate) delay: Duration,
    pub(crate) tamper: Tamper,
    in_flight: BTreeMap<(Instant, u64), Datagram>,
    sequence: u64,
}

impl Host {
    fn new(port: u16, server: Option<Arc<ServerConfig>>, seed: u8) -> Self {
        let config = EndpointConfig::with_seed([seed; 32]);
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, seed)), port),
            endpoint: Endpoint::new(&config, server, [seed; 32]),
            connections: BTreeMap::new(),
            events: VecDeque::new(),
            sent_bytes: 0,
            received_bytes: 0,
        }
    }

    /// The only connection.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connections.values_mut().next().expect("a connection")
    }

    fn receive(&mut self, now: Instant, datagram: &mut Datagram) -> Option<Datagram> {
        self.received_bytes += datagram.bytes.len() as u64;
        let arrival = Arrival {
            remote: datagram.from,
            local: None,
            ecn: datagram.ecn,
        };
        let mut response = Vec::new();
        let bytes = &mut datagram.bytes;
        match self
            .endpoint
            .handle_datagram(now, &arrival, bytes, &mut response)
        {
            Route::Connection(handle) => {
                if let Some(connection) = self.connections.get_mut(&handle.0) {
                    connection.handle_datagram(now, &arrival, bytes);
                }
                None
            }
            Route::Accepted(handle, mut connection) => {
                connection.handle_datagram(now, &arrival, bytes);
                self.connections.insert(handle.0, connection);
                None
            }
            Route::Respond(transmit) => Some(self.outgoing(&transmit, response)),
            Route::Dropped => None,
        }
    }

    fn outgoing(&mut self, transmit: &Transmit, bytes: Vec<u8>) -> Datagram {
        self.sent_bytes += bytes.len() as u64;
        Datagram {
            from: self.address,
            to: transmit.destination,
            ecn: transmit.ecn,
            bytes,
        }
    }

    /// Drains every connection.
    fn drain(&mut self, now: Instant) -> Vec<Datagram> {
        let mut sent = Vec::new();
        let handles: Vec<usize> = self.connections.keys().copied().collect();
        for handle in handles {
            let Some(mut connection) = self.connections.remove(&handle) else {
                continue;
            };
            loop {
                let mut buffer = Vec::new();
                let Some(transmit) = connection.poll_transmit(now, 10, &mut buffer) else {
                    break;
                };
                assert_eq!(
                    transmit.size,
                    buffer.len(),
                    "a transmit says how large it is"
                );
                let segment = transmit.segment_size.unwrap_or(transmit.size);
                for bytes in buffer.chunks(segment) {
                    sent.push(self.outgoing(&transmit, bytes.to_vec()));
                }
            }
            while let Some(event) = connection.poll_endpoint_event() {
                let handle = ConnectionHandle(handle);
                if let Some(event) = self.endpoint.handle_event(now, handle, event) {
                    connection.handle_event(now, event);
                }
            }
            while let Some(event) = connection.poll_event() {
                self.events.push_back(event);
            }
            if !connection.is_drained() {
                self.connections.insert(handle, connection);
            }
        }
        sent
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.connections
            .values()
            .filter_map(|connection| connection.poll_timeout())
            .min()
    }

    fn expire(&mut self, now: Instant) {
        for connection in self.connections.values_mut() {
            if connection.poll_timeout().is_some_and(|at| at <= now) {
                connection.handle_timeout(now);
            }
        }
    }
}

impl Pair {
    /// A server with a self-signed certificate, and a client that trusts it.
    pub(crate) fn new(client: TransportConfig, server: TransportConfig) -> Self {
        let identity = Identity::new();
        let mut pair = Self::unconnected(identity.server().with_transport(server));
        pair.connect(&identity.client().with_transport(client));
        pair
    }

    /// A server, and a client that has not connected yet.
    pub(crate) fn unconnected(server: ServerConfig) -> Self {
        Self {
            now: Instant::from_nanos(1_000_000_000),
            client: Host::new(4000, None, 1),
            server: Host::new(443, Some(Arc::new(server)), 2),
            delay: Duration::from_millis(10),
            tamper: Box::new(|_, _| Verdict::Deliver),
            in_flight: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// The server dies, and comes back without memory, with the secrets that `seed` gives.
    pub(crate) fn restart_server(&mut self, server: ServerConfig, seed: u8) {
        let address = self.server.address;
        self.server = Host::new(address.port(), Some(Arc::new(server)), seed);
        self.server.address = address;
    }

    /// Lets both ends forget their connections, which have been closed.
    pub(crate) fn forget(&mut self) {
        let now = self.now;
        self.client.connection().close(now, 0, b"");
        self.run(Duration::from_secs(10));
        assert!(self.client.connections.is_empty() && self.server.connections.is_empty());
        self.client.events.clear();
        self.server.events.clear();
    }

    /// Whether both ends have a connection whose handshake is done.
    pub(crate) fn is_connected(&self) -> bool {
        [&self.client, &self.server].into_iter().all(|host| {
            let mut connections = host.connections.values();
            connections.any(|connection| connection.is_established())
        })
    }

    /// Both with the defaults, and the handshake done.
    pub(crate) fn connected() -> Self {
        let mut pair = Self::new(TransportConfig::default(), TransportConfig::default());
        pair.run(Duration::from_secs(1));
        assert!(
            pair.client.connection().is_established() && pair.server.connection().is_established()
        );
        pair
    }

    pub(crate) fn connect(&mut self, config: &ClientConfig) {
        let remote = self.server.address;
        let (handle, connection) = self
            .client
            .endpoint
            .connect(self.now, config, remote, "localhost")
            .expect("the client can connect");
        self.client.connections.insert(handle.0, connection);
    }

    pub(crate) fn host(&mut self, side: Side) -> &mut Host {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Puts a datagram on the link behind the tampering.
    pub(crate) fn inject(&mut self, datagram: Datagram) {
        self.sequence += 1;
        self.in_flight
            .insert((self.now + self.delay, self.sequence), datagram);
    }

    fn send(&mut self, mut datagram: Datagram) {
        match (self.tamper)(self.now, &mut datagram) {
            Verdict::Deliver => self.inject(datagram),
            Verdict::Drop => {}
            Verdict::Replace(datagrams) => {
                datagrams.into_iter().for_each(|other| self.inject(other))
            }
        }
    }

    /// Lets everything leave that wants to.
    pub(crate) fn drain(&mut self) {
        let now = self.now;
        let sent: Vec<Datagram> = self
            .client
            .drain(now)
            .into_iter()
            .chain(self.server.drain(now))
            .collect();
        sent.into_iter().for_each(|datagram| self.send(datagram));
    }

    /// One step: the next arrival or timeout, if it is not after `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.drain();
        let arrival = self.in_flight.keys().next().map(|&(at, _)| at);
        let timeouts = [self.client.next_timeout(), self.server.next_timeout()];
        let next = timeouts.into_iter().flatten().chain(arrival).min();
        let Some(next) = next.filter(|&next| next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        self.client.expire(now);
        self.server.expire(now);
        while let Some(entry) = self
            .in_flight
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let mut datagram = entry.remove();
            let host = if datagram.to == self.server.address {
                &mut self.server
            } else if datagram.to == self.client.address {
                &mut self.client
            } else {
                continue;
            };
            if let Some(response) = host.receive(now, &mut datagram) {
                self.send(response);
            }
        }
        true
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..STEPS_MAX {
            if !self.step(end) {
                return;
            }
        }
        panic!("{STEPS_MAX} steps in {duration:?}: something spins");
    }

    /// Has one end say `frames`, one packet for each, whatever the protocol thinks of them.
    pub(crate) fn say(&mut self, side: Side, frames: impl IntoIterator<Item = Vec<u8>>) {
        let raw = &mut self.host(side).connection().pending.raw;
        raw.extend(frames);
        self.run(Duration::from_millis(300));
    }

    /// With which code one end closed the connection because the other misbehaved.
    pub(crate) fn verdict(&mut self, side: Side) -> Option<TransportErrorCode> {
        self.events(side).into_iter().find_map(|event| match event {
            Event::Closed(ConnectionError::PeerMisbehaved(error)) => Some(error.code),
            _ => None,
        })
    }

    /// Takes the client's, or the server's, events.
    pub(crate) fn events(&mut self, side: Side) -> Vec<Event> {
        self.host(side).events.drain(..).collect()
    }
}

/// A self-signed certificate and what trusts it.
pub(crate) struct Identity(rcgen::CertifiedKey<rcgen::KeyPair>);

impl Identity {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .and_then(|parameters| parameters.self_signed(&key))
            .expect("a certificate");
        Self(rcgen::CertifiedKey {
            cert,
            signing_key: key,
        })
    }

    pub(crate) fn server(&self) -> ServerConfig {
        ServerConfig::with_certificate(self.chain(), self.key()).expect("a server configuration")
    }

    pub(crate) fn chain(&self) -> Vec<rustls_pki_types::CertificateDer<'static>> {
        vec![self.0.cert.der().clone()]
    }

    pub(crate) fn key(&self) -> rustls_pki_types::PrivateKeyDer<'static> {
        rustls_pki_types::PrivatePkcs8KeyDer::from(self.0.signing_key.serialize_der()).into()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.0.cert.der())
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        use rcgen::PublicKeyData;
        self.0.signing_key.subject_public_key_info()
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.cert.der().clone()).expect("a root");
        ClientConfig::with_roots(roots).expect("a client configuration")
    }
}

/// More in one run means that virtual time does not advance.
const STEPS_MAX: usize = 2_000_000;
