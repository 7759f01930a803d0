//! Packets sent and not yet settled, dense by packet number.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::rate::RateStamp;
use crate::carried::Contents;
use crate::time::Instant;

/// A packet that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) sent_at: Instant,
    pub(crate) stamp: RateStamp,
    pub(crate) contents: Contents,
    /// The path it left on, so that it speaks only for that one.
    pub(crate) path: u32,
    pub(crate) bytes: u16,
    pub(crate) ack_eliciting: bool,
    pub(crate) in_flight: bool,
    pub(crate) mtu_probe: bool,
    pub(crate) ect0: bool,
    pub(crate) app_limited: bool,
}

#[derive(Debug)]
enum Slot {
    Outstanding(Packet),
    /// Settled, or never sent. Every number up to `next` (exclusive) is gone too: a range that
    /// the peer repeats in each ACK frame is crossed in one step.
    Gone {
        acknowledged: bool,
        next: u64,
    },
}

/// The packets of one number space that are outstanding.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    /// Number of the first slot.
    base: u64,
    slots: VecDeque<Slot>,
}

impl SentPackets {
    /// Adds a packet; numbers only rise, those left out are skipped.
    pub(crate) fn push(&mut self, number: u64, packet: Packet) {
        if self.slots.is_empty() {
            self.base = number;
        }
        while self.end() < number {
            let next = self.end() + 1;
            self.slots.push_back(Slot::Gone {
                acknowledged: false,
                next,
            });
        }
        if self.slots.capacity() == 0 && !packet.ack_eliciting {
            // The last word of a conversation, perhaps: it stays for long.
            self.slots.reserve_exact(1);
        }
        self.slots.push_back(Slot::Outstanding(packet));
    }

    /// Takes out the outstanding packets of `range`, in rising order. True if the front of the
    /// queue moved past an acknowledged packet.
    pub(crate) fn acknowledge(
        &mut self,
        range: &RangeInclusive<u64>,
        mut each: impl FnMut(u64, Packet),
    ) -> bool {
        let end = range.end().saturating_add(1).min(self.end());
        let mut at = (*range.start()).max(self.base);
        if at >= end {
            return false;
        }
        if at > self.base {
            self.acknowledge_inside(at, end, each);
            return false;
        }
        while at < end {
            if let Some(Slot::Outstanding(packet)) = self.slots.pop_front() {
                each(at, packet);
            }
            at += 1;
        }
        self.base = end;
        true
    }

    fn acknowledge_inside(&mut self, start: u64, end: u64, mut each: impl FnMut(u64, Packet)) {
        let mut at = start;
        while at < end {
            let Some(slot) = slot_mut(&mut self.slots, self.base, at) else {
                return;
            };
            let (next, acknowledged) = match slot {
                Slot::Outstanding(_) => (at + 1, true),
                Slot::Gone { next, acknowledged } => (*next, *acknowledged),
            };
            let gone = Slot::Gone {
                acknowledged,
                next: next.max(end),
            };
            if let Slot::Outstanding(packet) = std::mem::replace(slot, gone) {
                each(at, packet);
            }
            at = next;
        }
    }

    /// Drops what is gone from the front. True if an acknowledged packet was among it.
    pub(crate) fn trim(&mut self) -> bool {
        let mut passed_acknowledged = false;
        while let Some(Slot::Gone { acknowledged, .. }) = self.slots.front() {
            passed_acknowledged |= acknowledged;
            self.slots.pop_front();
            self.base += 1;
        }
        passed_acknowledged
    }

    /// The oldest outstanding packet, if the queue is trimmed.
    pub(crate) fn oldest(&self) -> Option<(u64, &Packet)> {
        match self.slots.front()? {
            Slot::Outstanding(packet) => Some((self.base, packet)),
            Slot::Gone { .. } => None,
        }
    }

    /// Takes the oldest outstanding packet out.
    pub(crate) fn pop_oldest(&mut self) -> Option<(u64, Packet)> {
        self.oldest()?;
        match self.slots.pop_front()? {
            Slot::Outstanding(packet) => {
                self.base += 1;
                Some((self.base - 1, packet))
            }
            Slot::Gone { .. } => None,
        }
    }

    /// Outstanding packets, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Packet)> {
        (self.base..)
            .zip(&self.slots)
            .filter_map(|(number, slot)| match slot {
                Slot::Outstanding(packet) => Some((number, packet)),
                Slot::Gone { .. } => None,
            })
    }

    /// Slots in use, outstanding or not.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Slots for which there is memory.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u64, Packet)> + use<> {
        let base = self.base;
        self.base = self.end();
        (base..)
            .zip(std::mem::take(&mut self.slots))
            .filter_map(|(number, slot)| match slot {
                Slot::Outstanding(packet) => Some((number, packet)),
                Slot::Gone { .. } => None,
            })
    }

    fn end(&self) -> u64 {
        self.base.saturating_add(self.slots.len() as u64)
    }

    /// Keeps no memory for more packets than there are.
    pub(crate) fn release(&mut self) {
        self.slots.shrink_to_fit();
    }
}

fn slot_mut(slots: &mut VecDeque<Slot>, base: u64, number: u64) -> Option<&mut Slot> {
    let index = usize::try_from(number.checked_sub(base)?).ok()?;
    slots.get_mut(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(count: u64) -> SentPackets {
        let mut sent = SentPackets::default();
        for number in 0..count {
            sent.push(
                number,
                Packet {
                    sent_at: Instant::ORIGIN,
                    stamp: RateStamp::default(),
                    contents: Contents::new(),
                    path: 0,
                    bytes: 1,
                    ack_eliciting: true,
                    in_flight: true,
                    mtu_probe: false,
                    ect0: false,
                    app_limited: false,
                },
            );
        }
        sent
    }

    /// Slots that a frame with `range` has to look at.
    fn looks(sent: &SentPackets, range: RangeInclusive<u64>) -> usize {
        let (mut at, mut looks) = (*range.start(), 0);
        while at <= *range.end() {
            looks += 1;
            let index = usize::try_from(at - sent.base).unwrap();
            at = match &sent.slots[index] {
                Slot::Outstanding(_) => at + 1,
                Slot::Gone { next, .. } => *next,
            };
        }
        looks
    }

    #[test]
    fn a_range_that_grows_behind_a_hole_costs_only_what_is_new() {
        let mut sent = sent(10_000);
        for end in (10..10_000).step_by(10) {
            assert!(looks(&sent, 1..=end) <= 12, "{}", looks(&sent, 1..=end));
            sent.acknowledge(&(1..=end), |_, _| {});
        }
    }

    #[test]
    fn filled_holes_join_their_neighbours() {
        let mut sent = sent(1_000);
        sent.acknowledge(&(1..=499), |_, _| {});
        sent.acknowledge(&(501..=999), |_, _| {});
        let mut taken = Vec::new();
        sent.acknowledge(&(1..=999), |number, _| taken.push(number));
        assert_eq!(taken, [500]);
        assert_eq!(looks(&sent, 1..=999), 1);
    }

    #[test]
    fn skipped_numbers_are_passed_over() {
        let mut sent = sent(3);
        let packet = sent.oldest().unwrap().1.clone();
        sent.push(10, packet);
        let mut taken = Vec::new();
        sent.acknowledge(&(1..=10), |number, _| taken.push(number));
        assert_eq!(taken, [1, 2, 10]);
        assert_eq!(sent.pop_oldest().unwrap().0, 0);
        assert!(sent.trim());
        assert_eq!(sent.len(), 0);
    }
}
