//! Both sides of acknowledgement, with encoded frames and a link that loses and overtakes.

use std::collections::BTreeSet;

use rand::Rng;

use super::*;
use crate::acknowledge::{Acknowledger, RANGES_SENT_MAX};
use crate::frame::{Ack, Frame, Frames, write_ack};
use crate::transmit::EcnCodepoint;

struct Link {
    bench: Bench,
    receiver: Acknowledger,
    arrived: BTreeSet<u64>,
    /// Packets on their way: when they arrive.
    flying: BTreeSet<(u64, u64)>,
    delivered: BTreeSet<u64>,
    lost: BTreeSet<u64>,
}

impl Link {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new();
        bench.random = StdRng::seed_from_u64(seed);
        Self {
            bench,
            receiver: Acknowledger::new(SpaceId::Data, MAX_ACK_DELAY),
            arrived: BTreeSet::new(),
            flying: BTreeSet::new(),
            delivered: BTreeSet::new(),
            lost: BTreeSet::new(),
        }
    }

    fn send(&mut self, ms: u64) {
        let bench = &mut self.bench;
        let number = bench
            .recovery
            .next_packet_number(SpaceId::Data, &mut bench.random);
        let mut sent = packet(number);
        sent.ect0 = true;
        bench.recovery.on_sent(at(ms), SpaceId::Data, sent);
        let fate = bench.random.next_u64() % 100;
        let delay = if fate < 20 { 30 + fate } else { 20 };
        if fate < 95 {
            self.flying.insert((ms + delay, number));
        }
    }

    fn arrive(&mut self, ms: u64) {
        while let Some((_, number)) = self.flying.first().copied().filter(|(due, _)| *due <= ms) {
            self.flying.pop_first();
            assert!(!self.receiver.is_duplicate(number));
            self.arrived.insert(number);
            let mark = Some(EcnCodepoint::Ect0);
            self.receiver.on_received(at(ms), number, true, mark);
        }
    }

    fn answer(&mut self, ms: u64) {
        if !self.receiver.is_due(at(ms)) {
            return;
        }
        let content = self.receiver.content(at(ms)).unwrap();
        let mut buffer = Vec::new();
        write_ack(&mut buffer, content.ranges, 0, content.ecn, RANGES_SENT_MAX);
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&buffer).next() else {
            panic!("no frame");
        };
        self.receiver.on_ack_sent();
        self.hear(ms, &ack);
    }

    fn hear(&mut self, ms: u64, ack: &Ack<'_>) {
        let bench = &mut self.bench;
        let mut ecn = |report: &EcnReport| {
            bench.ect0_reported += report.ect0_acknowledged;
            assert!(bench.ect0_reported <= report.counts.unwrap().ect0);
            0
        };
        bench
            .recovery
            .on_ack(
                at(ms),
                SpaceId::Data,
                ack,
                Some(Duration::ZERO),
                &mut ecn,
                &mut bench.outcome,
            )
            .unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        for delivered in &self.bench.outcome.delivered {
            assert!(self.arrived.contains(&delivered.number));
            assert!(self.delivered.insert(delivered.number));
            assert_eq!(self.lost.remove(&delivered.number), delivered.spurious);
        }
        for lost in &self.bench.outcome.lost {
            assert!(self.lost.insert(lost.number));
        }
    }

    fn tick(&mut self, ms: u64) {
        self.arrive(ms);
        self.answer(ms);
        if self.bench.timeout().is_some_and(|due| due <= at(ms)) {
            match self.bench.fire(ms) {
                TimerAction::Probe { packets, .. } => (0..packets).for_each(|_| self.send(ms)),
                TimerAction::Lost(_) => self.settle(),
                TimerAction::Nothing => {}
            }
        }
    }
}

#[test]
fn what_arrives_is_delivered_and_what_does_not_is_lost() {
    for seed in 0..20 {
        let mut link = Link::new(seed);
        for ms in 0..1_000 {
            (0..5).for_each(|_| link.send(ms));
            link.tick(ms);
        }
        let mut ms = 1_000;
        while link.bench.recovery.is_waiting() {
            link.tick(ms);
            ms += 1;
            assert!(ms < 60_000, "probes bring every fate to light");
        }
        assert_eq!(link.bench.recovery.bytes_in_flight(), 0);
        assert_eq!(link.delivered, link.arrived);
        assert!(link.arrived.is_disjoint(&link.lost));
        assert!(!link.lost.is_empty());
    }
}
