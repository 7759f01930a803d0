//! How one connection behaves.

use std::sync::Arc;
use std::time::Duration;

use crate::congestion::{Bbr, ControllerFactory};
use crate::observe::ObserverFactory;
use crate::stream::blocks::Blocks;

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
    pub(crate) forward_error_correction: bool,
    pub(crate) key_update_packets: u64,
    pub(crate) controller: Arc<dyn ControllerFactory>,
    pub(crate) observer: Option<Arc<dyn ObserverFactory>>,
    /// Memory for stream data: connections that share the configuration share it.
    pub(crate) memory: Blocks,
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
            forward_error_correction: true,
            // Half of what AES-GCM allows (RFC 9001 section 6.6).
            key_update_packets: 1 << 22,
            controller: Arc::new(Bbr::default()),
            observer: None,
            memory: Blocks::new(),
        }
    }
}

impl TransportConfig {
    /// Ends a connection when nothing was heard of the peer for this long; the smaller value of both
    /// ends counts, and three probe timeouts at least. `None`: never. Default: 30 s, which outlasts a
    /// walk through a tunnel and frees soon what the dead hold.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sends something when nothing has arrived for this long, so that the idle timeout and NAT entries
    /// do not end the connection. Default: off, as it costs the battery of both ends.
    #[must_use]
    pub fn with_keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.keep_alive = interval;
        self
    }

    /// How long a handshake may take. Default: 10 s.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Bytes of all streams that may arrive before the application reads them: what a connection can cost
    /// in memory. Default: 16 MiB, 100 ms at 1.3 Gbit/s.
    #[must_use]
    pub fn with_receive_window(mut self, bytes: u64) -> Self {
        self.receive_window = bytes;
        self
    }

    /// The same for one stream. Default: 8 MiB.
    #[must_use]
    pub fn with_stream_receive_window(mut self, bytes: u64) -> Self {
        self.stream_receive_window = bytes;
        self
    }

    /// Bytes of messages that may wait for the application, 64 added for each. Default: 4 MiB.
    #[must_use]
    pub fn with_message_receive_window(mut self, bytes: u64) -> Self {
        self.message_receive_window = bytes;
        self
    }

    /// Bytes of streams and messages that are accepted and not yet acknowledged. Default: 16 MiB.
    #[must_use]
    pub fn with_send_window(mut self, bytes: u64) -> Self {
        self.send_window = bytes;
        self
    }

    /// Bidirectional streams that the peer may have open at a time. Default: 128.
    #[must_use]
    pub fn with_bidirectional_streams_max(mut self, streams: u64) -> Self {
        self.bidirectional_streams_max = streams;
        self
    }

    /// Unidirectional streams that the peer may have open at a time. Default: 128.
    #[must_use]
    pub fn with_unidirectional_streams_max(mut self, streams: u64) -> Self {
        self.unidirectional_streams_max = streams;
        self
    }

    /// The largest message that is accepted from the peer, in bytes, 1 MiB at most. Default: 1 MiB.
    #[must_use]
    pub fn with_message_bytes_max(mut self, bytes: u64) -> Self {
        self.message_bytes_max = bytes.min(1 << 20);
        self
    }

    /// What the round-trip time is taken for before it is measured. Default: 333 ms (RFC 9002 section 6.2.2).
    #[must_use]
    pub fn with_initial_rtt(mut self, rtt: Duration) -> Self {
        self.initial_rtt = rtt;
        self
    }

    /// How long an acknowledgement is held back at most. Default: 25 ms (RFC 9000 section 18.2).
    #[must_use]
    pub fn with_ack_delay_max(mut self, delay: Duration) -> Self {
        self.ack_delay_max = delay;
        self
    }

    /// The largest datagram that is tried. Default: 1472, which is Ethernet without the headers of IPv4 and
    /// UDP.
    #[must_use]
    pub fn with_datagram_bytes_max(mut self, bytes: u16) -> Self {
        self.datagram_bytes_max = bytes.max(1200);
        self
    }

    /// The size of datagrams before a larger one has been tried. Default: 1200, which every path carries.
    /// Larger only where the path is known, such as a loopback interface.
    #[must_use]
    pub fn with_initial_datagram_bytes(mut self, bytes: u16) -> Self {
        self.initial_datagram_bytes = bytes.max(1200);
        self
    }

    /// Whether larger datagrams are tried. Default: yes.
    #[must_use]
    pub fn with_mtu_discovery(mut self, enabled: bool) -> Self {
        self.mtu_discovery = enabled;
        self
    }

    /// Whether packets are marked for Explicit Congestion Notification, if the path keeps the mark.
    /// Default: yes.
    #[must_use]
    pub fn with_ecn(mut self, enabled: bool) -> Self {
        self.ecn = enabled;
        self
    }

    /// Whether data may be sent, or is taken, before the handshake is complete (0-RTT). It can be recorded
    /// and replayed by an attacker, so it must be harmless to receive twice. Default: no.
    #[must_use]
    pub fn with_early_data(mut self, enabled: bool) -> Self {
        self.early_data = enabled;
        self
    }

    /// Whether lost packets are rebuilt from others: repairs are taken from the peer, and sent to it
    /// once the path loses packets (not while it does not). Default: yes.
    #[must_use]
    pub fn with_forward_error_correction(mut self, enabled: bool) -> Self {
        self.forward_error_correction = enabled;
        self
    }

    /// Packets after which keys are updated. Default: 2^22, half of what AES-GCM allows.
    #[must_use]
    pub fn with_key_update_packets(mut self, packets: u64) -> Self {
        self.key_update_packets = packets.max(1);
        self
    }

    /// The congestion controller of each path. Default: [`Bbr`].
    #[must_use]
    pub fn with_controller(mut self, controller: Arc<dyn ControllerFactory>) -> Self {
        self.controller = controller;
        self
    }

    /// Who watches the connections from within: for traces such as [`crate::qlog::Qlog`]. Default:
    /// whoever watches all of the endpoint
    /// ([`EndpointConfig::with_observer`](super::EndpointConfig::with_observer)), or nobody.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn ObserverFactory>) -> Self {
        self.observer = Some(observer);
        self
    }
}
