//! Messages on their way in.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::OVERHEAD_BYTES;
use super::clock::PeerClock;
use super::ended::Ended;
use crate::carried::{Carried, PacketBuffer};
use crate::error::{TransportError, TransportErrorCode};
use crate::frame::{self, reset_reason};
use crate::stats::Holdings;
use crate::stream::coverage::Coverage;
use crate::stream::flow::ReceiveCredit;
use crate::time::Instant;

/// What has arrived of messages.
#[derive(Debug)]
pub(super) struct Incoming {
    partial: BTreeMap<u64, Partial>,
    complete: VecDeque<Complete>,
    /// Ids that are complete or reset.
    ended: Ended,
    credit: ReceiveCredit,
    credit_owed: bool,
    message_bytes_max: u64,
    news: bool,
    pub(super) clock: PeerClock,
    /// Messages that were dropped here because they came, or were taken, too late.
    late: u64,
    /// Messages that the peer has reset because they expired.
    expired: u64,
}

/// A message that the application may take.
#[derive(Debug)]
struct Complete {
    data: Bytes,
    /// Until then.
    until: Instant,
}

/// A message of which something is missing.
#[derive(Debug)]
struct Partial {
    data: Vec<u8>,
    size: u64,
    arrived: Coverage,
    /// When it is worth nothing any more, as far as is known; distant, if never.
    until: Instant,
}

impl Partial {
    /// Copies `data`, which ends within the message, to `start`. Memory grows with what arrives,
    /// not with what is announced.
    fn place(&mut self, start: usize, data: &[u8]) {
        let end = start + data.len();
        if end > self.data.capacity() {
            let capacity = end.max(self.data.capacity().saturating_mul(2));
            let capacity = capacity.min(self.size as usize).max(end);
            self.data.reserve_exact(capacity - self.data.len());
        }
        if start > self.data.len() {
            self.data.resize(start, 0);
        }
        let overlap = data.len().min(self.data.len() - start);
        let (old, new) = data.split_at(overlap);
        self.data[start..start + overlap].copy_from_slice(old);
        self.data.extend_from_slice(new);
    }
}

impl Incoming {
    pub(super) fn new(window: u64, message_bytes_max: u64) -> Self {
        Self {
            partial: BTreeMap::new(),
            complete: VecDeque::new(),
            ended: Ended::default(),
            credit: ReceiveCredit::new(window),
            credit_owed: false,
            message_bytes_max,
            news: false,
            clock: PeerClock::default(),
            late: 0,
            expired: 0,
        }
    }

    pub(super) fn on_message(
        &mut self,
        now: Instant,
        message: &frame::Message<'_>,
    ) -> Result<(), TransportError> {
        let slack = message.slack.map(|slack| self.clock.usable_until(slack));
        let until = slack.transpose()?.unwrap_or(Some(Instant::DISTANT));
        if self.ended.contains(message.id) {
            return Ok(());
        }
        let end = message.offset.saturating_add(message.data.len() as u64);
        if message.size > self.message_bytes_max || end > message.size {
            return Err(size_error("a message larger than allowed, or than it said"));
        }
        match self.partial.get(&message.id) {
            Some(partial) if partial.size != message.size => {
                return Err(size_error("the size of a message changed"));
            }
            Some(_) => {}
            None => self.charge(message.size)?,
        }
        let known = self.partial.get(&message.id).map(|partial| partial.until);
        // Each frame knows as much as the ones before it, or more: the earliest counts.
        let until = until.map(|until| known.map_or(until, |known| known.min(until)));
        match until.filter(|until| *until >= now) {
            Some(until) => self.take_in(message, until),
            None => self.drop_late(message.id, message.size),
        }
    }

    /// Takes in what has arrived in time.
    fn take_in(
        &mut self,
        message: &frame::Message<'_>,
        until: Instant,
    ) -> Result<(), TransportError> {
        if let Some(partial) = self.partial.get_mut(&message.id) {
            partial.until = until;
        } else if message.data.len() as u64 == message.size {
            let data = Bytes::copy_from_slice(message.data);
            return self.complete(message.id, Complete { data, until });
        } else {
            self.begin(message, until)?;
        }
        self.add(message)
    }

    fn begin(
        &mut self,
        message: &frame::Message<'_>,
        until: Instant,
    ) -> Result<(), TransportError> {
        if self.partial.len() >= PARTIAL_MAX {
            return Err(TransportError::violation(
                "too many messages begun and not completed",
            ));
        }
        let partial = Partial {
            data: Vec::new(),
            size: message.size,
            arrived: Coverage::default(),
            until,
        };
        self.partial.insert(message.id, partial);
        Ok(())
    }

