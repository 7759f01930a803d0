//! What an endpoint counts.

use quinn_udp::RecvMeta;

use crate::driver::outbox::{Group, Sending};

/// Counts of one endpoint since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointStatistics {
    /// Connections that exist now, those in handshake or closing included.
    pub connections: usize,
    /// Turns of the driver. An idle endpoint takes none.
    pub turns: u64,
    /// System calls that received something.
    pub receive_calls: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes of UDP payload received.
    pub bytes_received: u64,
    /// Datagrams received that belong to no connection and could not begin one.
    pub datagrams_dropped: u64,
    /// System calls that sent something.
    pub send_calls: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// Times that the socket had no room for datagrams.
    pub send_blocked: u64,
    /// Connections closed at once because too many waited to be accepted.
    pub connections_refused: u64,
}

impl EndpointStatistics {
    pub(crate) fn count_received(&mut self, meta: &RecvMeta) {
        // An empty datagram is one, too, and comes alone.
        let datagrams = meta.len.div_ceil(meta.stride.max(1)).max(1);
        if meta.len == 0 {
            self.count_dropped();
        }
        self.datagrams_received = self.datagrams_received.wrapping_add(datagrams as u64);
        self.bytes_received = self.bytes_received.wrapping_add(meta.len as u64);
    }

    pub(crate) fn count_sent(&mut self, group: &Group, outcome: Sending) -> Sending {
        match outcome {
            Sending::Done => {
                self.send_calls = self.send_calls.wrapping_add(1);
                let datagrams = group.datagrams() as u64;
                self.datagrams_sent = self.datagrams_sent.wrapping_add(datagrams);
                self.bytes_sent = self.bytes_sent.wrapping_add(group.bytes.len() as u64);
            }
            Sending::Blocked => self.send_blocked = self.send_blocked.wrapping_add(1),
            Sending::Refused => {}
        }
        outcome
    }

    pub(crate) fn count_dropped(&mut self) {
        self.datagrams_dropped = self.datagrams_dropped.wrapping_add(1);
    }
}
