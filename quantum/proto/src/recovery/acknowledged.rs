//! ACK frames: what they settle, and what is lost because of them.

use std::time::Duration;

use super::Recovery;
use super::outcome::{Delivered, EcnReport, LostPacket, Outcome, SpaceId};
use super::path::Tally;
use super::space::Criteria;
use crate::error::TransportError;
use crate::frame;
use crate::time::Instant;

impl Recovery {
    /// An ACK frame of `space` arrived. `delay` is the acknowledgement delay that it states; `None`
    /// if it is no measure of the round-trip time.
    /// `ecn` is asked at most once, if the frame's counts are to be checked
    /// (RFC 9000 section 13.4.2.1), and gives the packets newly reported as marked.
    ///
    /// # Errors
    ///
    /// The peer acknowledged a packet that was never sent.
    pub(crate) fn on_ack(
        &mut self,
        now: Instant,
        space: SpaceId,
        ack: &frame::Ack<'_>,
        delay: Option<Duration>,
        ecn: &mut dyn FnMut(&EcnReport) -> u64,
        outcome: &mut Outcome,
    ) -> Result<(), TransportError> {
        self.ranges.clear();
        self.ranges.extend(ack.ranges());
        let report = EcnReport {
            space,
            ect0_acknowledged: 0,
            counts: ack.ecn,
        };
        self.acknowledge(now, report, delay, ecn, outcome)
    }

