//! Everything that can be said of an endpoint before it begins.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Instrument;

use super::Endpoint;
use crate::clock::Clock;
use crate::connection::wait::WaitList;
use crate::driver::Driver;
use crate::driver::shared::{Core, Incoming, Registry, Shared};
use crate::metrics::Totals;
use crate::protocol::{self, ClientConfig, EndpointConfig, ServerConfig};
use crate::qlog::{self, DIRECTORY_VARIABLE};
use crate::socket::{Socket, SocketOptions};
use crate::statistics::EndpointStatistics;
use crate::wake::Doorbell;

/// Makes an [`Endpoint`].
#[derive(Debug, Default)]
#[must_use = "nothing begins before `bind`"]
pub struct EndpointBuilder {
    client: Option<Arc<ClientConfig>>,
    server: Option<Arc<ServerConfig>>,
    endpoint: Option<EndpointConfig>,
    socket: SocketOptions,
    qlog: Option<PathBuf>,
}

impl EndpointBuilder {
    /// How to connect. Default: not at all.
    pub fn with_client(mut self, config: impl Into<Arc<ClientConfig>>) -> Self {
        self.client = Some(config.into());
        self
    }

    /// How to accept connections. Default: not at all.
    pub fn with_server(mut self, config: impl Into<Arc<ServerConfig>>) -> Self {
        self.server = Some(config.into());
        self
    }

    /// Ids, secrets, and what else concerns all connections. Its origin is set to that of the
    /// endpoint's own clock.
    /// Default: secrets that nobody knows after this process.
    pub fn with_endpoint(mut self, config: EndpointConfig) -> Self {
        self.endpoint = Some(config);
        self
    }

    /// Writes a trace of each connection to a file in `directory`, which is made if it is not
    /// there: `<milliseconds since 1970>_<first id>_<client or server>.sqlog`, in the format qlog, for
    /// [qvis](https://qvis.quictools.info). Both ends' files of a connection have the same id in
    /// their names. Default: no traces.
    ///
    /// To look for a fault, not to be left on: every packet costs a few hundred bytes of file, which
    /// the endpoint's task writes itself, and each peer that begins a handshake costs a file. A file
    /// holds 256 MiB at most. Addresses and the sizes of data are in it, but neither data nor secrets.
    ///
    /// Takes the place of [`EndpointConfig::with_observer`]; connections whose `TransportConfig` names
    /// an observer keep that.
    pub fn with_qlog(mut self, directory: impl Into<PathBuf>) -> Self {
        self.qlog = Some(directory.into());
        self
    }

    /// As [`with_qlog`](Self::with_qlog), with the directory that the environment variable `QLOGDIR`
    /// names; nothing if it is not set, or empty.
    pub fn with_qlog_from_environment(self) -> Self {
        match std::env::var_os(DIRECTORY_VARIABLE) {
            Some(directory) if !directory.is_empty() => self.with_qlog(directory),
            _ => self,
        }
    }

    /// How the socket is made.
    pub fn with_socket(mut self, options: SocketOptions) -> Self {
        self.socket = options;
        self
    }

    /// Begins, with a new socket.
    ///
    /// # Errors
    ///
    /// If the system refuses the address or an option of the socket, or the directory for traces.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(self, address: SocketAddr) -> io::Result<Endpoint> {
        let socket = self.socket.bind(address)?;
        self.begin(socket)
    }

    /// Begins, with a socket that is bound.
    ///
    /// # Errors
    ///
    /// If the system refuses an option of the socket, or the directory for traces.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn begin(self, socket: UdpSocket) -> io::Result<Endpoint> {
        socket.set_nonblocking(true)?;
        let socket = Socket::new(socket)?;
        let address = socket.local_address();
        let clock = Clock::start();
        let fresh = || EndpointConfig::with_seed(rand::random());
        // Tokens outlive the process, and GUUIDs tell the time: both by the time of day.
        let mut config = self
            .endpoint
            .unwrap_or_else(fresh)
            .with_origin(clock.origin());
        if let Some(directory) = self.qlog {
            config = config.with_observer(qlog::files(directory, clock.origin())?);
        }
        let incoming = Incoming {
            closed: self.server.is_none(),
            ..Incoming::default()
        };
        let shared = Arc::new(Shared {
            clock,
            doorbell: Doorbell::default(),
            core: Mutex::new(Core {
                protocol: protocol::Endpoint::new(&config, self.server, rand::random()),
                registry: Registry::default(),
                socket,
                incoming,
                idle: WaitList::default(),
                closed: false,
                abandoned: false,
                statistics: EndpointStatistics::default(),
                ended: Totals::default(),
            }),
        });
        let span = tracing::debug_span!("quantum", %address);
        tokio::spawn(Driver::new(Arc::clone(&shared)).instrument(span));
        Ok(Endpoint::new(shared, self.client))
    }
}
