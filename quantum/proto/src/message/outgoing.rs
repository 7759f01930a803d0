//! Messages on their way out.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;

use super::{OVERHEAD_BYTES, SendMessageError};
use crate::carried::{Carried, PacketBuffer};
use crate::frame;
use crate::range_set::RangeSet;
use crate::stats::Holdings;
use crate::stream::flow::SendCredit;

/// What has been accepted and is not settled.
#[derive(Debug)]
pub(super) struct Outgoing {
    messages: BTreeMap<u64, Message>,
    next_id: u64,
    /// Messages with lost bytes, in the order of loss.
    lost: VecDeque<u64>,
    /// Messages with bytes that were never sent: these ids and all above.
    fresh: u64,
    /// Given up; the peer has to be told.
    resets: VecDeque<u64>,
    credit: SendCredit,
    /// What the peer takes, once that is known; 0: no messages at all.
    message_bytes_max: Option<u64>,
    /// The limit at which being blocked was last told.
    blocked_told: Option<u64>,
    buffered: u64,
    window: u64,
    /// Bytes that were sent more than once.
    repeated: u64,
    /// A message was refused for lack of room.
    refused: bool,
    writable: bool,
}

/// One message.
#[derive(Debug)]
struct Message {
    data: Bytes,
    reliable: bool,
    /// Bytes that were sent once.
    sent: u64,
    /// A frame has been written: an empty message has no bytes to tell by.
    begun: bool,
    delivered: RangeSet,
    lost: RangeSet,
    /// No more of it is sent.
    given_up: bool,
}

impl Message {
    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    /// Whether some of it has never been sent, and is to be.
    fn is_incomplete(&self) -> bool {
        !self.given_up && (!self.begun || self.sent < self.size())
    }

    fn is_delivered(&self) -> bool {
        self.begun && self.delivered.covers(&(0..self.size().max(1)))
    }
}

impl Outgoing {
    pub(super) fn new(window: u64) -> Self {
        Self {
            messages: BTreeMap::new(),
            next_id: 0,
            lost: VecDeque::new(),
            fresh: 0,
            resets: VecDeque::new(),
            credit: SendCredit::default(),
            message_bytes_max: None,
            blocked_told: None,
            buffered: 0,
            window,
            repeated: 0,
            refused: false,
            writable: false,
        }
    }

    pub(super) fn set_peer_limits(&mut self, credit: u64, message_bytes_max: u64) {
        self.credit.set_limit(credit);
        self.blocked_told = None;
        // A message that the whole credit does not pay for would hold up all behind it.
        let affordable = credit.saturating_sub(OVERHEAD_BYTES);
        let bytes_max = message_bytes_max.min(affordable).min(BYTES_MAX);
        self.message_bytes_max = Some(bytes_max);
        self.wake();
    }

    pub(super) fn count(&self, held: &mut Holdings) {
        held.messages_outgoing += self.messages.len();
        let bytes = self.messages.values().map(|message| message.data.len());
        held.message_send_bytes += bytes.sum::<usize>();
    }

    pub(super) fn on_max_message_data(&mut self, bytes: u64) {
        self.credit.raise(bytes);
    }