    /// Handles the frame whose ranges, newest first, are in `self.ranges`.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        mut report: EcnReport,
        delay: Option<Duration>,
        ecn: &mut dyn FnMut(&EcnReport) -> u64,
        outcome: &mut Outcome,
    ) -> Result<(), TransportError> {
        outcome.clear();
        let id = report.space;
        let largest = self.check_ranges(id)?;
        let outstanding = self.spaces[id].eliciting;
        let mut tally = self.path.tally(self.arrived_at(now, id, largest, delay));
        let largest_sent_at = self.take_delivered(now, id, largest, &mut tally, outcome);
        if outcome.delivered.is_empty() {
            return Ok(());
        }
        let rtt = largest_sent_at
            .filter(|_| outcome.ack_eliciting)
            .zip(delay)
            .map(|(sent_at, delay)| self.sample_rtt(now, id, sent_at, delay));
        let mut ecn_marked = 0;
        if outcome.largest_advanced {
            report.ect0_acknowledged = std::mem::take(&mut self.spaces[id].ect0_unreported);
            ecn_marked = ecn(&report);
        }
        let lost_bytes = self.detect_lost(now, id, Some(outstanding), outcome);
        self.path
            .on_acknowledged(now, &tally, rtt, lost_bytes, ecn_marked);
        self.spaces[id].release();
        self.on_progress(now, id);
        Ok(())
    }

    /// When the newest packet of the frame reached the peer and the frame would have left if the peer had
    /// not held it back, plus the way here: by this clock rates are measured, or each frame that is held
    /// back makes the next seem to come too fast.
    fn arrived_at(
        &self,
        now: Instant,
        id: SpaceId,
        largest: u64,
        delay: Option<Duration>,
    ) -> Instant {
        let known = self.spaces[id].largest_acknowledged;
        match delay {
            Some(delay) if known < Some(largest) => now.before(delay.min(self.max_ack_delay)),
            _ => now,
        }
    }

    fn check_ranges(&self, id: SpaceId) -> Result<u64, TransportError> {
        let space = &self.spaces[id];
        let largest = self.ranges.first().map_or(0, |range| *range.end());
        if self.ranges.is_empty() || largest >= space.next_number {
            return Err(TransportError::violation(
                "the peer acknowledged a packet that was not sent",
            ));
        }
        if self.ranges.iter().any(|range| space.skips.any_in(range)) {
            return Err(TransportError::violation(
                "the peer acknowledged a packet number that was left out",
            ));
        }
        Ok(largest)
    }

    /// Takes what the frame acknowledges for the first time out of the space. If that includes
    /// the largest number of the frame, and it was sent on this path: when it was sent.
    fn take_delivered(
        &mut self,
        now: Instant,
        id: SpaceId,
        largest: u64,
        tally: &mut Tally,
        outcome: &mut Outcome,
    ) -> Option<Instant> {
        self.take_late(now, id, largest, outcome);
        let Self {
            spaces,
            path,
            ranges,
            ..
        } = self;
        let space = &mut spaces[id];
        let before = space.largest_acknowledged;
        outcome.largest_advanced = before.is_none_or(|before| before < largest);
        space.largest_acknowledged = before.max(Some(largest));
        let mut largest_sent_at = None;
        let mut reordered = false;
        let mut passed_acknowledged = false;
        for range in ranges.iter().rev() {
            passed_acknowledged |= space.sent.acknowledge(range, |number, packet| {
                path.on_delivered(number, &packet, tally);
                space.eliciting -= u64::from(packet.ack_eliciting);
                space.ect0_unreported += u64::from(packet.ect0 && packet.path == path.id);
                outcome.ack_eliciting |= packet.ack_eliciting;
                reordered |= before.is_some_and(|before| number < before) && packet.in_flight;
                if number == largest && packet.path == path.id {
                    largest_sent_at = Some(packet.sent_at);
                }
                outcome.delivered.push(Delivered {
                    number,
                    bytes: packet.bytes,
                    in_flight: packet.in_flight,
                    mtu_probe: packet.mtu_probe,
                    current_path: packet.path == path.id,
                    spurious: false,
                    contents: packet.contents,
                });
            });
        }
        if reordered {
            path.reordering.on_reordered();
        }
        space.trim(passed_acknowledged);
        largest_sent_at
    }

    /// Packets that were given up and arrived after all.
    fn take_late(&mut self, now: Instant, id: SpaceId, largest: u64, outcome: &mut Outcome) {
        let Self {
            spaces,
            path,
            ranges,
            totals,
            ..
        } = self;
        let space = &mut spaces[id];
        if space.late.is_empty() {
            return;
        }
        let newest = space.largest_acknowledged.unwrap_or(0).max(largest);
        for range in ranges.iter().rev() {
            space.late.take(range, |record| {
                if record.path == path.id {
                    path.on_spurious_loss(now, &record, newest - record.number);
                }
                totals.packets_spurious += u64::from(record.event.is_some());
                space.ect0_unreported += u64::from(record.ect0 && record.path == path.id);
                outcome.delivered.push(Delivered {
                    number: record.number,
                    bytes: record.bytes,
                    in_flight: true,
                    mtu_probe: record.mtu_probe,
                    current_path: record.path == path.id,
                    spurious: true,
                    contents: record.contents,
                });
            });
        }
        if !outcome.delivered.is_empty() {
            space.end_run();
        }
        space.late.expire(now);
    }

    fn sample_rtt(
        &mut self,
        now: Instant,
        id: SpaceId,
        sent_at: Instant,
        delay: Duration,
    ) -> Duration {
        // RFC 9002 section 5.3: the Initial space has no delay, and the peer's limit binds it once
        // the handshake is confirmed.
        let delay = match id {
            SpaceId::Initial => Duration::ZERO,
            _ if self.handshake_confirmed => delay.min(self.max_ack_delay),
            _ => delay,
        };
        self.path.rtt.on_sample(now, now.since(sent_at), delay)
    }

    pub(super) fn detect_lost(
        &mut self,
        now: Instant,
        id: SpaceId,
        outstanding: Option<u64>,
        outcome: &mut Outcome,
    ) -> u64 {
        let few = outstanding.filter(|_| id == SpaceId::Data);
        let criteria = Criteria {
            now,
            packet_threshold: self.path.reordering.packet_threshold(few),
            loss_delay: self.path.reordering.loss_delay(&self.path.rtt),
            probe_timeout: self.probe_timeout(id),
            longest_probe_timeout: self.path.rtt.probe_timeout() + self.max_ack_delay,
        };
        let lost_before = outcome.lost.len();
        let space = &mut self.spaces[id];
        let bytes = space.detect_lost(&criteria, &mut self.path, outcome);
        self.count_lost(&outcome.lost[lost_before..]);
        if outcome.persistent_congestion {
            self.totals.persistent_congestion += 1;
            self.path.on_persistent_congestion(now);
        }
        bytes
    }

    fn count_lost(&mut self, lost: &[LostPacket]) {
        for packet in lost.iter().filter(|lost| lost.in_flight && !lost.mtu_probe) {
            self.totals.packets_lost += 1;
            self.totals.bytes_lost += u64::from(packet.bytes);
        }
    }

    fn on_progress(&mut self, now: Instant, id: SpaceId) {
        self.handshake_acknowledged |= id == SpaceId::Handshake;
        // RFC 9002 section 6.2.1: a client that may be the only one able to move keeps backing
        // off.
        if self.peer_validated_us() {
            self.timeouts = 0;
        }
        self.progress_at = now;
    }
}
