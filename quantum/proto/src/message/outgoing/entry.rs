//! One message on its way out.

use bytes::Bytes;

use super::super::OVERHEAD_BYTES;
use super::super::options::MessageOptions;
use super::super::outlook::Outlook;
use crate::carried::PacketBuffer;
use crate::range_set::RangeSet;
use crate::time::Instant;
use crate::urgency::Urgency;

/// One message.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) data: Bytes,
    size: u64,
    pub(super) reliable: bool,
    pub(super) urgency: Urgency,
    /// When it is worth nothing any more; distant, if never.
    pub(super) deadline: Instant,
    /// Its number on the wire, once a frame has been written.
    pub(super) id: Option<u64>,
    /// Bytes that were sent once.
    pub(super) sent: u64,
    pub(super) delivered: RangeSet,
    pub(super) lost: RangeSet,
    /// No more of it is sent.
    pub(super) end: Option<End>,
}

/// Why no more of a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Something of it was lost, and it need not arrive.
    GivenUp,
    /// It would be late.
    Expired,
}

impl Entry {
    pub(super) fn new(now: Instant, data: Bytes, options: &MessageOptions) -> Self {
        Self {
            size: data.len() as u64,
            data,
            reliable: options.reliable,
            urgency: options.urgency,
            deadline: options
                .deadline
                .map_or(Instant::DISTANT, |after| now + after),
            id: None,
            sent: 0,
            delivered: RangeSet::new(),
            lost: RangeSet::new(),
            end: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What it takes of credit and window.
    pub(super) fn cost(&self) -> u64 {
        self.size + OVERHEAD_BYTES
    }

    pub(super) fn has_deadline(&self) -> bool {
        self.deadline != Instant::DISTANT
    }

    /// Whether something of it has to be sent, or sent again. An empty message is sent with its id.
    pub(super) fn is_unsent(&self) -> bool {
        self.end.is_none() && (self.id.is_none() || self.sent < self.size || !self.lost.is_empty())
    }

    pub(super) fn is_delivered(&self) -> bool {
        self.id.is_some() && self.delivered.covers(&(0..self.size.max(1)))
    }

    /// Whether what has to be sent of it would arrive too late.
    pub(super) fn is_hopeless(&self, outlook: &Outlook) -> bool {
        let left = self.size - self.sent;
        self.has_deadline()
            && if !self.lost.is_empty() {
                outlook.is_hopeless_again(self.deadline)
            } else if self.id.is_some() {
                outlook.is_hopeless(self.deadline, left)
            } else {
                outlook.is_hopeless_new(self.deadline, left)
            }
    }

    /// A message that was lost whole is sent again whole, if it fits into the next packet and not into
    /// this one: in two, it would be lost twice as often, and repairs are as long as the longest packet.
    pub(super) fn waits_for_room(&self, packet: &PacketBuffer<'_>) -> bool {
        let whole = self.lost.covers(&(0..self.size.max(1)));
        let bytes = self.size as usize + FRAME_HEADER_BYTES;
        let fits_next = bytes < PACKET_BYTES && !packet.contents.is_empty();
        whole && fits_next && bytes > packet.remaining()
    }

    /// Nothing that was sent of it has been seen.
    pub(super) fn restart(&mut self) {
        self.id = None;
        self.sent = 0;
        self.end = None;
        self.delivered.clear();
        self.lost.clear();
    }
}

/// A MESSAGE frame's header, and a packet's payload, about.
const FRAME_HEADER_BYTES: usize = 12;
const PACKET_BYTES: usize = 1_100;
