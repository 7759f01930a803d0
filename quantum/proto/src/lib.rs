//! The Quantum transport protocol without I/O: no socket, no clock, no thread, no runtime.
//!
//! [`Endpoint`] finds the [`Connection`] of each datagram, opens connections and accepts them; it
//! owns none. The caller keeps them, hands them datagrams and time, and drains them after every
//! change:
//!
//! 1. [`Connection::poll_transmit`] until it gives nothing: datagrams to send,
//! 2. [`Connection::poll_endpoint_event`]: hand each to [`Endpoint::handle_event`],
//! 3. [`Connection::poll_event`]: news for the application,
//! 4. [`Connection::poll_timeout`]: when to call [`Connection::handle_timeout`].
//!
//! Time is [`time::Instant`], counted from an origin that the caller chooses; randomness comes from
//! the seeds that it hands in. So one seed replays everything, and the same code runs over sockets
//! (crate `quantum`) and in virtual time (`quantum-sim`). On the wire it is what
//! `docs/spec/quantum.md` says.

pub mod config;
pub mod congestion;
pub mod connection_id;
pub mod error;
pub mod fec;
#[doc(hidden)]
pub mod fuzzing;
pub mod observe;
pub mod qlog;
pub mod stats;
pub mod stream;
pub mod time;
pub mod transmit;

pub use connection::{Connection, Event};
pub use crypto::ExportError;
pub use endpoint::{
    Arrival, ConnectError, ConnectionEvent, ConnectionHandle, Endpoint, EndpointEvent,
    IssuedConnectionId, Route,
};
pub use message::{MessageOptions, SendMessageError};
pub use urgency::Urgency;

mod acknowledge;
mod carried;
mod connection;
mod crypto;
mod ecn;
mod endpoint;
mod frame;
mod message;
mod mtu;
mod pacing;
mod packet;
mod parameters;
mod random;
mod range_set;
mod recovery;
mod token;
mod urgency;
mod wire;
