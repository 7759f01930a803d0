//! What recovery knows about one network path: round trip, reordering, delivery, and the
//! controller that all of it feeds.

use std::time::Duration;

use super::rate::{Newest, RateSampler};
use super::reordering::Reordering;
use super::rtt::RttEstimator;
use super::sent::Packet;
use crate::congestion::{Acknowledged, Controller, Lost, Sent, SpuriousLoss};
use crate::time::Instant;

/// The state of one path. Opaque outside: taken when the path changes, given back if it has to be
/// returned to.
#[derive(Debug)]
pub(crate) struct PathRecovery {
    pub(super) id: u32,
    pub(super) rtt: RttEstimator,
    pub(super) reordering: Reordering,
    pub(super) rate: RateSampler,
    pub(super) controller: Box<dyn Controller>,
    pub(super) bytes_in_flight: u64,
    event: LossEvent,
}

/// Losses of one round: packets sent before the first of them was noticed.
#[derive(Clone, Copy, Debug, Default)]
struct LossEvent {
    id: u32,
    began_at: Instant,
    /// Packets of the event that are believed lost.
    believed: u64,
    spurious: bool,
}

/// An ACK frame's packets of one path, summed up.
#[derive(Debug)]
pub(super) struct Tally {
    /// When the newest of them arrived there, plus the way here.
    arrived_at: Instant,
    pub(super) prior_in_flight: u64,
    pub(super) bytes: u64,
    pub(super) newest: Option<Newest>,
    pub(super) app_limited: bool,
}

impl PathRecovery {
    pub(super) fn new(
        id: u32,
        now: Instant,
        initial_rtt: Duration,
        controller: Box<dyn Controller>,
    ) -> Self {
        Self {
            id,
            rtt: RttEstimator::new(initial_rtt),
            reordering: Reordering::new(),
            rate: RateSampler::new(now),
            controller,
            bytes_in_flight: 0,
            event: LossEvent::default(),
        }
    }

    /// A packet that counts as in flight leaves: gives its stamp.
    pub(super) fn on_sent(
        &mut self,
        now: Instant,
        number: u64,
        bytes: u64,
    ) -> super::rate::RateStamp {
        let before = self.bytes_in_flight;
        let stamp = self.rate.on_sent(now, before, bytes);
        self.bytes_in_flight = stamp.in_flight;
        self.controller.on_sent(&Sent {
            now,
            packet_number: number,
            bytes,
            bytes_in_flight: before,
            after_idle: before == 0,
            app_limited: self.rate.is_app_limited(),
        });
        stamp
    }

    pub(super) fn tally(&self, arrived_at: Instant) -> Tally {
        Tally {
            arrived_at,
            bytes: 0,
            newest: None,
            prior_in_flight: self.bytes_in_flight,
            app_limited: self.rate.is_app_limited(),
        }
    }

    /// A packet of this path is acknowledged; in rising order within a frame.
    pub(super) fn on_delivered(&mut self, number: u64, packet: &Packet, tally: &mut Tally) {
        if packet.path != self.id || !packet.in_flight {
            return;
        }
        let bytes = u64::from(packet.bytes);
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
        self.rate.on_delivered(tally.arrived_at, bytes);
        tally.bytes += bytes;
        tally.newest = Some(Newest {
            number,
            sent_at: packet.sent_at,
            stamp: packet.stamp,
            app_limited: packet.app_limited,
        });
    }

    /// A packet in flight on this path is given up; the event that its loss belongs to.
    pub(super) fn on_lost(
        &mut self,
        now: Instant,
        number: u64,
        packet: &Packet,
        continues_run: bool,
    ) -> u32 {
        let bytes = u64::from(packet.bytes);
        self.rate.on_lost(bytes);
        if self.event.id == 0 || packet.sent_at > self.event.began_at {
            self.begin_event(now);
        }
        self.event.believed += 1;
        self.controller.on_lost(&Lost {
            now,
            packet_number: number,
            bytes,
            sent_at: packet.sent_at,
            sent_in_flight: packet.stamp.in_flight,
            prior_delivered: packet.stamp.delivered,
            prior_lost: packet.stamp.lost,
            app_limited: packet.app_limited,
            bytes_in_flight: self.bytes_in_flight,
            lost: self.rate.lost(),
            continues_run,
        });
        self.event.id
    }

    fn begin_event(&mut self, now: Instant) {
        if self.event.id != 0 && !self.event.spurious {
            self.reordering.on_clean_event();
        }
        self.event = LossEvent {
            id: self.event.id.wrapping_add(1).max(1),
            began_at: now,
            believed: 0,
            spurious: false,
        };
    }

    /// A packet in flight on this path, given up before, has arrived.
    pub(super) fn on_spurious_loss(
        &mut self,
        now: Instant,
        record: &super::late::Record,
        distance: u64,
    ) {
        let Some(event) = record.event else {
            return;
        };
        let bytes = u64::from(record.bytes);
        self.rate.on_delivered(now, bytes);
        self.reordering.on_spurious(now, distance, &self.rtt);
        let current = event == self.event.id;
        if current {
            self.event.spurious = true;
            self.event.believed = self.event.believed.saturating_sub(1);
        }
        self.controller.on_spurious_loss(&SpuriousLoss {
            now,
            packet_number: record.number,
            bytes,
            sent_at: record.sent_at,
            whole_event: current && self.event.believed == 0,
        });
    }

    pub(super) fn on_persistent_congestion(&mut self, now: Instant) {
        self.rtt.on_persistent_congestion();
        self.controller.on_persistent_congestion(now);
    }

    /// The end of an ACK frame: the controller hears of it once.
    pub(super) fn on_acknowledged(
        &mut self,
        now: Instant,
        tally: &Tally,
        rtt: Option<Duration>,
        lost_bytes: u64,
        ecn_marked: u64,
    ) {
        let Some(newest) = &tally.newest else {
            return;
        };
        let rate = self
            .rate
            .sample(now, tally.arrived_at, newest, self.rtt.min());
        self.controller.on_acknowledged(&Acknowledged {
            now,
            bytes: tally.bytes,
            lost_bytes,
            prior_in_flight: tally.prior_in_flight,
            bytes_in_flight: self.bytes_in_flight,
            largest: newest.number,
            largest_sent_at: newest.sent_at,
            rtt,
            smoothed_rtt: self.rtt.smoothed(),
            delivered: self.rate.delivered(),
            lost: self.rate.lost(),
            rate,
            ecn_marked,
            app_limited: tally.app_limited,
        });
    }
}