    fn add(&mut self, message: &frame::Message<'_>) -> Result<(), TransportError> {
        let Some(partial) = self.partial.get_mut(&message.id) else {
            return Ok(());
        };
        partial.place(message.offset as usize, message.data);
        let end = message.offset + message.data.len() as u64;
        partial.arrived.add(message.offset..end);
        if partial.arrived.is_fragmented() {
            return Err(TransportError::violation("a message in too many pieces"));
        }
        if partial.arrived.contiguous() == partial.size
            && let Some(Partial { data, until, .. }) = self.partial.remove(&message.id)
        {
            let data = data.into();
            return self.complete(message.id, Complete { data, until });
        }
        Ok(())
    }

    fn complete(&mut self, id: u64, complete: Complete) -> Result<(), TransportError> {
        self.complete.push_back(complete);
        self.news = true;
        self.end(id)
    }

    /// Nobody wants it any more, whatever is still on its way.
    fn drop_late(&mut self, id: u64, size: u64) -> Result<(), TransportError> {
        self.partial.remove(&id);
        self.late += 1;
        self.consume(size);
        self.end(id)
    }

    fn end(&mut self, id: u64) -> Result<(), TransportError> {
        self.ended.insert(id);
        if self.ended.gaps() > ENDED_GAPS_MAX {
            return Err(TransportError::violation(
                "too many gaps between ended messages",
            ));
        }
        Ok(())
    }

    pub(super) fn on_reset(
        &mut self,
        id: u64,
        size: u64,
        reason: u64,
    ) -> Result<(), TransportError> {
        if self.ended.contains(id) {
            return Ok(());
        }
        match self.partial.remove(&id) {
            Some(partial) if partial.size != size => {
                return Err(size_error("the size of a message changed"));
            }
            Some(_) => {}
            None if size > self.message_bytes_max => {
                return Err(size_error("a message larger than allowed"));
            }
            None => self.charge(size)?,
        }
        self.expired += u64::from(reason == reset_reason::EXPIRED);
        self.consume(size);
        self.end(id)
    }

    /// The next that is in time.
    pub(super) fn receive(&mut self, now: Instant) -> Option<Bytes> {
        while let Some(Complete { data, until }) = self.complete.pop_front() {
            self.consume(data.len() as u64);
            if until >= now {
                return Some(data);
            }
            self.late += 1;
        }
        None
    }

    /// Messages dropped here as late, and messages that the peer reset as expired.
    pub(super) fn missed(&self) -> (u64, u64) {
        (self.late, self.expired)
    }

    /// Counts a message that was not known.
    fn charge(&mut self, size: u64) -> Result<(), TransportError> {
        self.credit.on_received(size + OVERHEAD_BYTES)?;
        self.avoid_stall();
        Ok(())
    }

    /// Counts a message that need not be kept any more.
    fn consume(&mut self, size: u64) {
        self.credit_owed |= self.credit.on_consumed(size + OVERHEAD_BYTES);
        self.avoid_stall();
    }

    /// A message is paid for as a whole: half a window may be too little for the next one, and
    /// nothing would ever be consumed to make it more.
    fn avoid_stall(&mut self) {
        let dearest = self.message_bytes_max.saturating_add(OVERHEAD_BYTES);
        self.credit_owed |= self.credit.is_short_of(dearest);
    }

    pub(super) fn count(&self, held: &mut Holdings) {
        held.messages_incoming += self.partial.len() + self.complete.len();
        let partial = self.partial.values().map(|partial| partial.data.capacity());
        let complete = self.complete.iter().map(|complete| complete.data.len());
        held.message_receive_bytes += partial.chain(complete).sum::<usize>();
        held.message_gaps += self.ended.gaps();
    }

    /// Whether nothing waits to be taken, and nothing is begun.
    #[cfg(test)]
    pub(super) fn is_drained(&self) -> bool {
        self.complete.is_empty() && self.partial.is_empty()
    }

    pub(super) fn owes_credit(&self) -> bool {
        self.credit_owed
    }

    pub(super) fn owe_credit(&mut self) {
        self.credit_owed = true;
    }

    pub(super) fn write_credit(&mut self, packet: &mut PacketBuffer<'_>) {
        if self.credit_owed && packet.remaining() >= CREDIT_BYTES_MAX {
            self.credit_owed = false;
            frame::write_max_message_data(packet.buffer, self.credit.announce());
            packet.contents.push(Carried::MaxMessageData);
        }
    }

    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}

const fn size_error(reason: &'static str) -> TransportError {
    TransportError::new(TransportErrorCode::FINAL_SIZE_ERROR, reason)
}

/// Messages that are begun; each is small in memory beside its data, which credit bounds.
const PARTIAL_MAX: usize = 1 << 16;

/// Runs of ended ids: as many small messages as the credit lets be under way (Q-MSG-5).
const ENDED_GAPS_MAX: usize = 1 << 14;

/// A type of two bytes and a varint.
const CREDIT_BYTES_MAX: usize = 10;
