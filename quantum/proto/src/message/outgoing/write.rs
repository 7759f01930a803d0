//! Messages in packets.

use std::ops::Range;

use super::super::clock::TIMESTAMP_BYTES_MAX;
use super::super::outlook::Outlook;
use super::entry::{End, Entry};
use super::{Begun, Outgoing, first_of};
use crate::carried::{Carried, PacketBuffer};
use crate::frame::{self, MessageHeader, reset_reason};
use crate::urgency::Urgency;

impl Outgoing {
    pub(in crate::message) fn has_pending(&self) -> bool {
        !self.resets.is_empty() || self.next().is_some()
    }

    /// The most urgent that can be sent now, and whether it has been begun.
    pub(in crate::message) fn next(&self) -> Option<(Urgency, Begun)> {
        let begun = self
            .begun
            .first()
            .map(|&(urgency, _)| (urgency, Begun::Yes));
        let new = self.next_new().map(|urgency| (urgency, Begun::No));
        // What has been begun goes first.
        begun.into_iter().chain(new).min()
    }

    /// The least urgent that can be sent now.
    pub(in crate::message) fn last(&self) -> Option<Urgency> {
        let begun = self.begun.last().map(|&(urgency, _)| urgency);
        let new = self.next_new().and(self.new.last());
        begun.max(new.map(|&(urgency, _)| urgency))
    }

    /// The urgency of the first that is not begun, if there is credit for it. If not, those behind it
    /// wait as well: they would take what it waits for.
    fn next_new(&self) -> Option<Urgency> {
        let (urgency, number) = self.new.first()?;
        let entry = self.messages.get(number)?;
        self.can_afford(entry).then_some(*urgency)
    }

    fn can_afford(&self, entry: &Entry) -> bool {
        // With nothing under way no credit is on its way either: then nothing may be held back.
        let under_way = self.messages.len() > self.new.len();
        let reserve = if under_way {
            entry.urgency.reserve(self.first_credit)
        } else {
            0
        };
        self.credit.available() >= entry.cost().saturating_add(reserve)
    }

    /// Writes a frame of the first message of this urgency, or gives it up. False: the packet is
    /// full.
    pub(in crate::message) fn write_next(
        &mut self,
        urgency: Urgency,
        outlook: &Outlook,
        packet: &mut PacketBuffer<'_>,
    ) -> bool {
        let begun = first_of(&self.begun, urgency);
        let Some(number) = begun.or_else(|| first_of(&self.new, urgency)) else {
            return false;
        };
        let Some(entry) = self.messages.get(&number) else {
            return false;
        };
        if entry.is_hopeless(outlook) {
            self.expire_one(number);
            return true;
        }
        if entry.waits_for_room(packet) {
            return false;
        }
        let has_deadline = entry.has_deadline();
        let stamp = if has_deadline {
            TIMESTAMP_BYTES_MAX + 8
        } else {
            0
        };
        if packet.remaining() < FRAME_BYTES_MIN + stamp
            || (begun.is_none() && !self.can_afford(entry))
            || (has_deadline && !self.clock.write(outlook.now, packet))
        {
            return false;
        }
        if begun.is_none() {
            self.begin(number, urgency);
        }
        self.write_some(number, outlook, packet);
        true
    }

    /// It gets its number on the wire, and pays.
    fn begin(&mut self, number: u64, urgency: Urgency) {
        let Some(entry) = self.messages.get_mut(&number) else {
            return;
        };
        self.credit.spend(entry.cost());
        entry.id = Some(self.next_id);
        self.next_id += 1;
        self.new.remove(&(urgency, number));
        self.begun.insert((urgency, number));
    }

    /// What was lost goes before what is new.
    fn write_some(&mut self, number: u64, outlook: &Outlook, packet: &mut PacketBuffer<'_>) {
        let Some(entry) = self.messages.get_mut(&number) else {
            return;
        };
        let size = entry.size();
        if let Some(lost) = entry.lost.first() {
            let range = lost.start..lost.end.min(size);
            let written = write_frame(number, entry, range, outlook, packet);
            // The one byte that stands for an empty message.
            let end = written.end.max(written.start + 1);
            entry.lost.remove(written.start..end);
            self.repeated += written.end - written.start;
        } else {
            entry.sent = write_frame(number, entry, entry.sent..size, outlook, packet).end;
        }
        if !entry.is_unsent() {
            self.begun.remove(&(entry.urgency, number));
        }
    }

    pub(in crate::message) fn write_resets(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= FRAME_BYTES_MIN
            && let Some(number) = self.resets.pop_front()
        {
            let Some(entry) = self.messages.get(&number) else {
                continue;
            };
            if let (Some(id), Some(end)) = (entry.id, entry.end) {
                let reason = match end {
                    End::GivenUp => reset_reason::LOST,
                    End::Expired => reset_reason::EXPIRED,
                };
                frame::write_reset_message(packet.buffer, id, entry.size(), reason);
                packet.contents.push(Carried::ResetMessage { number });
            }
        }
    }

    /// Tells the peer, once for each limit, that its credit holds us up.
    pub(in crate::message) fn tell_blocked(&mut self, packet: &mut PacketBuffer<'_>) {
        let limit = self.credit.limit();
        let told = self.blocked_told == Some(limit);
        let is_blocked = !self.new.is_empty() && self.next_new().is_none();
        if !told && is_blocked && packet.remaining() >= FRAME_BYTES_MIN {
            self.blocked_told = Some(limit);
            frame::write_message_data_blocked(packet.buffer, limit);
            packet.contents.push(Carried::Blocked);
        }
    }
}

/// Writes as much of `range` as fits, and says what.
fn write_frame(
    number: u64,
    entry: &Entry,
    range: Range<u64>,
    outlook: &Outlook,
    packet: &mut PacketBuffer<'_>,
) -> Range<u64> {
    let wanted = range.end - range.start;
    let mut header = MessageHeader {
        id: entry.id.unwrap_or_default(),
        size: entry.size(),
        reliable: entry.reliable,
        offset: range.start,
        slack: entry.has_deadline().then(|| outlook.slack(entry.deadline)),
        length: None,
    };
    let room = packet.remaining().saturating_sub(header.bytes()) as u64;
    let length = if wanted >= room && !packet.more {
        room
    } else {
        // Others may follow.
        header.length = Some(wanted as usize);
        let room = packet.remaining().saturating_sub(header.bytes()) as u64;
        header.length = Some(wanted.min(room) as usize);
        wanted.min(room)
    };
    header.write(packet.buffer);
    let end = range.start + length;
    let data = entry.data.get(range.start as usize..end as usize);
    packet.buffer.extend_from_slice(data.unwrap_or_default());
    packet.contents.push(Carried::Message {
        number,
        start: range.start as u32,
        length: length as u32,
    });
    range.start..end
}

/// Less is not worth a MESSAGE frame: type, id, size, offset, length, and some data.
pub(super) const FRAME_BYTES_MIN: usize = 2 + 8 + 4 + 4 + 2 + 12;
