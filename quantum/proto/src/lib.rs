//! The Quantum transport protocol without I/O: no socket, no clock, no thread, no runtime.

pub mod config;
pub mod congestion;
pub mod connection_id;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
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
pub use message::SendMessageError;

mod acknowledge;
mod carried;
mod connection;
mod crypto;
mod ecn;
mod endpoint;
mod frame;
mod limits;
mod message;
mod mtu;
mod pacing;
mod packet;
mod parameters;
mod range_set;
mod recovery;
mod token;
mod wire;
