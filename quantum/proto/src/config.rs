//! Configuration: every default with its reason.

use std::sync::Arc;
use std::time::Duration;

use crate::congestion::ControllerFactory;

/// How one connection behaves. Made by [`TransportConfig::default`] and the `with_` methods.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) receive_window: u64,
    pub(crate) stream_receive_window: u64,
    pub(crate) message_receive_window: u64,
    pub(crate) send_window: u64,
    pub(crate) bidirectional_streams_max: u64,
    pub(crate) unidirectional_streams_max: u64,
    pub(crate) message_bytes_max: u64,
    pub(crate) initial_rtt: Duration,
    pub(crate) ack_delay_max: Duration,
    pub(crate) initial_datagram_bytes: u16,
    pub(crate) datagram_bytes_max: u16,
    pub(crate) mtu_discovery: bool,
    pub(crate) ecn: bool,
    pub(crate) early_data: bool,
    pub(crate) segmentation_offload: bool,
    pub(crate) controller: Option<Arc<dyn ControllerFactory>>,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            // Long enough for a walk through a tunnel, short enough to free what the dead hold.
            idle_timeout: Some(Duration::from_secs(30)),
            keep_alive: None,
            handshake_timeout: Duration::from_secs(10),
            // 100 ms at 1.3 Gbit/s.
            receive_window: 16 << 20,
            stream_receive_window: 8 << 20,
            message_receive_window: 4 << 20,
            send_window: 16 << 20,
            bidirectional_streams_max: 128,
            unidirectional_streams_max: 128,
            message_bytes_max: 1 << 20,
            // RFC 9002 section 6.2.2.
            initial_rtt: Duration::from_millis(333),
            // RFC 9000 section 18.2.
            ack_delay_max: Duration::from_millis(25),
            // RFC 9000 section 14: every path carries this.
            initial_datagram_bytes: 1200,
            // Ethernet: 1500 - 20 (IPv4) - 8 (UDP).
            datagram_bytes_max: 1472,
            mtu_discovery: true,
            ecn: true,
            early_data: false,
            segmentation_offload: true,
            controller: None,
        }
    }
}
