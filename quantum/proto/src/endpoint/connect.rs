//! Opening connections.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::RngExt;
use rustls::pki_types::ServerName;
use thiserror::Error;

use super::setup::parameters;
use super::{ConnectionHandle, ConnectionSetup, Endpoint, Entry};
use crate::config::ClientConfig;
use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::crypto::{TlsSession, initial_keys};
use crate::stream::Side;
use crate::time::Instant;

/// A connection cannot even be tried.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The caller's fault: neither a DNS name nor an IP address.
    #[error("not a server name: {0:?}")]
    ServerName(String),
    /// The caller's fault: nothing can be sent there.
    #[error("nothing can be sent to {0}")]
    Address(SocketAddr),
    /// The configuration does not allow a handshake.
    #[error("TLS cannot begin: {0}")]
    Tls(#[source] rustls::Error),
    /// This endpoint has no ids left: too many connections.
    #[error("too many connections on this endpoint")]
    TooManyConnections,
}

impl Endpoint {
    /// Opens a connection to the server at `remote`, which has to prove that it is `server_name`.
    ///
    /// # Errors
    ///
    /// If it cannot be tried: see [`ConnectError`].
    pub fn connect(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<(ConnectionHandle, Box<Connection>), ConnectError> {
        if remote.port() == 0 || remote.ip().is_unspecified() {
            return Err(ConnectError::Address(remote));
        }
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| ConnectError::ServerName(server_name.to_owned()))?;
        let (local_id, local_reset_token) = self
            .ids
            .make(self.client_id_bytes, &self.by_id, &mut self.rng)
            .ok_or(ConnectError::TooManyConnections)?;
        let mut encoded = Vec::new();
        parameters(&config.transport, local_id).encode(&mut encoded);
        let tls = Arc::clone(&config.tls);
        let session = TlsSession::client(tls, name, encoded).map_err(ConnectError::Tls)?;
        let remote_id = self.first_id();
        let memory = config.memory.as_ref();
        let token = memory.and_then(|memory| memory.take_token(server_name));
        let initial_keys = initial_keys(&remote_id, Side::Client).ok_or_else(no_cipher)?;
        let setup = ConnectionSetup {
            now,
            side: Side::Client,
            config: Arc::clone(&config.transport),
            session: Box::new(session),
            initial_keys,
            local_id,
            local_reset_token,
            remote_id,
            original_destination: remote_id,
            remote,
            local: None,
            address_validated: true,
            migration: false,
            token: token.unwrap_or_default(),
            next_token: None,
            guuid: None,
            memory: memory.map(|memory| (Arc::clone(memory), server_name.to_owned())),
            observer: self.observer.clone(),
            seed: self.rng.random(),
        };
        let handle = self.register(local_id, self.client_id_bytes);
        Ok((ConnectionHandle(handle), Box::new(Connection::new(setup))))
    }

    /// What a client calls the server before it knows its name: unpredictable, as it makes the
    /// first keys (RFC 9000 section 7.2).
    fn first_id(&mut self) -> ConnectionId {
        let random: [u8; 8] = self.rng.random();
        ConnectionId::from_array(random)
    }

    pub(super) fn register(&mut self, local_id: ConnectionId, id_bytes: usize) -> usize {
        let handle = self.connections.insert(Entry {
            ids: vec![(0, local_id)],
            next_sequence: 1,
            id_bytes,
            first_id: None,
            reset_token: None,
            handshake: None,
        });
        self.by_id.insert(local_id, handle);
        handle
    }
}

fn no_cipher() -> ConnectError {
    ConnectError::Tls(rustls::Error::General("AES-128-GCM is missing".into()))
}
