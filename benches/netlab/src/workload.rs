//! What is measured: each file has the client's part, the run, and the table.

pub(crate) mod bulk;
pub(crate) mod handshake;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod loopback;
pub(crate) mod pingpong;

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Failure;
use crate::child::{ECHO, request};
use crate::identity::Identity;
use crate::peers::{Dialer, Peer, Setup, Stream, Wishes};

/// Takes a record when it is there.
pub(crate) type Keep<'a, R> = dyn FnMut(R) -> Result<(), Failure> + 'a;

/// Something that is measured, with its options.
pub(crate) trait Workload {
    /// Of the subcommand, and of its files.
    const NAME: &'static str;
    /// Of its page.
    const TITLE: &'static str;
    /// What its [summaries](Self::summaries) add to the name of a measurement.
    const SUMMARIES: &'static [&'static str] = &[""];
    /// One run.
    type Record: Serialize + DeserializeOwned;

    /// Whether the options go together.
    fn check(&self) -> Result<(), String>;

    /// Measures all of it.
    fn measure(&self, keep: &mut Keep<'_, Self::Record>) -> Result<(), Failure>;

    /// What was measured, as Markdown with headings of the second level.
    fn page(&self, records: &[Self::Record]) -> String;

    /// What of it belongs on a page about more, below headings there: what it adds to the name of a
    /// measurement, and the Markdown.
    fn summaries(&self, records: &[Self::Record]) -> Vec<(&'static str, String)> {
        vec![("", self.page(records).replace("\n## ", "\n### "))]
    }
}

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
