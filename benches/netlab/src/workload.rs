//! What is measured: each file has the client's part, the run, and the table.

pub(crate) mod bulk;
pub(crate) mod handshake;
pub(crate) mod loopback;
pub(crate) mod pingpong;

use std::net::{Ipv4Addr, SocketAddr};

use crate::identity::Identity;
use crate::peers::{Peer, Setup};

/// Where servers listen, whatever the namespace.
const PORT: u16 = 4433;

/// Both ends of a run of `peer` with a server at `address`.
fn setup(peer: Peer, address: Ipv4Addr, identity: &Identity) -> Setup {
    Setup {
        peer,
        address: SocketAddr::from((address, PORT)),
        identity: identity.clone(),
    }
}
