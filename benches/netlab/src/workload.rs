//! What is measured: each file has the client's part, the run, and the table.

pub(crate) mod bulk;
pub(crate) mod handshake;
pub(crate) mod idle;
pub(crate) mod loopback;
pub(crate) mod pingpong;

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Failure;
use crate::child::{ECHO, request};
use crate::identity::Identity;
use crate::peers::{Dialer, Peer, Setup, Stream, Wishes};

/// Where servers listen, whatever the namespace.
const PORT: u16 = 4433;

/// Both ends of a run of `peer` with a server at `address`.
fn setup(peer: Peer, address: Ipv4Addr, identity: &Identity) -> Setup {
    Setup {
        peer,
        address: SocketAddr::from((address, PORT)),
        identity: identity.clone(),
        wishes: Wishes::default(),
    }
}

/// A new connection whose first request has been answered, at least with the first byte.
async fn first_byte(dialer: &mut dyn Dialer) -> Result<Stream, Failure> {
    let mut stream = dialer.connect().await?;
    stream.write_all(&request(ECHO)).await?;
    stream.flush().await?;
    stream.read_u8().await?;
    Ok(stream)
}