    pub(super) fn send(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        let size = data.len() as u64;
        // Before the peer's limits are known nothing is refused for good.
        let Some(bytes_max) = self.message_bytes_max else {
            self.refused = true;
            return Err(SendMessageError::Blocked);
        };
        if size > bytes_max || bytes_max == 0 {
            let bytes = data.len();
            return Err(SendMessageError::TooLarge { bytes, bytes_max });
        }
        if self.buffered > 0 && self.buffered + size > self.window {
            self.refused = true;
            return Err(SendMessageError::Blocked);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.buffered += size + OVERHEAD_BYTES;
        let message = Message {
            data,
            reliable,
            sent: 0,
            begun: false,
            delivered: RangeSet::new(),
            lost: RangeSet::new(),
            given_up: false,
        };
        self.messages.insert(id, message);
        Ok(id)
    }

    pub(super) fn repeated_bytes(&self) -> u64 {
        self.repeated
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.resets.is_empty() || !self.lost.is_empty() || self.next_fresh().is_some()
    }

    /// The next message that has never been sent completely, if there is credit for it.
    fn next_fresh(&self) -> Option<u64> {
        let (id, message) = self.next_incomplete()?;
        self.can_afford(message).then_some(id)
    }

    /// Whether the next message waits for credit.
    fn is_blocked(&self) -> bool {
        self.next_incomplete()
            .is_some_and(|(_, message)| !self.can_afford(message))
    }

    fn next_incomplete(&self) -> Option<(u64, &Message)> {
        let mut unsent = self.messages.range(self.fresh..);
        unsent
            .find(|(_, message)| message.is_incomplete())
            .map(|(&id, message)| (id, message))
    }

    fn can_afford(&self, message: &Message) -> bool {
        message.begun || self.credit.available() >= message.size() + OVERHEAD_BYTES
    }

    /// Writes resets, then what was lost, then what is new.
    pub(super) fn write(&mut self, packet: &mut PacketBuffer<'_>) {
        if self.messages.is_empty() && self.resets.is_empty() && self.lost.is_empty() {
            return;
        }
        self.write_resets(packet);
        while packet.remaining() >= FRAME_BYTES_MIN
            && let Some(&id) = self.lost.front()
        {
            if !self.write_lost(id, packet) {
                self.lost.pop_front();
            }
        }
        while packet.remaining() >= FRAME_BYTES_MIN
            && let Some(id) = self.next_fresh()
        {
            if !self.write_fresh(id, packet) {
                return;
            }
        }
        self.tell_blocked(packet);
    }

    /// Tells the peer, once for each limit, that its credit holds us up.
    fn tell_blocked(&mut self, packet: &mut PacketBuffer<'_>) {
        let limit = self.credit.limit();
        let told = self.blocked_told == Some(limit);
        if !told && packet.remaining() >= FRAME_BYTES_MIN && self.is_blocked() {
            self.blocked_told = Some(limit);
            frame::write_message_data_blocked(packet.buffer, limit);
            packet.contents.push(Carried::Blocked);
        }
    }

    fn write_resets(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= FRAME_BYTES_MIN
            && let Some(id) = self.resets.pop_front()
        {
            if let Some(message) = self.messages.get(&id) {
                frame::write_reset_message(packet.buffer, id, message.size());
                packet.contents.push(Carried::ResetMessage { id });
            }
        }
    }

    /// Says whether anything of the message was written.
    fn write_lost(&mut self, id: u64, packet: &mut PacketBuffer<'_>) -> bool {
        let Some(message) = self
            .messages
            .get_mut(&id)
            .filter(|message| !message.given_up)
        else {
            return false;
        };
        let Some(range) = message.lost.first() else {
            return false;
        };
        let written = write_frame(
            id,
            message,
            range.start..range.end.min(message.size()),
            packet,
        );
        self.repeated += written.end - written.start;
        message
            .lost
            .remove(written.start..written.end.max(written.start + 1));
        !message.lost.is_empty()
    }

    fn write_fresh(&mut self, id: u64, packet: &mut PacketBuffer<'_>) -> bool {
        let Some(message) = self.messages.get_mut(&id) else {
            return false;
        };
        if !message.begun {
            self.credit.spend(message.size() + OVERHEAD_BYTES);
            message.begun = true;
        }
        let written = write_frame(id, message, message.sent..message.size(), packet);
        message.sent = written.end;
        if message.sent == message.size() {
            self.fresh = id + 1;
        }
        written.end > written.start || message.size() == 0
    }

    pub(super) fn on_delivered(&mut self, carried: &Carried) {
        match *carried {
            Carried::Message { id, start, length } => {
                let Some(message) = self.messages.get_mut(&id) else {
                    return;
                };
                let start = u64::from(start);
                // An empty message is delivered with its one frame.
                message
                    .delivered
                    .insert(start..start + u64::from(length).max(1));
                message.lost.remove(start..start + u64::from(length).max(1));
                // What is given up ends with its reset: the peer may have seen either.
                if message.is_delivered() && !message.given_up {
                    self.remove(id);
                }
            }
            Carried::ResetMessage { id } => self.remove(id),
            _ => {}
        }
    }

    /// Says whether anything has to be sent because of that.
    pub(super) fn on_lost(&mut self, carried: &Carried) -> bool {
        match *carried {
            Carried::Message { id, start, length } => {
                let Some(message) = self.messages.get_mut(&id).filter(|m| !m.given_up) else {
                    return false;
                };
                let range = u64::from(start)..u64::from(start) + u64::from(length).max(1);
                if message.delivered.covers(&range) {
                    return false;
                }
                if message.reliable {
                    message.lost.insert(range);
                    for known in message.delivered.iter() {
                        message.lost.remove(known);
                    }
                    self.lost.push_back(id);
                } else {
                    message.given_up = true;
                    self.resets.push_back(id);
                }
            }
            Carried::ResetMessage { id } => self.resets.push_back(id),
            _ => return false,
        }
        true
    }

    /// Nothing that was sent has been seen.
    pub(super) fn restart(&mut self) {
        self.credit.restart(0);
        self.blocked_told = None;
        self.lost.clear();
        self.resets.clear();
        self.fresh = 0;
        for message in self.messages.values_mut() {
            self.repeated += message.sent;
            message.sent = 0;
            message.begun = false;
            message.given_up = false;
            message.delivered.clear();
            message.lost.clear();
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(message) = self.messages.remove(&id) {
            self.buffered = self
                .buffered
                .saturating_sub(message.size() + OVERHEAD_BYTES);
            self.wake();
        }
    }

    fn wake(&mut self) {
        if self.refused && self.buffered <= self.window / 4 * 3 {
            self.refused = false;
            self.writable = true;
        }
    }

    pub(super) fn take_writable(&mut self) -> bool {
        std::mem::take(&mut self.writable)
    }
}

/// Writes as much of `range` as fits, and says what.
fn write_frame(
    id: u64,
    message: &Message,
    range: Range<u64>,
    packet: &mut PacketBuffer<'_>,
) -> Range<u64> {
    let size = message.size();
    let wanted = range.end - range.start;
    let open_header = frame::message_header_size(id, size, range.start, None);
    let room = packet.remaining().saturating_sub(open_header) as u64;
    let fills = wanted >= room && !packet.more;
    let stated_header = frame::message_header_size(id, size, range.start, Some(wanted as usize));
    let length = if fills {
        room
    } else {
        wanted.min(packet.remaining().saturating_sub(stated_header) as u64)
    };
    let end = range.start + length;
    let stated = (!fills).then_some(length as usize);
    frame::write_message_header(
        packet.buffer,
        id,
        size,
        message.reliable,
        range.start,
        stated,
    );
    let data = message
        .data
        .get(range.start as usize..end as usize)
        .unwrap_or_default();
    packet.buffer.extend_from_slice(data);
    packet.contents.push(Carried::Message {
        id,
        start: range.start as u32,
        length: length as u32,
    });
    range.start..end
}

/// No larger messages, whatever the peer takes: offsets are remembered in 32 bits.
const BYTES_MAX: u64 = 1 << 30;

/// Less is not worth a MESSAGE frame: type, id, size, offset, length, and some data.
const FRAME_BYTES_MIN: usize = 2 + 8 + 4 + 4 + 2 + 12;
