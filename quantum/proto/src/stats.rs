//! Figures about a connection, for operators and tests.

use std::time::Duration;

use crate::congestion::Snapshot;

/// Where Explicit Congestion Notification stands on the current path
/// (RFC 9000 section 13.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EcnState {
    /// Not asked for.
    #[default]
    Off,
    /// The first packets are marked, to see what becomes of the mark.
    Testing,
    /// All test packets are sent, none acknowledged yet: nothing is marked.
    Unknown,
    /// The path keeps the mark: packets are sent with ECT(0).
    Capable,
    /// The path or the peer falsifies the mark: nothing is marked.
    Failed,
}

/// A connection in figures: totals since it began, and how its current path looks now.
///
/// Sizes are bytes of UDP payload, totals cover all paths unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Packets received, authenticated and seen for the first time.
    pub packets_received: u64,
    /// Bytes received in datagrams that belong to the connection.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Packets received twice or too late, and dropped.
    pub packets_duplicate: u64,
    /// Packets received that could not be read: damaged, forged, or of a key that is gone.
    pub packets_dropped: u64,
    /// Packets declared lost; probes for the size of datagrams do not count.
    pub packets_lost: u64,
    /// Bytes of these.
    pub bytes_lost: u64,
    /// Packets declared lost that arrived after all (part of `packets_lost`).
    pub packets_spuriously_lost: u64,
    /// Packets whose contents had to be sent again, after their loss or by a probe: those that
    /// carried nothing that matters any more do not count.
    pub packets_retransmitted: u64,
    /// Payload bytes of streams and messages that were sent more than once.
    pub bytes_retransmitted: u64,
    /// Packets of the peer that were lost and rebuilt from repairs.
    pub packets_recovered: u64,
    /// Repairs received that cover something missing.
    pub repairs_received: u64,
    /// Repairs received that cover nothing missing.
    pub repairs_needless: u64,
    /// Repairs received that could not be used, or came faster than they are looked at.
    pub repairs_skipped: u64,
    /// Repairs sent.
    pub repairs_sent: u64,
    /// Bytes of these.
    pub repair_bytes_sent: u64,
    /// Messages of this end that expired: their deadline passed before they were delivered, or would
    /// have.
    pub messages_expired: u64,
    /// Messages of this end that reached the peer after their deadline, and were dropped there: it says
    /// so.
    pub messages_late: u64,
    /// Messages of the peer's that expired on their way: reset by it, or dropped here because they came
    /// too late.
    pub messages_missed: u64,
    /// Messages of the peer's that expired before anything of them was sent: it says so.
    pub messages_withheld: u64,
    /// Probe timeouts (RFC 9002 section 6.2).
    pub probe_timeouts: u64,
    /// Times that everything sent over a long period was lost (RFC 9002 section 7.6).
    pub persistent_congestion_events: u64,
    /// Packets that the peer reports as marked Congestion Experienced.
    pub ecn_marked: u64,
    /// Whether packets are marked.
    pub ecn: EcnState,
    /// The last round-trip time measured, the peer's acknowledgement delay included. The initial
    /// guess, like the other three, until something is measured.
    pub rtt_latest: Duration,
    /// Round-trip time, smoothed (RFC 9002 section 5.3).
    pub rtt_smoothed: Duration,
    /// Mean deviation of the round-trip time.
    pub rtt_variation: Duration,
    /// The smallest round-trip time of the path.
    pub rtt_min: Duration,
    /// Bytes that the congestion controller allows in flight.
    pub window: u64,
    /// Bytes in flight on the current path.
    pub bytes_in_flight: u64,
    /// Bytes acknowledged on the current path.
    pub bytes_delivered: u64,
    /// Bytes per second at which packets leave; `None`: only the window limits them.
    pub pacing_rate: Option<u64>,
    /// The largest datagram that the path is known to carry, in bytes.
    pub datagram_bytes: u16,
    /// Times that the keys were changed (RFC 9001 section 6), whoever began.
    pub key_updates: u64,
    /// Path changes since the connection began.
    pub path_changes: u64,
    /// What the congestion controller shows.
    pub controller: Snapshot,
}

