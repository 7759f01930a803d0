//! An endpoint: finds the connection of a datagram, opens connections and accepts them.
//!
//! It owns no connection: the caller keeps them, and hands datagrams and events on.

mod accept;
mod connect;
mod ids;
mod load;
mod reset;
mod setup;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustc_hash::FxHashMap;

pub use connect::ConnectError;
pub use ids::IssuedConnectionId;
pub(crate) use setup::{ConnectionSetup, parameters};

use crate::config::{EndpointConfig, ServerConfig};
use crate::connection::Connection;
use crate::connection_id::{ConnectionId, ResetToken};
use crate::observe::ObserverFactory;
use crate::packet::{PacketKind, ProtectedHeader, VERSION, write_version_negotiation};
use crate::time::Instant;
use crate::token::TokenKeeper;
use crate::transmit::{EcnCodepoint, Transmit};
use ids::IdFactory;
use load::{Handshakes, Origin};
use reset::ResetBudget;

/// Where a datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The sender's address.
    pub remote: SocketAddr,
    /// The address that it was sent to, if the socket has several.
    pub local: Option<IpAddr>,
    /// Its Explicit Congestion Notification mark.
    pub ecn: Option<EcnCodepoint>,
}

/// What is to be done with a datagram.
pub enum Route {
    /// Hand it to this connection.
    Connection(ConnectionHandle),
    /// A new connection: keep it under this handle, and hand it the datagram.
    Accepted(ConnectionHandle, Box<Connection>),
    /// Send the bytes in the response buffer.
    Respond(Transmit),
    /// Nothing.
    Dropped,
}

/// Names a connection of one endpoint. Given anew when the connection is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionHandle(pub usize);

/// What a connection wants of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointEvent {
    /// So many more connection ids.
    NeedConnectionIds(u8),
    /// The peer will no longer use the id with this number.
    RetiredConnectionId(u64),
    /// The token by which a peer that has lost its memory is known, and its address.
    PeerResetToken(SocketAddr, ResetToken),
    /// The handshake is complete.
    HandshakeComplete,
    /// The connection is over: forget it.
    Drained,
}

/// What an endpoint has for one of its connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// More names to be reached by.
    ConnectionIds(Vec<IssuedConnectionId>),
}

/// Routes datagrams to connections.
pub struct Endpoint {
    pub(crate) server: Option<Arc<ServerConfig>>,
    client_id_bytes: usize,
    ids: IdFactory,
    tokens: TokenKeeper,
    rng: StdRng,
    /// By ids that we made: no sender can choose them to collide.
    by_id: FxHashMap<ConnectionId, usize>,
    /// By the ids that clients make up for their first packets, and where those came from: senders
    /// choose them, so the table's hash is keyed (T14).
    by_first_id: HashMap<(ConnectionId, SocketAddr), usize>,
    by_reset_token: HashMap<(SocketAddr, [u8; ResetToken::BYTES]), usize>,
    connections: slab::Slab<Entry>,
    handshakes: Handshakes,
    resets: ResetBudget,
    /// What time of day `Instant::ORIGIN` is.
    origin: Duration,
    observer: Option<Arc<dyn ObserverFactory>>,
}

/// What an endpoint remembers of a connection.
struct Entry {
    ids: Vec<(u64, ConnectionId)>,
    next_sequence: u64,
    id_bytes: usize,
    first_id: Option<(ConnectionId, SocketAddr)>,
    reset_token: Option<(SocketAddr, ResetToken)>,
    /// Where the handshake is counted, until it is complete.
    handshake: Option<Origin>,
}

impl Endpoint {
    /// An endpoint that accepts connections if there is a `server` configuration. All ids,
    /// tokens and challenges come from `seed`, which has to be random and secret.
    #[must_use]
    pub fn new(config: &EndpointConfig, server: Option<Arc<ServerConfig>>, seed: [u8; 32]) -> Self {
        Self {
            server,
            client_id_bytes: config.client_id_bytes,
            ids: IdFactory::new(&config.reset_key),
            tokens: TokenKeeper::new(&config.token_key),
            rng: StdRng::from_seed(seed),
            by_id: FxHashMap::default(),
            by_first_id: HashMap::new(),
            by_reset_token: HashMap::new(),
            connections: slab::Slab::new(),
            handshakes: Handshakes::default(),
            resets: ResetBudget::default(),
            origin: config.origin,
            observer: config.observer.clone(),
        }
    }

    /// Accepts connections as `server` says from now on; `None`: no longer.
    pub fn set_server(&mut self, server: Option<Arc<ServerConfig>>) {
        self.server = server;
    }

