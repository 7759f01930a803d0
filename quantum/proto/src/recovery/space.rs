//! One packet number space: what is outstanding, and which of it is lost.

use std::time::Duration;

use super::late::{LostRecords, Record};
use super::outcome::{LostPacket, Outcome, SpaceId};
use super::path::PathRecovery;
use super::sent::{BARE_MAX, Packet, SentPackets};
use super::skip::Skips;
use crate::time::Instant;

/// Probe timeouts for which a lost packet is remembered.
const REMEMBER_TIMEOUTS: u32 = 3;

/// Probe timeouts over which everything must be lost (RFC 9002 section 7.6.1).
const PERSISTENT_TIMEOUTS: u32 = 3;

#[derive(Debug)]
pub(super) struct Space {
    pub(super) id: SpaceId,
    pub(super) next_number: u64,
    pub(super) skips: Skips,
    pub(super) sent: SentPackets,
    pub(super) late: LostRecords,
    pub(super) largest_acknowledged: Option<u64>,
    /// Outstanding packets that elicit an acknowledgement.
    pub(super) eliciting: u64,
    /// When the last packet left that elicits an acknowledgement.
    last_eliciting_at: Instant,
    /// When the last probe timeout was.
    pub(super) timed_out_at: Instant,
    /// When the oldest outstanding packet is lost if nothing more is heard.
    pub(super) loss_time: Option<Instant>,
    /// Packets with ECT(0) acknowledged by frames that were too old to check their counts.
    pub(super) ect0_unreported: u64,
    /// Packets sent since the last one that elicits an acknowledgement.
    pub(super) unanswered: u64,
    run: LossRun,
}

/// Lost packets with nothing acknowledged in between.
#[derive(Clone, Copy, Debug, Default)]
struct LossRun {
    /// When the first ack-eliciting one was sent that counts for persistent congestion.
    began_at: Option<Instant>,
    /// The packet before the oldest outstanding one was lost.
    last_lost: bool,
}

/// The measure for one pass of loss detection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Criteria {
    pub(super) now: Instant,
    pub(super) packet_threshold: u64,
    pub(super) loss_delay: Duration,
    /// Probe timeout of the space, without backoff.
    pub(super) probe_timeout: Duration,
    /// Probe timeout with the peer's acknowledgement delay, whatever the space.
    pub(super) longest_probe_timeout: Duration,
}

impl Space {
    pub(super) fn new(id: SpaceId, now: Instant) -> Self {
        Self {
            id,
            next_number: 0,
            skips: Skips::default(),
            sent: SentPackets::default(),
            late: LostRecords::default(),
            largest_acknowledged: None,
            eliciting: 0,
            last_eliciting_at: now,
            timed_out_at: now,
            loss_time: None,
            ect0_unreported: 0,
            unanswered: 0,
            run: LossRun::default(),
        }
    }

    pub(super) fn push(&mut self, number: u64, packet: Packet) {
        self.next_number = number.saturating_add(1);
        if packet.ack_eliciting {
            self.eliciting += 1;
            self.last_eliciting_at = packet.sent_at;
            self.unanswered = 0;
        } else {
            self.unanswered += 1;
        }
        self.sent.push(number, packet);
        self.forget_unanswered();
    }

    /// Since when the probe timeout of the last packet runs that elicits an acknowledgement.
    pub(super) fn probe_base(&self) -> Instant {
        self.last_eliciting_at.max(self.timed_out_at)
    }

    /// Since when that of the oldest does that is outstanding.
    pub(super) fn oldest_base(&self) -> Instant {
        let mut packets = self.sent.iter();
        let oldest = packets.find(|(_, packet)| packet.ack_eliciting);
        let sent_at = oldest.map_or(self.last_eliciting_at, |(_, packet)| packet.sent_at);
        sent_at.max(self.timed_out_at)
    }

    fn forget_unanswered(&mut self) {
        while self.sent.len() > BARE_MAX {
            self.trim(false);
            match self.sent.oldest() {
                Some((_, packet)) if !packet.in_flight => drop(self.sent.pop_oldest()),
                _ => return,
            }
        }
    }

    pub(super) fn end_run(&mut self) {
        self.run = LossRun::default();
    }