/// What a connection counts itself; the rest of [`Statistics`] is known elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) datagrams_sent: u64,
    pub(crate) datagrams_received: u64,
    pub(crate) packets_duplicate: u64,
    pub(crate) packets_dropped: u64,
    pub(crate) packets_retransmitted: u64,
    pub(crate) ecn_marked: u64,
    pub(crate) key_updates: u64,
}

impl Counts {
    /// Fills in what was counted.
    pub(crate) fn fill(&self, statistics: &mut Statistics) {
        statistics.packets_sent = self.packets_sent;
        statistics.bytes_sent = self.bytes_sent;
        statistics.packets_received = self.packets_received;
        statistics.bytes_received = self.bytes_received;
        statistics.datagrams_sent = self.datagrams_sent;
        statistics.datagrams_received = self.datagrams_received;
        statistics.packets_duplicate = self.packets_duplicate;
        statistics.packets_dropped = self.packets_dropped;
        statistics.packets_retransmitted = self.packets_retransmitted;
        statistics.ecn_marked = self.ecn_marked;
        statistics.key_updates = self.key_updates;
    }
}

/// Counted once the path loses packets: most connections have none of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RepairCounters {
    pub(crate) recovered: u64,
    pub(crate) received: u64,
    pub(crate) needless: u64,
    pub(crate) skipped: u64,
    pub(crate) sent: u64,
    pub(crate) bytes_sent: u64,
}

impl RepairCounters {
    pub(crate) fn fill(&self, statistics: &mut Statistics) {
        statistics.packets_recovered = self.recovered;
        statistics.repairs_received = self.received;
        statistics.repairs_needless = self.needless;
        statistics.repairs_skipped = self.skipped;
        statistics.repairs_sent = self.sent;
        statistics.repair_bytes_sent = self.bytes_sent;
    }
}

/// What a connection holds at present: everything in it that could grow. For tests of bounds, and
/// for operators who wonder where memory went.
///
/// Nothing here is charged to the last byte: of small things it is their number, of payload the
/// memory that is reserved for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holdings {
    /// Halves of streams that are not over.
    pub stream_halves: usize,
    /// Bytes kept of what was written to streams and not acknowledged, handshake included.
    pub stream_send_bytes: usize,
    /// Bytes reserved for what arrived on streams and was not read, handshake included.
    pub stream_receive_bytes: usize,
    /// Control frames of streams that wait to be sent.
    pub stream_controls: usize,
    /// Messages on their way out.
    pub messages_outgoing: usize,
    /// Their bytes.
    pub message_send_bytes: usize,
    /// Numbers of expired messages that nobody has asked for.
    pub messages_expired: usize,
    /// Messages that have arrived or begun to.
    pub messages_incoming: usize,
    /// Bytes reserved for these.
    pub message_receive_bytes: usize,
    /// Runs of messages that are over, between others that are not.
    pub message_gaps: usize,
    /// Slots for packets that were sent, settled ones between others included.
    pub sent_packets: usize,
    /// Packets among these that ask for an acknowledgement.
    pub unacknowledged_packets: usize,
    /// Lost packets that are remembered, as they may arrive after all.
    pub lost_packets: usize,
    /// Bytes kept to repair lost packets, of the peer and of our own.
    pub repair_bytes: usize,
    /// Packets that wait for their keys.
    pub undecryptable_packets: usize,
    /// Bytes of these.
    pub undecryptable_bytes: usize,
    /// Runs of packet numbers that are known to have arrived.
    pub ack_ranges: usize,
    /// Answers owed to whoever asked whether we are at an address.
    pub path_responses: usize,
    /// Our connection ids and the peer's, retired ones of which it has to hear included.
    pub connection_ids: usize,
    /// Events that nobody has taken.
    pub events: usize,
}
