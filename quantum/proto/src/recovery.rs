//! Loss recovery: what was sent, what arrived, what is lost, when to probe
//! (RFC 9002, with the reordering window of RFC 8985 and the delivery-rate samples of
//! draft-ietf-ccwg-bbr).
//!
//! [`Recovery`] owns the three packet number spaces and the [`Controller`] of the path. It reads
//! no frame but ACK, and it knows nothing of what packets carry: it hands each packet's
//! [`Contents`] back exactly once, as delivered or as lost, and a second time as delivered if a
//! packet that it gave up arrives after all.

mod acknowledged;
mod late;
mod outcome;
mod path;
mod rate;
mod reordering;
mod rtt;
mod sent;
mod skip;
mod space;
mod spaces;
mod timer;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::Rng;

pub(crate) use self::outcome::{
    Delivered, EcnReport, HandshakeFacts, LostPacket, Outcome, SentPacket, SpaceId, TimerAction,
};
pub(crate) use self::path::PathRecovery;
use self::rate::RateStamp;
pub(crate) use self::rtt::{GRANULARITY, RttEstimator};
use self::sent::Packet;
use self::spaces::Spaces;
use crate::carried::Contents;
use crate::congestion::{Controller, SendLimits};
use crate::error::TransportError;
use crate::fec;
use crate::stats::{Holdings, Statistics};
use crate::stream::Side;
use crate::time::Instant;

/// Loss recovery and congestion control of one connection.
#[derive(Debug)]
pub(crate) struct Recovery {
    side: Side,
    spaces: Spaces,
    path: PathRecovery,
    paths_begun: u32,
    initial_rtt: Duration,
    /// The longest that the peer holds an acknowledgement back (its transport parameter).
    max_ack_delay: Duration,
    /// Probe timeouts in a row.
    timeouts: u32,
    /// When the client's anti-deadlock timer was last set back.
    progress_at: Instant,
    handshake_confirmed: bool,
    handshake_acknowledged: bool,
    datagram_bytes: u16,
    totals: Totals,
    /// Ranges of the frame at hand, kept for its memory.
    ranges: Vec<RangeInclusive<u64>>,
}

/// Counts since the connection began, of all its paths.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    packets_lost: u64,
    bytes_lost: u64,
    packets_spurious: u64,
    probe_timeouts: u64,
    persistent_congestion: u64,
}

impl Recovery {
    /// Nothing sent yet. `max_ack_delay` is the peer's, to be set anew when it is known.
    pub(crate) fn new(
        now: Instant,
        side: Side,
        initial_rtt: Duration,
        max_ack_delay: Duration,
        datagram_bytes: u16,
        controller: Box<dyn Controller>,
    ) -> Self {
        Self {
            side,
            spaces: Spaces::new(now),
            path: PathRecovery::new(0, now, initial_rtt, controller),
            paths_begun: 0,
            initial_rtt,
            max_ack_delay,
            timeouts: 0,
            progress_at: now,
            handshake_confirmed: false,
            handshake_acknowledged: false,
            datagram_bytes,
            totals: Totals::default(),
            ranges: Vec::new(),
        }
    }

    /// The number of the next packet of `space`. The same until [`on_sent`](Self::on_sent) uses
    /// it; now and then one is left out, to catch a peer that acknowledges what it never
    /// received.
    pub(crate) fn next_packet_number(
        &mut self,
        space: SpaceId,
        random: &mut (impl Rng + ?Sized),
    ) -> u64 {
        let controller = &self.path.controller;
        let datagram_bytes = u64::from(self.datagram_bytes.max(1));
        let window_packets = || controller.limits().window / datagram_bytes;
        let space = &mut self.spaces[space];
        if space.id == SpaceId::Data {
            space.next_number = space.skips.apply(space.next_number, window_packets, random);
        }
        space.next_number
    }

    /// The largest number that the peer acknowledged: decides how many bytes a number takes.
    pub(crate) fn largest_acknowledged(&self, space: SpaceId) -> Option<u64> {
        self.spaces[space].largest_acknowledged
    }

    /// The newest packet that was sent.
    #[cfg(test)]
    pub(crate) fn largest_sent(&self, space: SpaceId) -> Option<u64> {
        let space = &self.spaces[space];
        let outstanding = space.sent.iter().map(|(number, _)| number).last();
        outstanding.max(space.largest_acknowledged)
    }

