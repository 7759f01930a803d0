//! Figures for operators, through the `metrics` facade.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
use metrics::{gauge, histogram};

use crate::endpoint::Endpoint;
use crate::protocol::Statistics;

const PACKETS_SENT: &str = "quantum_packets_sent_total";
const PACKETS_RECEIVED: &str = "quantum_packets_received_total";
const PACKETS_LOST: &str = "quantum_packets_lost_total";
const RETRANSMISSIONS: &str = "quantum_retransmissions_total";
const FEC_RECOVERIES: &str = "quantum_fec_recoveries_total";
const MESSAGES_EXPIRED: &str = "quantum_messages_expired_total";
const MESSAGES_MISSED: &str = "quantum_messages_missed_total";
const CONNECTIONS: &str = "quantum_connections";
const WINDOW: &str = "quantum_cwnd_bytes";
const IN_FLIGHT: &str = "quantum_inflight_bytes";
const RTT: &str = "quantum_rtt_seconds";

/// Hands the figures of one endpoint to whatever recorder the process installed (Prometheus, for
/// example).
///
/// Each is labelled with the `endpoint`'s address:
///
/// | name | kind | |
/// |---|---|---|
/// | `quantum_packets_sent_total`, `quantum_packets_received_total` | counter | |
/// | `quantum_packets_lost_total` | counter | declared lost, rightly or not |
/// | `quantum_retransmissions_total` | counter | packets whose contents had to be sent again |
/// | `quantum_fec_recoveries_total` | counter | packets restored without being sent again |
/// | `quantum_messages_expired_total` | counter | messages sent here that expired, here or at the peer |
/// | `quantum_messages_missed_total` | counter | messages of peers that expired, there or here |
/// | `quantum_connections` | gauge | |
/// | `quantum_cwnd_bytes`, `quantum_inflight_bytes` | gauge | sums over connections |
/// | `quantum_rtt_seconds` | histogram | smoothed, one sample per connection and call |
#[derive(Debug)]
pub struct Metrics {
    endpoint: Endpoint,
    label: String,
    told: Totals,
}

/// What only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    sent: u64,
    received: u64,
    lost: u64,
    retransmitted: u64,
    recovered: u64,
    expired: u64,
    missed: u64,
}

impl Metrics {
    /// Describes the figures to the recorder. Keeps `endpoint` alive.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
        describe();
        Self {
            endpoint: endpoint.clone(),
            label: endpoint.local_addr().to_string(),
            told: Totals::default(),
        }
    }

    /// Records the figures as they are now. To be called regularly, or before they are read.
    pub fn record(&mut self) {
        // Before the connections: what ends in between is counted the next time.
        let mut totals = self.endpoint.ended_totals();
        let (mut window, mut in_flight) = (0_u64, 0_u64);
        let connections = self.endpoint.connection_statistics();
        let label = || ("endpoint", self.label.clone());
        for statistics in &connections {
            totals.add(statistics);
            window = window.saturating_add(statistics.window);
            in_flight = in_flight.saturating_add(statistics.bytes_in_flight);
            histogram!(RTT, &[label()]).record(statistics.rtt_smoothed.as_secs_f64());
        }
        let grown = totals.since(self.told);
        counter!(PACKETS_SENT, &[label()]).increment(grown.sent);
        counter!(PACKETS_RECEIVED, &[label()]).increment(grown.received);
        counter!(PACKETS_LOST, &[label()]).increment(grown.lost);
        counter!(RETRANSMISSIONS, &[label()]).increment(grown.retransmitted);
        counter!(FEC_RECOVERIES, &[label()]).increment(grown.recovered);
        counter!(MESSAGES_EXPIRED, &[label()]).increment(grown.expired);
        counter!(MESSAGES_MISSED, &[label()]).increment(grown.missed);
        gauge!(CONNECTIONS, &[label()]).set(connections.len() as f64);
        gauge!(WINDOW, &[label()]).set(window as f64);
        gauge!(IN_FLIGHT, &[label()]).set(in_flight as f64);
        self.told = self.told.max(totals);
    }
}

impl Totals {
    /// Takes in a connection's.
    pub(crate) fn add(&mut self, statistics: &Statistics) {
        self.sent = self.sent.saturating_add(statistics.packets_sent);
        self.received = self.received.saturating_add(statistics.packets_received);
        self.lost = self.lost.saturating_add(statistics.packets_lost);
        self.retransmitted = self
            .retransmitted
            .saturating_add(statistics.packets_retransmitted);
        self.recovered = self.recovered.saturating_add(statistics.packets_recovered);
        let expired = statistics.messages_expired + statistics.messages_late;
        self.expired = self.expired.saturating_add(expired);
        self.missed = self.missed.saturating_add(statistics.messages_missed);
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            received: self.received.saturating_sub(earlier.received),
            lost: self.lost.saturating_sub(earlier.lost),
            retransmitted: self.retransmitted.saturating_sub(earlier.retransmitted),
            recovered: self.recovered.saturating_sub(earlier.recovered),
            expired: self.expired.saturating_sub(earlier.expired),
            missed: self.missed.saturating_sub(earlier.missed),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            sent: self.sent.max(other.sent),
            received: self.received.max(other.received),
            lost: self.lost.max(other.lost),
            retransmitted: self.retransmitted.max(other.retransmitted),
            recovered: self.recovered.max(other.recovered),
            expired: self.expired.max(other.expired),
            missed: self.missed.max(other.missed),
        }
    }
}

fn describe() {
    describe_counter!(PACKETS_SENT, Unit::Count, "Packets sent");
    describe_counter!(PACKETS_RECEIVED, Unit::Count, "Packets received");
    describe_counter!(PACKETS_LOST, Unit::Count, "Packets declared lost");
    describe_counter!(
        RETRANSMISSIONS,
        Unit::Count,
        "Packets whose contents were sent again"
    );
    describe_counter!(
        FEC_RECOVERIES,
        Unit::Count,
        "Packets restored without being sent again"
    );
    describe_counter!(
        MESSAGES_EXPIRED,
        Unit::Count,
        "Messages sent here that passed their deadline"
    );
    describe_counter!(
        MESSAGES_MISSED,
        Unit::Count,
        "Messages of peers that passed their deadline"
    );
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections");
    describe_gauge!(
        WINDOW,
        Unit::Bytes,
        "Bytes that congestion control allows in flight"
    );
    describe_gauge!(IN_FLIGHT, Unit::Bytes, "Bytes in flight");
    describe_histogram!(RTT, Unit::Seconds, "Smoothed round-trip time");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(sent: u64, lost: u64) -> Totals {
        Totals {
            sent,
            lost,
            ..Totals::default()
        }
    }

    #[test]
    fn what_is_lost_and_what_is_sent_again_are_told_apart() {
        let mut statistics = Statistics::default();
        statistics.packets_lost = 3;
        statistics.packets_retransmitted = 2;
        let mut totals = Totals::default();
        totals.add(&statistics);
        totals.add(&statistics);
        assert_eq!((totals.lost, totals.retransmitted), (6, 4));
    }

    #[test]
    fn counters_never_go_back() {
        let told = totals(10, 2);
        assert_eq!(totals(8, 3).since(told), totals(0, 1));
        assert_eq!(told.max(totals(8, 3)), totals(10, 3));
    }
}