    /// How many connections there are, those that are closing included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Says what is to be done with a datagram. `response` is cleared, and filled only for
    /// [`Route::Respond`].
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &mut [u8],
        response: &mut Vec<u8>,
    ) -> Route {
        response.clear();
        // Ids are 8 bytes or fewer at the front of a short header; which it is depends on whose
        // they are.
        if let Some(handle) = self.find(arrival, datagram) {
            return Route::Connection(ConnectionHandle(handle));
        }
        // A reset may be shorter than any packet.
        if let Some(route) = self.find_by_token(arrival, datagram) {
            return route;
        }
        let Ok(header) = ProtectedHeader::decode(datagram, SERVER_ID_BYTES) else {
            return Route::Dropped;
        };
        let responded = match header.kind {
            PacketKind::Short => {
                return self.answer_unknown(now, arrival, &header, datagram, response);
            }
            PacketKind::Initial => return self.accept(now, arrival, &header, datagram, response),
            PacketKind::VersionNegotiation if header.version != 0 && header.version != VERSION => {
                self.refuse_version(&header, datagram, response)
            }
            _ => false,
        };
        if responded {
            respond(arrival, response)
        } else {
            Route::Dropped
        }
    }

    /// The connection that a datagram names.
    #[inline]
    fn find(&self, arrival: &Arrival, datagram: &[u8]) -> Option<usize> {
        let first = *datagram.first()?;
        if first & 0x80 != 0 {
            let length = usize::from(*datagram.get(5)?);
            let id = ConnectionId::new(datagram.get(6..6 + length)?)?;
            let known = self.by_id.get(&id).copied();
            return known.or_else(|| self.by_first_id.get(&(id, arrival.remote)).copied());
        }
        let lengths = [SERVER_ID_BYTES, self.client_id_bytes];
        let lengths = if self.server.is_some() {
            &lengths[..]
        } else {
            &lengths[1..]
        };
        lengths.iter().find_map(|&length| {
            let id = ConnectionId::new(datagram.get(1..1 + length)?)?;
            self.by_id.get(&id).copied()
        })
    }

    /// A peer that has lost its memory does not name our ids, but it ends with its token.
    fn find_by_token(&self, arrival: &Arrival, datagram: &[u8]) -> Option<Route> {
        let is_short = datagram.first()? & 0x80 == 0;
        let token = datagram.last_chunk().filter(|_| is_short)?;
        let handle = *self.by_reset_token.get(&(arrival.remote, *token))?;
        Some(Route::Connection(ConnectionHandle(handle)))
    }

    fn refuse_version(
        &mut self,
        header: &ProtectedHeader,
        datagram: &[u8],
        response: &mut Vec<u8>,
    ) -> bool {
        // A smaller datagram is not worth an answer (Q-PKT-7).
        let asked = self.server.is_some() && datagram.len() >= accept::INITIAL_BYTES_MIN;
        let destination = datagram.get(header.destination.clone()).unwrap_or_default();
        // Ids of other versions may be longer than ours: answered only if they are not.
        match header
            .source
            .filter(|_| asked && destination.len() <= ConnectionId::BYTES_MAX)
        {
            Some(source) => {
                let random = self.rng.random();
                write_version_negotiation(response, &source, destination, random);
                true
            }
            None => false,
        }
    }

    /// Does what a connection asks for.
    pub fn handle_event(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        event: EndpointEvent,
    ) -> Option<ConnectionEvent> {
        let _ = now;
        match event {
            EndpointEvent::NeedConnectionIds(count) => {
                let issued = (0..count).filter_map(|_| self.issue(handle.0)).collect();
                return Some(ConnectionEvent::ConnectionIds(issued));
            }
            EndpointEvent::RetiredConnectionId(sequence) => self.retire(handle.0, sequence),
            EndpointEvent::PeerResetToken(remote, token) => {
                self.expect_reset(handle.0, remote, token);
            }
            EndpointEvent::HandshakeComplete => self.end_handshake(handle.0),
            EndpointEvent::Drained => self.forget(handle.0),
        }
        None
    }

    fn issue(&mut self, handle: usize) -> Option<IssuedConnectionId> {
        let entry = self.connections.get_mut(handle)?;
        let (id, reset_token) = self.ids.make(entry.id_bytes, &self.by_id, &mut self.rng)?;
        let sequence = entry.next_sequence;
        entry.next_sequence += 1;
        entry.ids.push((sequence, id));
        self.by_id.insert(id, handle);
        Some(IssuedConnectionId {
            sequence,
            id,
            reset_token,
        })
    }

    fn retire(&mut self, handle: usize, sequence: u64) {
        let Some(entry) = self.connections.get_mut(handle) else {
            return;
        };
        if let Some(at) = entry.ids.iter().position(|(known, _)| *known == sequence) {
            let (_, id) = entry.ids.swap_remove(at);
            self.by_id.remove(&id);
        }
    }

    fn expect_reset(&mut self, handle: usize, remote: SocketAddr, token: ResetToken) {
        let Some(entry) = self.connections.get_mut(handle) else {
            return;
        };
        if let Some((remote, token)) = entry.reset_token.replace((remote, token)) {
            self.by_reset_token.remove(&(remote, token.0));
        }
        self.by_reset_token.insert((remote, token.0), handle);
    }

    /// The handshake no longer counts. The client's first id is still ours: a late copy of its
    /// first packet must not begin another connection.
    fn end_handshake(&mut self, handle: usize) {
        let Some(entry) = self.connections.get_mut(handle) else {
            return;
        };
        if let Some(origin) = entry.handshake.take() {
            self.handshakes.end(origin);
        }
    }

    fn forget(&mut self, handle: usize) {
        self.end_handshake(handle);
        let Some(entry) = self.connections.try_remove(handle) else {
            return;
        };
        for (_, id) in entry.ids {
            self.by_id.remove(&id);
        }
        if let Some(first) = entry.first_id {
            self.by_first_id.remove(&first);
        }
        if let Some((remote, token)) = entry.reset_token {
            self.by_reset_token.remove(&(remote, token.0));
        }
    }
}

fn respond(arrival: &Arrival, response: &[u8]) -> Route {
    if response.is_empty() {
        return Route::Dropped;
    }
    Route::Respond(Transmit {
        destination: arrival.remote,
        source: arrival.local,
        ecn: None,
        size: response.len(),
        segment_size: None,
    })
}

/// Length of the ids of connections that are accepted (Q-CID-1).
const SERVER_ID_BYTES: usize = 8;

#[cfg(test)]
mod tests;
