use std::time::Duration;

use proptest::prelude::*;

use crate::fec::{Conditions, LossEstimate, Sender, WINDOW_MAX};
use crate::frame::{Frame, Frames};
use crate::time::Instant;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Headers of IPv4 and UDP.
const DATAGRAM: usize = 20 + 8;

/// These, a short header and a tag: what a packet for a repair alone costs beside it.
const ALONE: usize = DATAGRAM + 1 + 8 + 2 + 16;

/// What may be spent before anything was earned.
const ADVANCE: usize = 3_000;

/// A path that loses `burst` packets of each `nth`.
fn losing(nth: u64, burst: u64) -> LossEstimate {
    let mut loss = LossEstimate::default();
    for number in 1..=2_000 {
        if number % nth < burst {
            loss.on_lost(number);
        } else {
            loss.on_delivered();
        }
    }
    loss
}

/// A repair that left.
#[derive(Clone, Copy, Debug)]
struct Repair {
    /// After the newest packet that carried data.
    after: Duration,
    /// In a packet of its own.
    alone: bool,
    packets: u32,
}

/// What an application sends, and what its packets cost with their repairs.
struct Flow {
    sender: Sender,
    conditions: Conditions,
    number: u64,
    newest_at: Instant,
    repairs: Vec<Repair>,
    bytes: usize,
    repair_bytes: usize,
}

impl Flow {
    fn new(loss: LossEstimate, smoothed_rtt: Duration) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        Self {
            sender: Sender::new(now),
            conditions: Conditions {
                now,
                loss,
                smoothed_rtt,
                acknowledged_within: smoothed_rtt + ms(2),
                acknowledged_after: (1, ms(0)),
                symbols_max: WINDOW_MAX,
                has_more: false,
            },
            number: 0,
            newest_at: now,
            repairs: Vec::new(),
            bytes: 0,
            repair_bytes: 0,
        }
    }

    /// Lets time pass; repairs that are due leave.
    fn wait(&mut self, gap: Duration) {
        let end = self.conditions.now + gap;
        while let Some(at) = self.sender.due_at().filter(|at| *at <= end) {
            self.conditions.now = self.conditions.now.max(at);
            assert!(self.sender.is_due(self.conditions.now));
            let due = self.repair(false, 1_200);
            assert!(
                due || self.sender.due_at().is_none_or(|next| next > at),
                "it spins"
            );
        }
        self.conditions.now = end;
    }

    /// The next packet; says whether it carries a repair.
    fn repair(&mut self, source: bool, room: usize) -> bool {
        self.number += 1;
        let (now, mut frame) = (self.conditions.now, Vec::new());
        let wrote = self
            .sender
            .write(now, self.number, source, room, &mut frame);
        assert_eq!(wrote, !frame.is_empty());
        assert!(frame.len() <= room);
        if let Some(Ok(Frame::Repair(repair))) = Frames::new(&frame).next() {
            self.repair_bytes += frame.len() + if source { 0 } else { ALONE };
            self.repairs.push(Repair {
                after: now.since(self.newest_at),
                alone: !source,
                packets: repair.packets(),
            });
        }
        wrote
    }

    /// A packet of `bytes` after `gap`.
    fn send(&mut self, gap: Duration, bytes: usize, has_more: bool) {
        self.wait(gap);
        self.conditions.has_more = has_more;
        self.repair(true, 1_200 - bytes);
        let symbol = vec![7; bytes - 30];
        let conditions = self.conditions;
        self.newest_at = conditions.now;
        self.bytes += bytes + DATAGRAM;
        self.sender
            .on_source(self.number, &symbol, Instant::DISTANT, bytes, &conditions);
    }

    /// So many alike, and then nothing for long. The repairs of the second half.
    fn settled(mut self, count: usize, gap: Duration, bytes: usize) -> (Vec<Repair>, Self) {
        (0..count / 2).for_each(|_| self.send(gap, bytes, false));
        let before = self.repairs.len();
        (0..count / 2).for_each(|_| self.send(gap, bytes, false));
        self.wait(Duration::from_secs(10));
        (self.repairs.split_off(before), self)
    }

    /// The share of what is sent that repairs take, beyond the advance.
    fn share(&self) -> f64 {
        self.repair_bytes.saturating_sub(ADVANCE) as f64 / self.bytes as f64
    }
}

#[test]
fn frequent_small_packets_carry_repairs_along_and_the_last_is_followed_by_one() {
    let (repairs, flow) = Flow::new(losing(100, 1), ms(120)).settled(400, ms(10), 240);
    let (last, along) = repairs.split_last().expect("repairs");
    assert!(along.len() >= 180, "{}", along.len());
    assert!(
        along
            .iter()
            .all(|repair| !repair.alone && repair.packets <= 8)
    );
    assert!(last.alone && last.after <= ms(25), "{last:?}");
    assert!(flow.share() <= 0.98);
}

#[test]
fn rare_small_packets_are_followed_by_an_echo() {
    let (repairs, flow) = Flow::new(losing(100, 1), ms(50)).settled(200, ms(100), 240);
    assert!(repairs.len() >= 80, "{}", repairs.len());
    for echo in repairs {
        assert!(echo.alone && echo.packets <= 8, "{echo:?}");
        assert!(echo.after >= ms(2) && echo.after <= ms(15), "{echo:?}");
    }
    assert!(flow.share() <= 0.98);
}

