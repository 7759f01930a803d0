//! Packets sent and not yet settled, by packet number.

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
    /// Settled. Every number up to `next` (exclusive) is gone too: a range that the peer repeats in
    /// each ACK frame is crossed in one step.
    Gone {
        acknowledged: bool,
        next: u64,
    },
}

/// The packets of one number space that are outstanding, and traces of those between them.
///
/// A peer may keep one packet outstanding for as long as it likes and have us acknowledge what it
/// sends meanwhile: so what is gone, and acknowledgements that nothing asked for, do not take room
/// for each of them for ever.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    /// By rising number.
    slots: VecDeque<(u64, Slot)>,
    /// Outstanding packets that are in flight.
    in_flight: usize,
}

impl SentPackets {
    /// Adds a packet; numbers only rise.
    pub(crate) fn push(&mut self, number: u64, packet: Packet) {
        if self.slots.capacity() == 0 && !packet.ack_eliciting {
            // The last word of a conversation, perhaps: it stays for long.
            self.slots.reserve_exact(1);
        }
        self.in_flight += usize::from(packet.in_flight);
        self.slots.push_back((number, Slot::Outstanding(packet)));
        if self.slots.len() > SPARSE * (self.in_flight + BARE_MAX) {
            self.compact();
        }
    }

    /// Takes out the outstanding packets of `range`, in rising order. True if the front of the
    /// queue moved past an acknowledged packet.
    pub(crate) fn acknowledge(
        &mut self,
        range: &RangeInclusive<u64>,
        mut each: impl FnMut(u64, Packet),
    ) -> bool {
        if self
            .slots
            .front()
            .is_none_or(|(first, _)| range.start() > first)
        {
            self.acknowledge_inside(range, each);
            return false;
        }
        let mut moved = false;
        while let Some((number, _)) = self.slots.front()
            && number <= range.end()
        {
            moved = true;
            if let Some((number, Slot::Outstanding(packet))) = self.slots.pop_front() {
                self.in_flight -= usize::from(packet.in_flight);
                each(number, packet);
            }
        }
        moved
    }

    fn acknowledge_inside(
        &mut self,
        range: &RangeInclusive<u64>,
        mut each: impl FnMut(u64, Packet),
    ) {
        let after = range.end().saturating_add(1);
        let mut at = self.position(*range.start());
        while let Some((number, slot)) = self.slots.get_mut(at).filter(|(n, _)| *n < after) {
            let (known_next, acknowledged) = match slot {
                Slot::Outstanding(_) => (*number + 1, true),
                Slot::Gone { next, acknowledged } => (*next, *acknowledged),
            };
            let gone = Slot::Gone {
                acknowledged,
                next: known_next.max(after),
            };
            if let Slot::Outstanding(packet) = std::mem::replace(slot, gone) {
                self.in_flight -= usize::from(packet.in_flight);
                each(*number, packet);
                at += 1;
            } else {
                at = self.position(known_next).max(at + 1);
            }
        }
    }

    /// Where the first slot is whose number is not below `number`.
    fn position(&self, number: u64) -> usize {
        self.slots.partition_point(|(at, _)| *at < number)
    }

    /// Forgets all but the newest packets that are not in flight, and leaves one trace of those that
    /// are gone between two others.
    fn compact(&mut self) {
        let is_bare = |slot: &Slot| matches!(slot, Slot::Outstanding(packet) if !packet.in_flight);
        let bare = self.slots.iter().filter(|(_, slot)| is_bare(slot)).count();
        let mut forgotten = bare.saturating_sub(BARE_MAX);
        let mut kept: VecDeque<(u64, Slot)> = VecDeque::with_capacity(self.in_flight + BARE_MAX);
        for (number, slot) in self.slots.drain(..) {
            let is_forgotten = forgotten > 0 && is_bare(&slot);
            forgotten -= usize::from(is_forgotten);
            let slot = match slot {
                Slot::Outstanding(_) if is_forgotten => Slot::Gone {
                    acknowledged: false,
                    next: number + 1,
                },
                slot => slot,
            };
            match (kept.back_mut().map(|(_, slot)| slot), slot) {
                (
                    Some(Slot::Gone { acknowledged, next }),
                    Slot::Gone {
                        acknowledged: also,
                        next: further,
                    },
                ) => {
                    *acknowledged |= also;
                    *next = further.max(*next);
                }
                (_, slot) => kept.push_back((number, slot)),
            }
        }
        self.slots = kept;
    }

