//! Messages on their way in.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::OVERHEAD_BYTES;
use super::ended::Ended;
use crate::carried::{Carried, PacketBuffer};
use crate::error::{TransportError, TransportErrorCode};
use crate::frame;
use crate::stats::Holdings;
use crate::stream::coverage::Coverage;
use crate::stream::flow::ReceiveCredit;

/// What has arrived of messages.
#[derive(Debug)]
pub(super) struct Incoming {
    partial: BTreeMap<u64, Partial>,
    complete: VecDeque<Bytes>,
    /// Ids that are complete or reset.
    ended: Ended,
    credit: ReceiveCredit,
    credit_owed: bool,
    message_bytes_max: u64,
    news: bool,
}

/// A message of which something is missing.
#[derive(Debug)]
struct Partial {
    data: Vec<u8>,
    size: u64,
    arrived: Coverage,
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
        }
    }

    pub(super) fn on_message(
        &mut self,
        message: &frame::Message<'_>,
    ) -> Result<(), TransportError> {
        if self.ended.contains(message.id) {
            return Ok(());
        }
        let end = message.offset.saturating_add(message.data.len() as u64);
        if message.size > self.message_bytes_max || end > message.size {
            return Err(size_error("a message larger than allowed, or than it said"));
        }
        if let Some(partial) = self.partial.get(&message.id) {
            if partial.size != message.size {
                return Err(size_error("the size of a message changed"));
            }
        } else {
            self.charge(message.size)?;
            if message.data.len() as u64 == message.size {
                return self.complete(message.id, Bytes::copy_from_slice(message.data));
            }
            self.begin(message)?;
        }
        self.add(message)
    }

    fn begin(&mut self, message: &frame::Message<'_>) -> Result<(), TransportError> {
        if self.partial.len() >= PARTIAL_MAX {
            return Err(TransportError::violation(
                "too many messages begun and not completed",
            ));
        }
        let partial = Partial {
            data: Vec::new(),
            size: message.size,
            arrived: Coverage::default(),
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
            && let Some(partial) = self.partial.remove(&message.id)
        {
            return self.complete(message.id, partial.data.into());
        }
        Ok(())
    }

    fn complete(&mut self, id: u64, data: Bytes) -> Result<(), TransportError> {
        self.complete.push_back(data);
        self.news = true;
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

    pub(super) fn on_reset(&mut self, id: u64, size: u64) -> Result<(), TransportError> {
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
        self.consume(size);
        self.end(id)
    }

    pub(super) fn receive(&mut self) -> Option<Bytes> {
        let message = self.complete.pop_front()?;
        self.consume(message.len() as u64);
        Some(message)
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
        let complete = self.complete.iter().map(Bytes::len);
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