#[test]
fn losses_in_bursts_ask_for_echoes_where_the_next_packet_would_be_lost_too() {
    let (repairs, _) = Flow::new(losing(100, 3), ms(50)).settled(400, ms(10), 240);
    assert!(repairs.len() >= 150, "{}", repairs.len());
    assert!(repairs.iter().all(|repair| repair.alone));
}

#[test]
fn in_bursts_a_packet_is_repaired_alone_when_its_acknowledgement_is_missing() {
    for loss in [losing(100, 3), losing(100, 1)] {
        let mut flow = Flow::new(loss, ms(50));
        for _ in 0..100 {
            flow.send(ms(40), 240, false);
            let arrived = flow.number - 1;
            (1..=arrived).for_each(|number| flow.sender.settle(number));
        }
        let before = flow.repairs.len();
        flow.wait(ms(45));
        let echoes = flow.repairs.len() - before;
        flow.wait(ms(1_000));
        let late = flow.repairs.len() - before - echoes;
        assert_eq!(late, usize::from(loss.is_bursty()), "{loss:?}");
    }
}

#[test]
fn what_cannot_be_paid_for_is_not_tried_again_and_again() {
    let mut flow = Flow::new(losing(100, 3), ms(50));
    // All at once, and nothing is ever acknowledged: `wait` checks that time goes on.
    (0..200).for_each(|_| flow.send(ms(0), 240, false));
    flow.wait(ms(1_000));
    assert!(flow.sender.due_at().is_none());
}

#[test]
fn media_have_a_repair_for_each_few_packets_and_more_where_more_is_lost() {
    let mut before = 0;
    for (loss, share) in [
        (losing(400, 1), 0.125),
        (losing(100, 1), 0.25),
        (losing(20, 1), 0.30),
    ] {
        let (repairs, flow) = Flow::new(loss, ms(50)).settled(2_000, ms(4), 1_040);
        assert!(repairs.len() > before, "{} {before}", repairs.len());
        before = repairs.len();
        assert!(flow.share() <= share, "{} {share}", flow.share());
        // Not much less either: the share is there to be used.
        assert!(flow.share() >= share * 0.8, "{} {share}", flow.share());
        assert!(repairs.iter().all(|repair| repair.packets <= 32));
    }
}

#[test]
fn a_full_link_has_repairs_for_the_last_packets_alone() {
    let mut flow = Flow::new(losing(100, 1), ms(50));
    (0..1_000).for_each(|_| flow.send(ms(1), 1_200, true));
    // Before it was known to be full, there may have been some.
    let before = flow.repairs.len();
    (0..1_000).for_each(|_| flow.send(ms(1), 1_200, true));
    assert_eq!(flow.repairs.len(), before);
    flow.send(ms(1), 1_170, false);
    flow.wait(Duration::from_secs(10));
    let tail = &flow.repairs[before..];
    assert_eq!(tail.len(), 2, "{tail:?}");
    assert!(
        tail.iter()
            .all(|repair| repair.alone && repair.after.is_zero())
    );
}

#[test]
fn a_clean_path_a_near_peer_and_a_broken_path_have_none() {
    for (loss, rtt, bytes) in [
        (LossEstimate::default(), ms(50), 240),
        (losing(100, 1), ms(4), 240),
        (LossEstimate::default(), ms(50), 1_040),
        (losing(100, 1), ms(19), 1_040),
        (losing(5, 1), ms(50), 1_040),
    ] {
        let mut flow = Flow::new(loss, rtt);
        // Above 256 kbit/s if the packets are large.
        (0..2_000).for_each(|_| flow.send(ms(4), bytes, false));
        let before = flow.repairs.len();
        (0..2_000).for_each(|_| flow.send(ms(4), bytes, false));
        flow.wait(Duration::from_secs(10));
        assert_eq!(flow.repairs.len(), before, "{loss:?}");
        assert!(!flow.sender.reserves_room());
        assert_eq!(flow.sender.bytes(), 0);
    }
}

#[test]
fn what_has_arrived_is_not_repaired() {
    let mut flow = Flow::new(losing(100, 1), ms(50));
    for _ in 0..100 {
        flow.send(ms(100), 240, false);
        (1..=flow.number).for_each(|number| flow.sender.settle(number));
        assert_eq!(flow.sender.due_at(), None);
    }
    assert!(flow.repairs.is_empty(), "{:?}", flow.repairs);
}

fn any_loss() -> impl Strategy<Value = LossEstimate> {
    (6_u64..500, 1_u64..4).prop_map(|(nth, burst)| losing(nth, burst))
}

proptest! {
    /// Whatever an application does, and however the path changes.
    #[test]
    fn repairs_never_cost_more_than_their_share(
        losses in prop::collection::vec(any_loss(), 1..4),
        rtt in 1_u64..400,
        steps in prop::collection::vec((0_u64..200, 100_usize..1_200, any::<bool>()), 1..20),
    ) {
        let mut flow = Flow::new(losses[0], ms(rtt));
        let bursts = losses.iter().any(|loss| loss.is_bursty());
        let share = if bursts { 112 } else { 98 };
        for round in 0..100 {
            flow.conditions.loss = losses[round % losses.len()];
            for (gap, bytes, has_more) in &steps {
                flow.send(ms(*gap), *bytes, *has_more);
                // One repair may be owed.
                let most = ADVANCE + flow.bytes * share / 100 + 1_200 + ALONE;
                prop_assert!(flow.repair_bytes <= most, "{} {most}", flow.repair_bytes);
            }
        }
        flow.wait(Duration::from_secs(10));
        prop_assert!(flow.sender.due_at().is_none());
    }
}
