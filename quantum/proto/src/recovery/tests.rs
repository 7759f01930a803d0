//! A connection's recovery against a controller that writes down what it hears.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::carried::Carried;
use crate::congestion::{Acknowledged, Lost, RateSample, Sent, SpuriousLoss};
use crate::error::TransportError;

mod hostile;
mod link;
mod loss;
mod model;
mod paths;
mod probe;
mod rate;
mod rtt;
mod spurious;

const MS: Duration = Duration::from_millis(1);
const INITIAL_RTT: Duration = Duration::from_millis(100);
const MAX_ACK_DELAY: Duration = Duration::from_millis(25);
const BYTES: u16 = 1_000;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

#[derive(Clone, Copy, Debug)]
enum Heard {
    Sent(Sent),
    Acknowledged(Acknowledged),
    Lost(Lost),
    Persistent,
    Spurious(SpuriousLoss),
}

type Log = Arc<Mutex<Vec<Heard>>>;

/// A fixed window, and a diary.
#[derive(Debug)]
struct Diary {
    window: u64,
    log: Log,
}

impl Diary {
    fn write(&self, heard: Heard) {
        self.log.lock().unwrap().push(heard);
    }
}

impl Controller for Diary {
    fn on_sent(&mut self, sent: &Sent) {
        self.write(Heard::Sent(*sent));
    }

    fn on_acknowledged(&mut self, acknowledged: &Acknowledged) {
        self.write(Heard::Acknowledged(*acknowledged));
    }

    fn on_lost(&mut self, lost: &Lost) {
        self.write(Heard::Lost(*lost));
    }

    fn on_persistent_congestion(&mut self, _: Instant) {
        self.write(Heard::Persistent);
    }

    fn on_spurious_loss(&mut self, spurious: &SpuriousLoss) {
        self.write(Heard::Spurious(*spurious));
    }

    fn on_datagram_size(&mut self, _: u16) {}

    fn limits(&self) -> SendLimits {
        SendLimits {
            window: self.window,
            pacing_rate: None,
            quantum: 2 * u64::from(BYTES),
        }
    }
}

/// Recovery, a diary of its controller, and what the last call brought about.
struct Bench {
    recovery: Recovery,
    log: Log,
    outcome: Outcome,
    random: StdRng,
    /// Packets that ECN validation was told of.
    ect0_reported: u64,
    ecn_marked: u64,
    facts: HandshakeFacts,
}

impl Bench {
    /// A server whose handshake is confirmed.
    fn new() -> Self {
        let mut bench = Self::handshaking(Side::Server);
        bench.recovery.on_handshake_confirmed();
        bench
    }

    fn handshaking(side: Side) -> Self {
        let log = Log::default();
        let controller = controller(&log, 1_000_000_000);
        Self {
            recovery: Recovery::new(at(0), side, INITIAL_RTT, MAX_ACK_DELAY, BYTES, controller),
            log,
            outcome: Outcome::default(),
            random: StdRng::seed_from_u64(1),
            ect0_reported: 0,
            ecn_marked: 0,
            facts: HandshakeFacts::default(),
        }
    }

    /// A server that measured a round trip of exactly 100 ms with packet 0, and nothing since.
    fn measured() -> Self {
        let mut bench = Self::new();
        bench.send(0, 1);
        bench.ack(100, [0..=0]);
        bench.hush();
        bench
    }

    fn send(&mut self, ms: u64, count: usize) {
        (0..count).for_each(|_| self.send_in(ms, SpaceId::Data, |_| {}));
    }

    /// Sends the next number (no skips) of `space` after `change`.
    fn send_in(&mut self, ms: u64, space: SpaceId, change: impl FnOnce(&mut SentPacket)) {
        let number = self.recovery.spaces[space].next_number;
        let mut packet = packet(number);
        change(&mut packet);
        self.recovery.on_sent(at(ms), space, packet);
    }

    fn ack<const N: usize>(&mut self, ms: u64, ranges: [RangeInclusive<u64>; N]) {
        self.ack_in(ms, SpaceId::Data, Duration::ZERO, &ranges)
            .unwrap();
    }

