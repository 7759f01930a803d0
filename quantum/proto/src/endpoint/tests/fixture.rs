//! A server's endpoint, and first packets for it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::{ClientConfig, EndpointConfig, ServerConfig};
use crate::connection::Connection;
use crate::connection::tests::pair::Identity;
use crate::endpoint::{Arrival, Endpoint, Route};
use crate::time::Instant;

pub(super) const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// A server, and what clients need to know of it.
pub(super) struct Site {
    pub(super) endpoint: Endpoint,
    pub(super) client: ClientConfig,
    clients: Endpoint,
}

/// What the endpoint did with a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Connection(usize),
    Accepted(usize),
    Answered(Vec<u8>),
    Dropped,
}

impl Site {
    pub(super) fn new(configure: impl FnOnce(ServerConfig) -> ServerConfig) -> Self {
        let identity = Identity::new();
        let server = Arc::new(configure(identity.server()));
        let config = EndpointConfig::with_seed([2; 32]);
        Self {
            endpoint: Endpoint::new(&config, Some(server), [2; 32]),
            client: identity.client(),
            clients: Endpoint::new(&EndpointConfig::with_seed([1; 32]), None, [1; 32]),
        }
    }

    /// The first datagram of a new client.
    pub(super) fn first(&mut self) -> Vec<u8> {
        self.dial().1
    }

    /// A new client, and its first datagram.
    pub(super) fn dial(&mut self) -> (Box<Connection>, Vec<u8>) {
        let server = address("198.51.100.1:443");
        let dialled = self.clients.connect(NOW, &self.client, server, "localhost");
        let (_, mut connection) = dialled.expect("a connection");
        let mut first = Vec::new();
        assert!(connection.poll_transmit(NOW, 1, &mut first).is_some());
        (connection, first)
    }

    pub(super) fn receive(&mut self, from: &str, datagram: &[u8]) -> Fate {
        self.receive_at(NOW, from, datagram)
    }

    pub(super) fn receive_at(&mut self, now: Instant, from: &str, datagram: &[u8]) -> Fate {
        receive(&mut self.endpoint, now, from, datagram)
    }

    /// Whether nothing is remembered.
    pub(super) fn is_blank(&self) -> bool {
        let endpoint = &self.endpoint;
        endpoint.connections() == 0
            && endpoint.by_id.is_empty()
            && endpoint.by_first_id.is_empty()
            && endpoint.by_reset_token.is_empty()
            && endpoint.handshakes.total() == 0
    }
}

pub(super) fn receive(endpoint: &mut Endpoint, now: Instant, from: &str, datagram: &[u8]) -> Fate {
    let arrival = arrival(from);
    let (mut datagram, mut response) = (datagram.to_vec(), Vec::new());
    match endpoint.handle_datagram(now, &arrival, &mut datagram, &mut response) {
        Route::Connection(handle) => Fate::Connection(handle.0),
        Route::Accepted(handle, _) => Fate::Accepted(handle.0),
        Route::Respond(transmit) => {
            assert_eq!(
                (transmit.destination, transmit.size),
                (arrival.remote, response.len())
            );
            Fate::Answered(response)
        }
        Route::Dropped => {
            assert!(response.is_empty());
            Fate::Dropped
        }
    }
}

pub(super) fn arrival(from: &str) -> Arrival {
    Arrival {
        remote: address(from),
        local: None,
        ecn: None,
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) fn unchanged(config: ServerConfig) -> ServerConfig {
    config
}