    /// Drops what is settled, so that the oldest slot is an outstanding packet.
    pub(super) fn trim(&mut self, passed_acknowledged: bool) {
        if self.sent.trim() || passed_acknowledged {
            self.end_run();
        }
    }

    /// Keeps no memory to spare when nothing is under way, as that may be so for long.
    pub(super) fn release(&mut self) {
        if self.eliciting == 0 {
            self.sent.release();
        }
    }

    /// Gives up what is lost. Stops at the first packet that is not: later ones are younger.
    /// Returns the bytes that the controller heard of.
    pub(super) fn detect_lost(
        &mut self,
        criteria: &Criteria,
        path: &mut PathRecovery,
        outcome: &mut Outcome,
    ) -> u64 {
        let mut bytes = 0;
        self.loss_time = None;
        while let Some(largest) = self.largest_acknowledged {
            self.trim(false);
            let Some((number, packet)) = self.sent.oldest() else {
                break;
            };
            if number > largest {
                break;
            }
            // A bare acknowledgement needs no patience and no timer.
            let lost_at = packet.sent_at + criteria.loss_delay;
            let lost = !packet.in_flight
                || largest - number >= criteria.packet_threshold
                || lost_at <= criteria.now;
            if !lost {
                self.loss_time = Some(lost_at);
                break;
            }
            bytes += self.give_up_oldest(criteria, path, outcome);
        }
        bytes
    }

    fn give_up_oldest(
        &mut self,
        criteria: &Criteria,
        path: &mut PathRecovery,
        outcome: &mut Outcome,
    ) -> u64 {
        let Some((number, packet)) = self.sent.pop_oldest() else {
            return 0;
        };
        self.eliciting -= u64::from(packet.ack_eliciting);
        let current = packet.in_flight && packet.path == path.id;
        if current {
            path.bytes_in_flight = path.bytes_in_flight.saturating_sub(packet.bytes.into());
        }
        let event = (current && !packet.mtu_probe).then(|| {
            let event = path.on_lost(criteria.now, number, &packet, self.run.last_lost);
            self.extend_run(criteria, path, &packet, outcome);
            event
        });
        let bytes = event.map_or(0, |_| u64::from(packet.bytes));
        self.remember(criteria, number, &packet, event);
        outcome.lost.push(LostPacket {
            number,
            bytes: packet.bytes,
            in_flight: packet.in_flight,
            mtu_probe: packet.mtu_probe,
            current_path: packet.path == path.id,
            contents: packet.contents,
        });
        bytes
    }

    fn extend_run(
        &mut self,
        criteria: &Criteria,
        path: &PathRecovery,
        packet: &Packet,
        outcome: &mut Outcome,
    ) {
        self.run.last_lost = true;
        let measured = path
            .rtt
            .first_sample_at()
            .is_some_and(|first| first < packet.sent_at);
        if !packet.ack_eliciting || !measured {
            return;
        }
        let began_at = *self.run.began_at.get_or_insert(packet.sent_at);
        let duration = criteria.longest_probe_timeout * PERSISTENT_TIMEOUTS;
        if packet.sent_at.since(began_at) >= duration {
            outcome.persistent_congestion = true;
            self.run.began_at = None;
        }
    }

    fn remember(&mut self, criteria: &Criteria, number: u64, packet: &Packet, event: Option<u32>) {
        if !packet.in_flight {
            return;
        }
        self.late.insert(Record {
            number,
            sent_at: packet.sent_at,
            forget_at: criteria.now + criteria.probe_timeout * REMEMBER_TIMEOUTS,
            contents: packet.contents.clone(),
            path: packet.path,
            event,
            bytes: packet.bytes,
            mtu_probe: packet.mtu_probe,
            ect0: packet.ect0,
        });
    }

    /// Takes everything out that is outstanding.
    pub(super) fn drain(
        &mut self,
        path: &mut PathRecovery,
    ) -> impl Iterator<Item = (u64, Packet)> + use<> {
        for (_, packet) in self.sent.iter() {
            if packet.in_flight && packet.path == path.id {
                path.bytes_in_flight = path.bytes_in_flight.saturating_sub(packet.bytes.into());
            }
        }
        self.eliciting = 0;
        self.loss_time = None;
        self.late.clear();
        self.end_run();
        self.sent.drain()
    }
}