    /// A packet leaves.
    pub(crate) fn on_sent(&mut self, now: Instant, space: SpaceId, sent: SentPacket) {
        let app_limited = self.path.rate.is_app_limited();
        let stamp = if sent.in_flight {
            self.path.on_sent(now, sent.number, sent.bytes.into())
        } else {
            RateStamp::default()
        };
        let packet = Packet {
            sent_at: now,
            stamp,
            contents: sent.contents,
            path: self.path.id,
            bytes: sent.bytes,
            ack_eliciting: sent.ack_eliciting,
            in_flight: sent.in_flight,
            mtu_probe: sent.mtu_probe,
            ect0: sent.ect0,
            app_limited,
        };
        self.spaces[space].push(sent.number, packet);
    }

    /// Whether a packet that asks for an acknowledgement is under way in `space`.
    pub(crate) fn awaits_acknowledgement(&self, space: SpaceId) -> bool {
        self.spaces[space].eliciting > 0
    }

    /// Outstanding packets of `space`, oldest first: what a probe may repeat.
    pub(crate) fn outstanding(&self, space: SpaceId) -> impl Iterator<Item = &Contents> {
        self.spaces[space]
            .sent
            .iter()
            .map(|(_, packet)| &packet.contents)
    }

    /// The peer knows what packet `number` carried of streams and messages, although the packet is
    /// lost: takes it out, so that it is not sent again.
    ///
    /// # Errors
    ///
    /// It was never sent.
    pub(crate) fn take_recovered(
        &mut self,
        space: SpaceId,
        number: u64,
    ) -> Result<Contents, TransportError> {
        let space = &mut self.spaces[space];
        if number >= space.next_number {
            return Err(TransportError::violation(
                "the peer rebuilt a packet that was not sent",
            ));
        }
        let outstanding = space.sent.contents_mut(number);
        let contents = outstanding.or_else(|| space.late.contents_mut(number));
        Ok(contents.map_or_else(Contents::new, take_settled))
    }

    /// Packets sent in `space` since the last one that elicits an acknowledgement. Add a PING to
    /// every 32nd or so, or what they acknowledge has to be repeated for ever
    /// (RFC 9000 section 13.2.4).
    pub(crate) fn unanswered(&self, space: SpaceId) -> u64 {
        self.spaces[space].unanswered
    }

    /// Whether an ack-eliciting packet is outstanding in any space.
    pub(crate) fn is_waiting(&self) -> bool {
        self.spaces.iter().any(|space| space.eliciting > 0)
    }

    /// The keys of `space` are gone: nothing of it is outstanding any more, nothing is reported
    /// (RFC 9002 section 6.4).
    pub(crate) fn discard_space(&mut self, now: Instant, space: SpaceId) {
        drop(self.spaces[space].drain(&mut self.path));
        self.spaces.forget(space);
        self.timeouts = 0;
        self.progress_at = now;
    }

    /// The peer threw everything away that was sent in `space` (Retry, 0-RTT refused): reports
    /// it as lost, without any conclusion about the path. Numbers go on.
    pub(crate) fn abandon(&mut self, now: Instant, space: SpaceId, outcome: &mut Outcome) {
        outcome.clear();
        let path = self.path.id;
        let packets = self.spaces[space].drain(&mut self.path);
        let lost = packets.map(|(number, packet)| LostPacket {
            number,
            bytes: packet.bytes,
            in_flight: packet.in_flight,
            mtu_probe: packet.mtu_probe,
            current_path: packet.path == path,
            contents: packet.contents,
        });
        outcome.lost.extend(lost);
        self.timeouts = 0;
        self.progress_at = now;
    }

    /// The connection moves to another path (more than a changed port): it starts with a new
    /// controller and nothing measured. What was sent before stays tracked, but says nothing
    /// about the new path. Gives the state of the old path, for [`restore_path`](Self::restore_path).
    pub(crate) fn on_path_change(
        &mut self,
        now: Instant,
        controller: Box<dyn Controller>,
    ) -> PathRecovery {
        self.paths_begun = self.paths_begun.wrapping_add(1);
        self.timeouts = 0;
        let path = PathRecovery::new(self.paths_begun, now, self.initial_rtt, controller);
        std::mem::replace(&mut self.path, path)
    }

