//! What this crate takes from the protocol.

pub(crate) use guuid::Guuid;
pub(crate) use quantum_proto::config::{ClientConfig, EndpointConfig, ServerConfig};
pub(crate) use quantum_proto::error::{ConnectionError, TransportErrorCode};
pub(crate) use quantum_proto::stats::Statistics;
pub(crate) use quantum_proto::stream::{Direction, ReadError, Side, StreamId, WriteError};
pub(crate) use quantum_proto::time::Instant;
pub(crate) use quantum_proto::transmit::{EcnCodepoint, Transmit};
pub(crate) use quantum_proto::{
    Arrival, ConnectError, Connection, ConnectionHandle, Endpoint, EndpointEvent, Event,
    MessageOptions, Route, SendMessageError, Urgency,
};
