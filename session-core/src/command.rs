//! What may be asked of a session that exists.
//!
//! Ending a session is not among them: it needs no decision.
//! [`Manager::revoke`](crate::Manager::revoke) removes the record whatever it is, so no other
//! change can get in its way.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::id::ConnectionId;
use crate::session::Stats;
use crate::token::{Nonce, Token};

/// What may be asked of a session that exists.
#[derive(Clone, Debug)]
pub enum Command {
    /// The client shows its token. Counts as activity.
    Present {
        /// The token.
        token: Token,
    },
    /// The client asks for a new token. Counts as activity.
    Rotate {
        /// The token it has.
        token: Token,
        /// Fresh randomness for the new one.
        nonce: Nonce,
    },
    /// The client is there. Counts as activity.
    Touch {
        /// What its connection carried since the last report.
        report: Stats,
    },
    /// The client is reached through this connection from now on. Counts as activity.
    Attach {
        /// The connection.
        connection: Connection,
    },
    /// A connection is gone.
    Detach {
        /// Which one. Ignored when the session has another by now.
        connection_id: ConnectionId,
    },
    /// Metadata are to change. An administrator may do this too, so it does not count as activity.
    Describe {
        /// Values to set, and keys to remove (`None`).
        metadata: BTreeMap<String, Option<String>>,
    },
    /// The session is to end soon: what is under way may finish.
    Disconnect,
    /// Time has passed.
    Expire,
}

/// How a client is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The connection's name in logs and traces.
    pub connection_id: ConnectionId,
    /// The client's address, as the server that accepted it saw it.
    pub client_ip: Option<IpAddr>,
    /// The client's port, likewise.
    pub client_port: Option<u16>,
    /// The server that accepted it.
    pub server_addr: Option<String>,
}

impl Connection {
    /// A connection of which no addresses are known.
    pub const fn new(connection_id: ConnectionId) -> Self {
        Self {
            connection_id,
            client_ip: None,
            client_port: None,
            server_addr: None,
        }
    }
}