    /// How long what is in flight on the path takes to arrive, at the rate at which it arrived last.
    pub(crate) fn time_in_flight(&self) -> Option<Duration> {
        let rate = u128::from(self.path.rate.latest());
        let nanos = u128::from(self.path.bytes_in_flight) * 1_000_000_000;
        let nanos = u64::try_from(nanos.checked_div(rate)?);
        Some(Duration::from_nanos(nanos.unwrap_or(u64::MAX)))
    }

    /// Which path this is: another number, another path.
    pub(crate) fn path_id(&self) -> u32 {
        self.path.id
    }

    /// The new path does not work: back to the old one.
    pub(crate) fn restore_path(&mut self, path: PathRecovery) {
        self.path = path;
        self.path.bytes_in_flight = self
            .spaces
            .iter()
            .flat_map(|space| space.sent.iter())
            .filter(|(_, packet)| packet.in_flight && packet.path == self.path.id)
            .map(|(_, packet)| u64::from(packet.bytes))
            .sum();
        self.timeouts = 0;
    }

    /// The peer's limit on holding acknowledgements back, when its parameters are known or it
    /// was asked for another (ACK_FREQUENCY).
    pub(crate) fn set_max_ack_delay(&mut self, delay: Duration) {
        self.max_ack_delay = delay;
    }

    /// The handshake is confirmed (RFC 9001 section 4.1.2).
    pub(crate) fn on_handshake_confirmed(&mut self) {
        self.handshake_confirmed = true;
    }

    /// The path carries datagrams of this size.
    pub(crate) fn on_datagram_size(&mut self, bytes: u16) {
        self.datagram_bytes = bytes;
        self.path.controller.on_datagram_size(bytes);
    }

    /// The application has nothing more to send although the window has room: what is in flight
    /// understates the path. Without effect while the window is full.
    pub(crate) fn set_app_limited(&mut self) {
        if self.path.bytes_in_flight < self.limits().window {
            self.path.rate.set_app_limited(self.path.bytes_in_flight);
        }
    }

    /// Bytes in flight on the current path.
    pub(crate) fn bytes_in_flight(&self) -> u64 {
        self.path.bytes_in_flight
    }

    /// What the controller allows.
    pub(crate) fn limits(&self) -> SendLimits {
        self.path.controller.limits()
    }

    /// Round-trip time of the current path.
    pub(crate) fn rtt(&self) -> &RttEstimator {
        &self.path.rtt
    }

    /// The packet threshold in force: what to ask the peer for as its reordering threshold.
    pub(crate) fn packet_threshold(&self) -> u64 {
        self.path.reordering.packet_threshold(None)
    }

    /// Adds what is held here.
    pub(crate) fn count(&self, held: &mut Holdings) {
        for space in self.spaces.iter() {
            held.sent_packets += space.sent.len();
            held.unacknowledged_packets += usize::try_from(space.eliciting).unwrap_or(usize::MAX);
            held.lost_packets += space.late.len();
        }
    }

    /// Fills in what recovery knows. What was sent, the connection counts.
    pub(crate) fn fill(&self, statistics: &mut Statistics) {
        let totals = &self.totals;
        statistics.packets_lost = totals.packets_lost;
        statistics.bytes_lost = totals.bytes_lost;
        statistics.packets_spuriously_lost = totals.packets_spurious;
        statistics.probe_timeouts = totals.probe_timeouts;
        statistics.persistent_congestion_events = totals.persistent_congestion;
        statistics.rtt_latest = self.path.rtt.latest();
        statistics.rtt_smoothed = self.path.rtt.smoothed();
        statistics.rtt_variation = self.path.rtt.variation();
        statistics.rtt_min = self.path.rtt.min();
        statistics.bytes_in_flight = self.path.bytes_in_flight;
        statistics.bytes_delivered = self.path.rate.delivered();
        let limits = self.limits();
        statistics.window = limits.window;
        statistics.pacing_rate = limits.pacing_rate;
        statistics.controller = self.path.controller.snapshot();
    }
}

/// Takes what has arrived although its packet has not out of the packet's contents.
fn take_settled(contents: &mut Contents) -> Contents {
    let settled = contents.iter().copied().filter(fec::is_settled).collect();
    contents.retain(|carried| !fec::is_settled(carried));
    settled
}
