//! Quantum for tokio: an encrypted transport over UDP with streams, messages and connections that
//! survive a change of network.
//!
//! # A message in ten lines
//!
//! ```
//! # use std::error::Error;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! use quantum::{ClientConfig, Endpoint, self_signed};
//!
//! let (server, fingerprint) = self_signed("localhost")?;
//! let client = ClientConfig::with_pinned_certificates([fingerprint])?;
//!
//! let server = Endpoint::server(server, "127.0.0.1:0".parse()?)?;
//! let client = Endpoint::client(client, "127.0.0.1:0".parse()?)?;
//! let connecting = client.connect(server.local_addr(), "localhost");
//! let (sender, receiver) = tokio::join!(connecting, server.accept());
//! let (sender, receiver) = (sender?, receiver.ok_or("closed")?);
//! sender.send_message("hello").await?;
//! assert_eq!(receiver.receive_message().await?, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! # What there is
//!
//! An [`Endpoint`] is a UDP socket. It makes [`Connection`]s ([`Endpoint::connect`]) and accepts
//! them ([`Endpoint::accept`]). A connection carries
//!
//! - **streams**: ordered bytes, any number at a time, none of which waits for what another lost.
//!   [`Connection::open_bi`] and [`Connection::accept_bi`] give a [`BidirectionalStream`], which is
//!   tokio's `AsyncRead` and `AsyncWrite`; [`Connection::open_uni`] and [`Connection::accept_uni`]
//!   one half of it.
//! - **messages** up to 1 MiB, in no order: [`Connection::send_message`] for those that have to
//!   arrive, [`Connection::send_unreliable_message`] for those that need not, and
//!   [`Connection::send_message_with`] for those with a deadline or an [`Urgency`]
//!   ([`MessageOptions`]).
//!
//! Streams and messages leave in one order of urgency; see [`SendStream::set_urgency`].
//!
//! All handles are cheap to clone, and may be used from any task and thread.
//!
//! # Closing
//!
//! [`Connection::shut_down`] closes when the peer has everything that was accepted for sending;
//! so does dropping the last handle. [`Connection::close`] closes at once. A process that wants to
//! be sure ends with [`Endpoint::wait_idle`].
//!
//! # Cancellation
//!
//! A future of this crate that is dropped before it was ready has done nothing, and is not missed
//! by those that wait for the same. The exceptions say so: they transfer more than one piece
//! ([`SendStream::write_all`], [`SendStream::write_chunk`], [`ReceiveStream::read_to_end`]).
//!
//! # Errors
//!
//! Each operation has its own error in [`error`]; it says whose fault it is: the caller's, the
//! peer's application's, the peer's transport's, or the network's.
//!
//! # Observation
//!
//! [`Connection::statistics`] and [`Endpoint::statistics`] count; [`Metrics`] hands the counts to
//! the `metrics` facade; `tracing` tells of connections that begin, move and end (level debug).
//! [`EndpointBuilder::with_qlog`] writes every packet of every connection to files that
//! [qvis](https://qvis.quictools.info) shows; [`observe`] has the same for your own eyes.
//!
//! # How it runs
//!
//! One task per endpoint moves datagrams between the socket and all its connections, in batches:
//! received ones of one sender come in one buffer (GRO), sent ones of equal size to one
//! destination leave in one system call (GSO), even if they belong to several connections. An idle
//! endpoint sleeps; an idle connection costs its memory and one timer entry.

mod clock;
mod connection;
mod driver;
mod endpoint;
pub mod error;
mod metrics;
mod protocol;
mod qlog;
#[cfg(feature = "self-signed")]
mod self_signed;
mod socket;
mod statistics;
mod stream;
mod wake;

pub use connection::Connection;
pub use endpoint::{Connecting, Endpoint, EndpointBuilder};
pub use guuid::Guuid;
pub use metrics::Metrics;
pub use quantum_proto::config::{
    AddressValidation, ClientConfig, ConfigError, EndpointConfig, Fingerprint, ServerConfig,
    TransportConfig,
};
pub use quantum_proto::congestion;
pub use quantum_proto::observe;
pub use quantum_proto::stats::{EcnState, Statistics};
pub use quantum_proto::stream::{Direction, Side, StreamId};
pub use quantum_proto::{MessageOptions, Urgency};
#[cfg(feature = "self-signed")]
pub use self_signed::self_signed;
pub use socket::SocketOptions;
pub use statistics::EndpointStatistics;
pub use stream::{BidirectionalStream, ReceiveStream, SendStream};
