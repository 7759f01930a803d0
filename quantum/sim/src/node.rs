//! A host that speaks Quantum: an endpoint, its connections, and a program on each.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use quantum_proto::config::{ClientConfig, EndpointConfig, ServerConfig};
use quantum_proto::time::Instant;
use quantum_proto::transmit::Transmit;
use quantum_proto::{Arrival, Connection, ConnectionHandle, Endpoint, Route};

use crate::application::Fault;
use crate::host::{self, Departure, Host};
use crate::identity::SERVER_NAME;
use crate::program::Program;
use crate::random::Random;
use crate::transport::{Notice, Transport};
use crate::violation::Rule;

mod budget;
mod memory;

use budget::Budget;
pub use memory::Limits;
use memory::Memory;

/// A host that speaks Quantum.
pub struct Node<P> {
    address: SocketAddr,
    endpoint: Endpoint,
    is_server: bool,
    connections: BTreeMap<ConnectionHandle, Slot<P>>,
    /// For connections that are established: programs that wait for one.
    waiting: VecDeque<P>,
    /// Programs whose connections are over.
    finished: Vec<P>,
    responses: VecDeque<(Transmit, Vec<u8>)>,
    response: Vec<u8>,
    limits: Option<Limits>,
    /// Where the host goes, and when.
    moves: VecDeque<(Instant, SocketAddr)>,
    fault: Option<Fault>,
}

struct Slot<P> {
    connection: Box<Connection>,
    program: Option<P>,
    /// What happened before there was a program.
    early: Vec<Notice>,
    budget: Budget,
    memory: Memory,
}

impl<P: Program> Slot<P> {
    fn new(connection: Box<Connection>, program: Option<P>) -> Self {
        Self {
            connection,
            program,
            early: Vec::new(),
            budget: Budget::default(),
            memory: Memory::default(),
        }
    }

    /// Whether it holds what it may, if it is time to look.
    fn check_memory(&mut self, limits: &Limits) -> Result<(), Fault> {
        let bytes_in_flight = self.connection.statistics().bytes_in_flight;
        if !self.memory.is_due(bytes_in_flight) {
            return Ok(());
        }
        self.memory.check(limits, &self.connection.holdings())
    }

    /// What is connected gets a program; what never was does not, and its events are nobody's.
    fn await_handshake(&mut self, now: Instant, waiting: &mut VecDeque<P>) {
        while let Some(notice) = self.connection.poll_notice() {
            // Early data are the first thing that is heard of a client that was here before.
            let begins = matches!(
                notice,
                Notice::Connected | Notice::StreamOpened(_) | Notice::MessageReceived
            );
            self.early.push(notice);
            if begins {
                let next = waiting.iter();
                let next = next.take_while(|program| !program.is_for(&self.connection));
                self.program = waiting.remove(next.count());
                break;
            }
        }
        if let Some(program) = &mut self.program {
            program.start(now, std::mem::take(&mut self.early));
        }
    }
}

impl<P: Program> Node<P> {
    /// A server at `address`. The first connections that are established get `programs`, each the
    /// first that is for it.
    #[must_use]
    pub fn server(
        address: SocketAddr,
        config: ServerConfig,
        random: &mut Random,
        programs: impl IntoIterator<Item = P>,
    ) -> Self {
        let mut node = Self::new(address, Some(Arc::new(config)), random);
        node.waiting = programs.into_iter().collect();
        node
    }

    /// A client at `address`.
    #[must_use]
    pub fn client(address: SocketAddr, random: &mut Random) -> Self {
        Self::new(address, None, random)
    }

    /// The same server as one that was there before: it knows its own tokens again.
    #[must_use]
    pub fn server_again(
        address: SocketAddr,
        endpoint: &EndpointConfig,
        config: ServerConfig,
        random: &mut Random,
        programs: impl IntoIterator<Item = P>,
    ) -> Self {
        let mut node = Self::with_endpoint(address, endpoint, Some(Arc::new(config)), random);
        node.waiting = programs.into_iter().collect();
        node
    }

    fn new(address: SocketAddr, server: Option<Arc<ServerConfig>>, random: &mut Random) -> Self {
        let mut keys = [0; 32];
        random.fill(&mut keys);
        Self::with_endpoint(address, &EndpointConfig::with_seed(keys), server, random)
    }

    fn with_endpoint(
        address: SocketAddr,
        endpoint: &EndpointConfig,
        server: Option<Arc<ServerConfig>>,
        random: &mut Random,
    ) -> Self {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        Self {
            address,
            is_server: server.is_some(),
            endpoint: Endpoint::new(endpoint, server, seed),
            connections: BTreeMap::new(),
            waiting: VecDeque::new(),
            finished: Vec::new(),
            responses: VecDeque::new(),
            response: Vec::new(),
            limits: None,
            moves: VecDeque::new(),
            fault: None,
        }
    }

    /// Each connection is to hold no more than this.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Opens a connection with a program on it.
    ///
    /// # Errors
    ///
    /// Why it cannot even be tried.
    pub fn connect(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        to: SocketAddr,
        program: P,
    ) -> Result<(), String> {
        let connected = self.endpoint.connect(now, config, to, SERVER_NAME);
        let (handle, connection) = connected.map_err(|error| error.to_string())?;
        let slot = Slot::new(connection, Some(program));
        self.connections.insert(handle, slot);
        Ok(())
    }

    /// One more program waits for a connection.
    pub fn expect(&mut self, program: P) {
        self.waiting.push_back(program);
    }

