//! Quantum for tokio.

mod clock;
mod connection;
mod driver;
mod endpoint;
pub mod error;
mod metrics;
mod proto_stub;
mod protocol;
mod socket;
mod statistics;
mod stream;
mod wake;

pub use connection::Connection;
pub use endpoint::{Connecting, Endpoint, EndpointBuilder};
pub use metrics::Metrics;
pub use protocol::{
    ClientConfig, Direction, EndpointConfig, Guuid, ServerConfig, Side, Statistics, StreamId,
};
pub use socket::SocketOptions;
pub use statistics::EndpointStatistics;
pub use stream::{BidirectionalStream, ReceiveStream, SendStream};
