//! What a connection is made of.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use guuid::Guuid;

use crate::config::{ServerMemory, TransportConfig};
use crate::connection_id::{ConnectionId, ResetToken};
use crate::crypto::{Keys, Session};
use crate::observe::ObserverFactory;
use crate::parameters::TransportParameters;
use crate::stream::Side;
use crate::time::Instant;

/// Everything that a connection needs to begin.
pub(crate) struct ConnectionSetup {
    pub(crate) now: Instant,
    pub(crate) side: Side,
    pub(crate) config: Arc<TransportConfig>,
    pub(crate) session: Box<dyn Session>,
    /// Of the Initial space, as the first id implies.
    pub(crate) initial_keys: Keys,
    pub(crate) local_id: ConnectionId,
    pub(crate) local_reset_token: ResetToken,
    /// Where the peer is reached: for a client, the id that it made up.
    pub(crate) remote_id: ConnectionId,
    /// The id that the client's first packet went to.
    pub(crate) original_destination: ConnectionId,
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    /// The address has proven itself by a token.
    pub(crate) address_validated: bool,
    pub(crate) migration: bool,
    /// Client: sent in Initial packets.
    pub(crate) token: Bytes,
    /// Server: for the client's next connection.
    pub(crate) next_token: Option<Bytes>,
    /// Server: names the connection.
    pub(crate) guuid: Option<Guuid>,
    /// Client: what it knows of the server by its name.
    pub(crate) memory: Option<(Arc<ServerMemory>, String)>,
    /// Who watches, unless the configuration says otherwise.
    pub(crate) observer: Option<Arc<dyn ObserverFactory>>,
    pub(crate) seed: [u8; 32],
}

/// What an end tells the other about itself.
pub(crate) fn parameters(config: &TransportConfig, local_id: ConnectionId) -> TransportParameters {
    let millis = |duration: std::time::Duration| {
        u64::try_from(duration.as_millis())
            .unwrap_or(u64::MAX)
            .min(crate::wire::VARINT_MAX)
    };
    TransportParameters {
        initial_source_connection_id: Some(local_id),
        max_idle_timeout: config
            .idle_timeout
            .map_or(0, |timeout| millis(timeout).max(1)),
        max_udp_payload_size: 65_527,
        initial_max_data: config.receive_window,
        initial_max_stream_data_bidi_local: config.stream_receive_window,
        initial_max_stream_data_bidi_remote: config.stream_receive_window,
        initial_max_stream_data_uni: config.stream_receive_window,
        initial_max_streams_bidi: config.bidirectional_streams_max,
        initial_max_streams_uni: config.unidirectional_streams_max,
        max_ack_delay: millis(config.ack_delay_max).min((1 << 14) - 1),
        active_connection_id_limit: crate::connection::REMOTE_IDS_MAX,
        min_ack_delay: Some(millis(config.ack_delay_max).min(1) * 1000),
        initial_max_message_data: config.message_receive_window,
        max_message_size: config.message_bytes_max,
        max_repair_symbols: if config.forward_error_correction {
            crate::fec::WINDOW_MAX as u64
        } else {
            0
        },
        ..TransportParameters::default()
    }
}
