//! Watching a connection from within: every packet, what recovery makes of it, where the connection
//! stands.
//!
//! An [`ObserverFactory`] in a configuration ([`TransportConfig::with_observer`] for connections,
//! [`EndpointConfig::with_observer`] for all of an endpoint) gives each connection an [`Observer`],
//! which hears of everything in order. [`crate::qlog::Qlog`] is one that writes a trace for qvis.
//! Without an observer nothing is gathered, and nothing costs time.
//!
//! An observer sees which frames a packet carried, and the size of what was in them, but neither the
//! application's data nor secrets.
//!
//! [`TransportConfig::with_observer`]: crate::config::TransportConfig::with_observer
//! [`EndpointConfig::with_observer`]: crate::config::EndpointConfig::with_observer

mod frame;
mod metrics;
mod packet;

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::connection_id::ConnectionId;
use crate::error::ConnectionError;
use crate::stream::Side;
use crate::time::Instant;

pub use frame::{Ack, Frame};
pub use metrics::{Metrics, RoundTrip};
pub use packet::{DropReason, Dropped, Lost, Packet, PacketType};

/// Gives each connection its observer.
pub trait ObserverFactory: Send + Sync + Debug {
    /// An observer for the connection that begins. `None`: nobody watches it.
    fn observer(&self, beginning: &Beginning) -> Option<Box<dyn Observer>>;
}

/// Hears of everything that happens to one connection, in order.
///
/// It is called in the middle of the protocol's work, on whatever thread that runs: it should be
/// quick, and must not block for long. It cannot fail: what goes wrong within it is its own affair.
/// Dropped when the connection is.
pub trait Observer: Send {
    /// Something happened at `now`, which never goes back.
    fn on_event(&mut self, now: Instant, event: &Observation<'_>);
}

/// What is known of a connection when it begins.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Beginning {
    /// When.
    pub at: Instant,
    /// Which end this is.
    pub side: Side,
    /// The id that the client's first packet went to: both ends know the connection by it.
    pub original_destination: ConnectionId,
    /// The first id that the peer reaches this end by.
    pub local_id: ConnectionId,
    /// The first id that the peer is reached by.
    pub remote_id: ConnectionId,
    /// Where the peer is.
    pub remote: SocketAddr,
    /// The address that the peer wrote to, if it is known.
    pub local: Option<IpAddr>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// The connection has come so far.
    Reached(Stage),
    /// What an end told the other about itself.
    Parameters(Owner, Parameters),
    /// A packet was written; it leaves with the datagram that is being assembled.
    PacketSent(Packet<'a>),
    /// A packet arrived, authentic and for the first time.
    PacketReceived(Packet<'a>),
    /// Something arrived that was not used.
    PacketDropped(Dropped),
    /// A packet is given up as lost.
    PacketLost(Lost),
    /// Nothing was heard for a probe timeout: so many packets are sent, whatever the window says.
    ProbeTimeout {
        /// Of which number space: that of packets of this type.
        packet_type: PacketType,
        /// How many.
        packets: u8,
    },
    /// What recovery and congestion control hold of the path has changed.
    Metrics(Metrics),
    /// The data keys have changed.
    KeysUpdated {
        /// Changes so far.
        generation: u64,
    },
    /// The peer is reached elsewhere from now on, or this end has moved (then the peer's address
    /// may be the same).
    PathChanged {
        /// Where.
        remote: SocketAddr,
        /// The address has shown that the peer is there.
        validated: bool,
    },
    /// The address has shown that the peer is there.
    PathValidated(SocketAddr),
    /// The largest datagram that the path carries is another than was thought.
    DatagramBytes {
        /// Before.
        old: u16,
        /// Now.
        new: u16,
    },
    /// The connection is over for the application.
    Closed(&'a ConnectionError),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Keys are being agreed on.
    Handshake,
    /// The peer is who it claims to be.
    HandshakeComplete,
    /// Both ends know that (RFC 9001 section 4.1.2).
    HandshakeConfirmed,
    /// This end has closed it.
    Closing,
    /// The peer has closed it.
    Draining,
    /// It is forgotten.
    Closed,
}

/// Whose parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This end's.
    Local,
    /// The peer's.
    Remote,
}

/// What an end told the other about itself: the transport parameters (RFC 9000 section 18.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// Silence ends the connection after this time.
    pub idle_timeout: Option<Duration>,
    /// The largest datagram that is taken, in bytes.
    pub datagram_bytes_max: u64,
    /// Bytes of all streams.
    pub data: u64,
    /// Bytes of a bidirectional stream that this end opens.
    pub stream_data_bidi_local: u64,
    /// Bytes of a bidirectional stream that the peer opens.
    pub stream_data_bidi_remote: u64,
    /// Bytes of a unidirectional stream.
    pub stream_data_uni: u64,
    /// Bidirectional streams.
    pub streams_bidi: u64,
    /// Unidirectional streams.
    pub streams_uni: u64,
    /// Bytes of messages, and 64 for each.
    pub message_data: u64,
    /// The largest message.
    pub message_bytes_max: u64,
    /// Delays in acknowledgements are in units of two to this power, in microseconds.
    pub ack_delay_exponent: u64,
    /// How long an acknowledgement is held back at most.
    pub ack_delay_max: Duration,
    /// How long it has to be possible to hold one back; `None`: ACK_FREQUENCY is not understood.
    pub ack_delay_min: Option<Duration>,
    /// Connection ids that are kept at a time.
    pub connection_ids_max: u64,
    /// The peer is not to move.
    pub migration_disabled: bool,
}

impl From<&crate::parameters::TransportParameters> for Parameters {
    fn from(encoded: &crate::parameters::TransportParameters) -> Self {
        Self {
            idle_timeout: encoded.idle_timeout(),
            datagram_bytes_max: encoded.max_udp_payload_size,
            data: encoded.initial_max_data,
            stream_data_bidi_local: encoded.initial_max_stream_data_bidi_local,
            stream_data_bidi_remote: encoded.initial_max_stream_data_bidi_remote,
            stream_data_uni: encoded.initial_max_stream_data_uni,
            streams_bidi: encoded.initial_max_streams_bidi,
            streams_uni: encoded.initial_max_streams_uni,
            message_data: encoded.initial_max_message_data,
            message_bytes_max: encoded.max_message_size,
            ack_delay_exponent: encoded.ack_delay_exponent,
            ack_delay_max: encoded.ack_delay_max(),
            ack_delay_min: encoded.min_ack_delay.map(Duration::from_micros),
            connection_ids_max: encoded.active_connection_id_limit,
            migration_disabled: encoded.disable_active_migration,
        }
    }
}
