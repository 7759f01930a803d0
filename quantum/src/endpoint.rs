//! An endpoint: one UDP socket, any number of connections.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::connection::Connection;
use crate::connection::cell::Cell;
use crate::driver::shared::{Core, Shared};
use crate::error::ConnectError;
use crate::metrics::Totals;
use crate::protocol::{ClientConfig, ServerConfig, Statistics};
use crate::socket::Socket;
use crate::statistics::EndpointStatistics;

mod builder;
mod connecting;
mod waiting;

pub use builder::EndpointBuilder;
pub use connecting::Connecting;
use waiting::CoreWait;

/// A UDP socket that makes connections, accepts them, or both.
///
/// Cheap to clone; all clones are the same endpoint. One task per endpoint moves all its
/// connections; it ends when the last handle is dropped and no connection is left.
#[derive(Clone)]
pub struct Endpoint(Arc<Owner>);

/// Lets the driver end when no handle is left.
struct Owner {
    shared: Arc<Shared>,
    client: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    /// An endpoint that makes connections from `address` (port 0: any).
    ///
    /// # Errors
    ///
    /// If the system refuses the address.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn client(config: ClientConfig, address: SocketAddr) -> io::Result<Self> {
        Self::builder().with_client(config).bind(address)
    }

    /// An endpoint that accepts connections at `address`.
    ///
    /// # Errors
    ///
    /// If the system refuses the address.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn server(config: ServerConfig, address: SocketAddr) -> io::Result<Self> {
        Self::builder().with_server(config).bind(address)
    }

    /// An endpoint of which more is to be said.
    pub fn builder() -> EndpointBuilder {
        EndpointBuilder::default()
    }

    pub(crate) fn new(shared: Arc<Shared>, client: Option<Arc<ClientConfig>>) -> Self {
        Self(Arc::new(Owner { shared, client }))
    }

    /// Connects to the server at `address`, which has to prove that it is `server_name`. The
    /// handshake begins at once; to be awaited.
    pub fn connect(&self, address: SocketAddr, server_name: &str) -> Connecting {
        Connecting::new(self.connect_early(address, server_name))
    }

    /// As [`connect`](Self::connect), with another configuration than the endpoint's.
    pub fn connect_with(
        &self,
        config: Arc<ClientConfig>,
        address: SocketAddr,
        server_name: &str,
    ) -> Connecting {
        Connecting::new(self.begin(config, address, server_name))
    }

    /// A connection whose handshake has only begun. What is written now leaves with the first
    /// datagram if the client configuration allows early data and the server is known; else when
    /// the handshake is complete.
    ///
    /// Early data can be replayed by whoever sees it: send only what may be done twice.
    ///
    /// # Errors
    ///
    /// If the endpoint is closed or has no client configuration, or `server_name` is none.
    pub fn connect_early(
        &self,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<Connection, ConnectError> {
        let config = self.0.client.clone();
        let config = config.ok_or(ConnectError::NoConfiguration)?;
        self.begin(config, address, server_name)
    }

    fn begin(
        &self,
        config: Arc<ClientConfig>,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<Connection, ConnectError> {
        let shared = &self.0.shared;
        let mut core = shared.core.lock();
        if core.closed {
            return Err(ConnectError::EndpointClosed);
        }
        let remote = reachable(address, core.socket.local_address());
        let now = shared.clock.now();
        let connected = core.protocol.connect(now, &config, remote, server_name);
        let (handle, protocol) = connected?;
        let cell = Arc::new(Cell::new(handle, protocol, Arc::clone(shared)));
        core.registry.insert(handle, Arc::clone(&cell));
        drop(core);
        cell.act(|state| {
            state.announced = true;
            (true, ())
        });
        Ok(Connection::new(cell))
    }

    /// The next connection of a peer: when its handshake is complete, or when its early data is
    /// there. `None`: the endpoint is closed.
    ///
    /// Cancel safe: dropped before it is ready, no connection was taken.
    pub async fn accept(&self) -> Option<Connection> {
        let accept = |core: &mut Core| match core.incoming.queue.pop_front() {
            None if !core.incoming.closed => Poll::Pending,
            connection => Poll::Ready(connection),
        };
        CoreWait::new(&self.0.shared, |core| &mut core.incoming.waiting, accept).await
    }

    /// Goes on from another socket, which has to be bound: after the network changed, for
    /// example. Peers find out by themselves; no connection is lost.
    ///
    /// # Errors
    ///
    /// If the system refuses an option of the socket; then nothing changed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn rebind(&self, socket: UdpSocket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let socket = Socket::new(socket)?;
        let shared = &self.0.shared;
        let now = shared.clock.now();
        let mut core = shared.core.lock();
        core.socket = socket;
        for (_, cell) in core.registry.iter() {
            cell.act(|state| (true, state.protocol.local_address_changed(now)));
        }
        drop(core);
        shared.doorbell.wake();
        Ok(())
    }

    /// Closes all connections at once, and makes and accepts none any more. The peers'
    /// applications hear `code` and `reason`: wait for [`idle`](Self::wait_idle) to be sure that
    /// it was sent.
    pub fn close(&self, code: u64, reason: &[u8]) {
        let mut wakes = Vec::new();
        self.end(&mut wakes, |cell, wakes| cell.close(code, reason, wakes));
        wakes.into_iter().for_each(Waker::wake);
    }

    /// Makes and accepts no connection any more, and closes each when its peer has everything that
    /// was accepted for sending.
    pub fn shut_down(&self, code: u64, reason: &[u8]) {
        let mut wakes = Vec::new();
        self.end(&mut wakes, |cell, _| cell.shut_down(code, reason));
        wakes.into_iter().for_each(Waker::wake);
    }

    fn end(&self, wakes: &mut Vec<Waker>, each: impl Fn(&Cell, &mut Vec<Waker>)) {
        let shared = &self.0.shared;
        let mut core = shared.core.lock();
        core.closed = true;
        core.incoming.closed = true;
        core.incoming.waiting.wake_all(wakes);
        core.registry.iter().for_each(|(_, cell)| each(cell, wakes));
        drop(core);
        shared.doorbell.wake();
    }

    /// Waits until no connection is left, those that are closing included.
    ///
    /// Cancel safe.
    pub async fn wait_idle(&self) {
        let look = |core: &mut Core| match core.registry.len() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        };
        CoreWait::new(&self.0.shared, |core| &mut core.idle, look).await;
    }

    /// The address that the socket is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.0.shared.core.lock().socket.local_address()
    }

    /// What the endpoint counted.
    #[must_use]
    pub fn statistics(&self) -> EndpointStatistics {
        let core = self.0.shared.core.lock();
        EndpointStatistics {
            connections: core.registry.len(),
            connections_refused: core.incoming.refused,
            ..core.statistics
        }
    }

    /// What the connections that are gone had counted.
    pub(crate) fn ended_totals(&self) -> Totals {
        self.0.shared.core.lock().ended
    }

    /// The figures of every connection that exists.
    pub(crate) fn connection_statistics(&self) -> Vec<Statistics> {
        // Ten thousand connections take a while: the driver need not wait for it.
        let core = self.0.shared.core.lock();
        let cells: Vec<_> = core
            .registry
            .iter()
            .map(|(_, cell)| Arc::clone(cell))
            .collect();
        drop(core);
        let statistics = cells.iter().map(|cell| cell.lock().protocol.statistics());
        statistics.collect()
    }
}

/// `address` as a socket bound to `local` has to write it: IPv6 sockets reach IPv4 by mapped
/// addresses.
fn reachable(address: SocketAddr, local: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if local.is_ipv6() => {
            SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
        }
        other => other,
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let mut core = self.shared.core.lock();
        core.abandoned = true;
        core.incoming.closed = true;
        let unaccepted = std::mem::take(&mut core.incoming.queue);
        drop(core);
        drop(unaccepted);
        self.shared.doorbell.wake();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("local_addr", &self.local_addr())
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