    /// The host moves to these addresses at these times.
    #[must_use]
    pub fn moving(mut self, moves: impl IntoIterator<Item = (Instant, SocketAddr)>) -> Self {
        self.moves = moves.into_iter().collect();
        self
    }

    fn follow_moves(&mut self, now: Instant) {
        while let Some((time, address)) = self.moves.front().copied() {
            if time > now {
                break;
            }
            self.moves.pop_front();
            self.rebind(now, address);
        }
    }

    /// The host has another address from now on, as after a change of network.
    pub fn rebind(&mut self, now: Instant, address: SocketAddr) {
        self.address = address;
        for slot in self.connections.values_mut() {
            slot.connection.local_address_changed(now);
        }
    }

    /// All programs, on connections, waiting for one, and finished.
    pub fn programs(&self) -> impl Iterator<Item = &P> {
        let running = self
            .connections
            .values()
            .filter_map(|slot| slot.program.as_ref());
        running.chain(&self.finished).chain(&self.waiting)
    }

    /// The connections that there are.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values().map(|slot| &*slot.connection)
    }

    fn settle_slot(
        endpoint: &mut Endpoint,
        waiting: &mut VecDeque<P>,
        now: Instant,
        handle: ConnectionHandle,
        slot: &mut Slot<P>,
    ) {
        while let Some(event) = slot.connection.poll_endpoint_event() {
            if let Some(event) = endpoint.handle_event(now, handle, event) {
                slot.connection.handle_event(now, event);
            }
        }
        if slot.program.is_none() {
            slot.await_handshake(now, waiting);
        }
        if let Some(program) = &mut slot.program {
            program.run(now, &mut slot.connection);
        }
    }

    /// Endpoint events after everything, then what is over is put aside.
    fn settle(&mut self, now: Instant) {
        for (handle, slot) in &mut self.connections {
            Self::settle_slot(&mut self.endpoint, &mut self.waiting, now, *handle, slot);
            if let Some(Err(fault)) = slot.program.as_ref().map(Program::check) {
                self.fault.get_or_insert(fault);
            }
        }
        let drained = |slot: &Slot<P>| {
            let busy = slot.program.as_ref().is_some_and(Program::is_busy);
            slot.connection.is_drained() && !busy
        };
        let all = self.connections.iter();
        let gone: Vec<_> = all
            .filter(|(_, slot)| drained(slot))
            .map(|(handle, _)| *handle)
            .collect();
        for handle in gone {
            let program = self
                .connections
                .remove(&handle)
                .and_then(|slot| slot.program);
            self.finished.extend(program);
        }
    }
}

impl<P: Program> Host for Node<P> {
    fn handle_datagram(&mut self, now: Instant, arrival: &host::Arrival, bytes: &mut [u8]) {
        if arrival.destination != self.address {
            return;
        }
        let arrival = Arrival {
            remote: arrival.source,
            local: None,
            ecn: arrival.ecn,
        };
        let route = self
            .endpoint
            .handle_datagram(now, &arrival, bytes, &mut self.response);
        match route {
            Route::Connection(handle) => {
                if let Some(slot) = self.connections.get_mut(&handle) {
                    slot.connection.handle_datagram(now, &arrival, bytes);
                }
            }
            Route::Accepted(handle, mut connection) => {
                connection.handle_datagram(now, &arrival, bytes);
                let slot = Slot::new(connection, None);
                self.connections.insert(handle, slot);
            }
            Route::Respond(transmit) => {
                self.responses.push_back((transmit, self.response.clone()));
            }
            Route::Dropped => {}
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.follow_moves(now);
        for slot in self.connections.values_mut() {
            slot.connection.handle_timeout(now);
        }
    }

    fn run(&mut self, now: Instant) {
        self.settle(now);
    }

    fn poll_transmit(
        &mut self,
        now: Instant,
        datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Departure> {
        let source = self.address;
        if let Some((transmit, bytes)) = self.responses.pop_front() {
            buffer.extend_from_slice(&bytes);
            return Some(Departure { source, transmit });
        }
        for slot in self.connections.values_mut() {
            let before = slot.connection.statistics();
            let sent = slot.connection.poll_transmit(now, datagrams_max, buffer);
            let Some(transmit) = sent else {
                slot.budget.on_looked(now, &before);
                continue;
            };
            let after = slot.connection.statistics();
            let confirmed = slot.connection.is_confirmed();
            let kept = slot.budget.on_sent(now, confirmed, &before, &after);
            self.fault = self.fault.take().or_else(|| kept.err());
            return Some(Departure { source, transmit });
        }
        self.settle(now);
        if let Some(limits) = &self.limits {
            for slot in self.connections.values_mut() {
                let kept = slot.check_memory(limits);
                self.fault = self.fault.take().or_else(|| kept.err());
            }
        }
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let timeouts = |slot: &Slot<P>| {
            let program = slot.program.as_ref().and_then(Program::poll_timeout);
            slot.connection
                .poll_timeout()
                .into_iter()
                .chain(program)
                .min()
        };
        let moves = self.moves.front().map(|(time, _)| *time);
        let timeouts = self.connections.values().filter_map(timeouts);
        timeouts.chain(moves).min()
    }

    fn is_busy(&self) -> bool {
        !self.connections.is_empty() || self.finished.iter().any(Program::is_busy)
    }

    fn limits_amplification(&self) -> bool {
        self.is_server
    }

    fn check(&self, _now: Instant) -> Result<(), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let unarmed = self
            .connections
            .values()
            .any(|slot| !slot.connection.is_drained() && slot.connection.poll_timeout().is_none());
        if unarmed {
            return Err((Rule::Armed, "a connection without any timer".into()));
        }
        Ok(())
    }
}