    /// Drops what is gone from the front. True if an acknowledged packet was among it.
    pub(crate) fn trim(&mut self) -> bool {
        let mut passed_acknowledged = false;
        while let Some((_, Slot::Gone { acknowledged, .. })) = self.slots.front() {
            passed_acknowledged |= acknowledged;
            self.slots.pop_front();
        }
        passed_acknowledged
    }

    /// The oldest outstanding packet, if the queue is trimmed.
    pub(crate) fn oldest(&self) -> Option<(u64, &Packet)> {
        match self.slots.front()? {
            (number, Slot::Outstanding(packet)) => Some((*number, packet)),
            (_, Slot::Gone { .. }) => None,
        }
    }

    /// Takes the oldest outstanding packet out.
    pub(crate) fn pop_oldest(&mut self) -> Option<(u64, Packet)> {
        self.oldest()?;
        match self.slots.pop_front()? {
            (number, Slot::Outstanding(packet)) => {
                self.in_flight -= usize::from(packet.in_flight);
                Some((number, packet))
            }
            (_, Slot::Gone { .. }) => None,
        }
    }

    /// Outstanding packets, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Packet)> {
        self.slots.iter().filter_map(|(number, slot)| match slot {
            Slot::Outstanding(packet) => Some((*number, packet)),
            Slot::Gone { .. } => None,
        })
    }

    /// What an outstanding packet carries.
    pub(crate) fn contents_mut(&mut self, number: u64) -> Option<&mut Contents> {
        let at = self.position(number);
        match self.slots.get_mut(at)? {
            (found, Slot::Outstanding(packet)) if *found == number => Some(&mut packet.contents),
            _ => None,
        }
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
        self.in_flight = 0;
        let slots = std::mem::take(&mut self.slots);
        slots.into_iter().filter_map(|(number, slot)| match slot {
            Slot::Outstanding(packet) => Some((number, packet)),
            Slot::Gone { .. } => None,
        })
    }

    /// Keeps no memory for more packets than there are.
    pub(crate) fn release(&mut self) {
        self.slots.shrink_to_fit();
    }
}

/// Packets that are not in flight and are kept: a side that only receives sends nothing else, and
/// nothing may ever acknowledge them.
pub(super) const BARE_MAX: usize = 128;

/// Slots are tidied up when there are so many times as many as are needed. Twice as many may be left,
/// as there may be a trace between any two packets: less than three would tidy up all the time.
const SPARSE: usize = 3;

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
        while let Some((number, slot)) = sent.slots.get(sent.position(at))
            && number <= range.end()
        {
            looks += 1;
            at = match slot {
                Slot::Outstanding(_) => number + 1,
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

    /// A packet of acknowledgements alone.
    fn bare(sent: &SentPackets) -> Packet {
        Packet {
            ack_eliciting: false,
            in_flight: false,
            ..sent.oldest().unwrap().1.clone()
        }
    }

    #[test]
    fn acknowledgements_behind_a_packet_that_stays_outstanding_are_forgotten() {
        let mut sent = sent(3);
        let packet = bare(&sent);
        (3..100_000).for_each(|number| sent.push(number, packet.clone()));
        assert!(sent.len() <= SPARSE * (3 + BARE_MAX), "{}", sent.len());
        let mut taken = Vec::new();
        sent.acknowledge(&(1..=99_999), |number, _| taken.push(number));
        assert_eq!(taken[..2], [1, 2]);
        let newest = 100_000 - BARE_MAX as u64..100_000;
        assert!(newest.into_iter().all(|number| taken.contains(&number)));
        assert_eq!(
            sent.iter().map(|(number, _)| number).collect::<Vec<_>>(),
            [0]
        );
    }

    #[test]
    fn what_is_gone_behind_a_packet_that_stays_outstanding_takes_little_room() {
        let mut sent = sent(1);
        let packet = sent.oldest().unwrap().1.clone();
        for number in 1..100_000 {
            sent.push(number, packet.clone());
            sent.acknowledge(&(1..=number), |_, _| {});
        }
        assert!(sent.len() <= SPARSE * (2 + BARE_MAX), "{}", sent.len());
        assert_eq!(sent.pop_oldest().unwrap().0, 0);
        assert!(sent.trim(), "an acknowledged packet was passed");
        assert_eq!(sent.len(), 0);
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