    /// An ACK frame with these ranges, newest first.
    fn ack_in(
        &mut self,
        ms: u64,
        space: SpaceId,
        delay: Duration,
        ranges: &[RangeInclusive<u64>],
    ) -> Result<(), TransportError> {
        self.recovery.ranges.clear();
        self.recovery.ranges.extend_from_slice(ranges);
        let report = EcnReport {
            space,
            ect0_acknowledged: 0,
            counts: None,
        };
        let (reported, marked) = (&mut self.ect0_reported, self.ecn_marked);
        let mut ecn = |report: &EcnReport| {
            *reported += report.ect0_acknowledged;
            marked
        };
        self.recovery
            .acknowledge(at(ms), report, Some(delay), &mut ecn, &mut self.outcome)
    }

    fn timeout(&self) -> Option<Instant> {
        self.recovery.timeout(&self.facts)
    }

    fn fire(&mut self, ms: u64) -> TimerAction {
        self.recovery
            .on_timeout(at(ms), &self.facts, &mut self.outcome)
    }

    fn lost(&self) -> Vec<u64> {
        self.outcome.lost.iter().map(|lost| lost.number).collect()
    }

    fn delivered(&self) -> Vec<u64> {
        self.outcome
            .delivered
            .iter()
            .map(|packet| packet.number)
            .collect()
    }

    fn hush(&mut self) {
        self.log.lock().unwrap().clear();
    }

    fn heard(&self) -> Vec<Heard> {
        self.log.lock().unwrap().clone()
    }

    fn acknowledged(&self) -> Vec<Acknowledged> {
        let pick = |heard: &Heard| match heard {
            Heard::Acknowledged(acknowledged) => Some(*acknowledged),
            _ => None,
        };
        self.heard().iter().filter_map(pick).collect()
    }

    fn losses(&self) -> Vec<Lost> {
        let pick = |heard: &Heard| match heard {
            Heard::Lost(lost) => Some(*lost),
            _ => None,
        };
        self.heard().iter().filter_map(pick).collect()
    }

    fn spurious(&self) -> Vec<SpuriousLoss> {
        let pick = |heard: &Heard| match heard {
            Heard::Spurious(spurious) => Some(*spurious),
            _ => None,
        };
        self.heard().iter().filter_map(pick).collect()
    }

    fn persistent(&self) -> usize {
        let is_persistent = |heard: &&Heard| matches!(heard, Heard::Persistent);
        self.heard().iter().filter(is_persistent).count()
    }

    fn sample(&self) -> RateSample {
        self.acknowledged().last().unwrap().rate.unwrap()
    }
}

fn controller(log: &Log, window: u64) -> Box<dyn Controller> {
    Box::new(Diary {
        window,
        log: Arc::clone(log),
    })
}

fn packet(number: u64) -> SentPacket {
    SentPacket {
        number,
        bytes: BYTES,
        ack_eliciting: true,
        in_flight: true,
        mtu_probe: false,
        ect0: false,
        contents: Contents::from_iter([carried(number)]),
    }
}

fn bare_ack(packet: &mut SentPacket) {
    packet.ack_eliciting = false;
    packet.in_flight = false;
    packet.contents = Contents::from_iter([Carried::Ack { largest: 0 }]);
}

fn carried(start: u64) -> Carried {
    Carried::Crypto { start, length: 1 }
}

#[test]
fn a_packet_in_memory_stays_small() {
    assert!(std::mem::size_of::<Packet>() <= 128);
}

#[test]
fn an_idle_space_holds_next_to_nothing() {
    let mut bench = Bench::new();
    bench.send(0, 10_000);
    bench.ack(100, [0..=9_999]);
    let space = &bench.recovery.spaces[SpaceId::Data];
    assert_eq!(space.sent.len(), 0);
    assert!(space.sent.capacity() <= 8);
}

#[test]
fn a_side_that_only_acknowledges_remembers_little() {
    let mut bench = Bench::new();
    (0..10_000).for_each(|_| bench.send_in(0, SpaceId::Data, bare_ack));
    let space = &bench.recovery.spaces[SpaceId::Data];
    assert!(space.sent.len() <= 256);
    assert_eq!(bench.recovery.unanswered(SpaceId::Data), 10_000);
    assert_eq!(bench.timeout(), None);
    bench.send(0, 1);
    assert_eq!(bench.recovery.unanswered(SpaceId::Data), 0);
}
