//! The sending half of one stream (RFC 9000 section 3.1).

use std::ops::Range;

use super::blocks::Blocks;
use super::schedule::Places;
use super::send_buffer::SendBuffer;
use crate::urgency::Urgency;

/// Copies of bytes that may wait to be sent for the first time: what a fast link takes while the
/// application is woken. More would only leave the processor's caches before it is sent.
pub(super) const COPIES_BYTES_MAX: u64 = 256 << 10;

/// What the application writes into.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) buffer: SendBuffer,
    /// Up to which offset the peer allows bytes.
    pub(super) limit: u64,
    /// The limit at which the peer was last told that it holds the application up.
    pub(super) blocked_told: Option<u64>,
    pub(super) fin: Fin,
    pub(super) reset: Option<u64>,
    /// The peer asked for the end, with this error.
    pub(super) stopped: Option<u64>,
    /// A write found no room: tell when there is some.
    pub(super) write_blocked: bool,
    /// Is in the list of writers that the send window holds up.
    pub(super) awaits_window: bool,
    pub(super) urgency: Urgency,
    /// Where it waits in the schedule.
    pub(super) places: Places,
}

/// How far the end of the stream has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fin {
    /// More may be written.
    #[default]
    Open,
    /// To be sent, or sent again.
    Pending,
    Sent,
    Delivered,
}

/// Why a frame is sent: credit of the connection is needed for new bytes alone. What is repeated goes
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Lost bytes, or an end without bytes.
    Repeat,
    Fresh,
}

impl Sending {
    pub(super) fn new(limit: u64, memory: Blocks) -> Self {
        Self {
            buffer: SendBuffer::new(memory),
            limit,
            ..Self::default()
        }
    }

    /// Whether the application may still write.
    pub(super) fn is_open(&self) -> bool {
        self.fin == Fin::Open && self.reset.is_none()
    }

    /// Whether the peer has everything, the end included.
    pub(super) fn is_delivered(&self) -> bool {
        self.fin == Fin::Delivered && self.buffer.is_delivered()
    }

    /// How many bytes the stream's own limit lets the application write.
    pub(super) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.buffer.end())
    }

    /// Whether so much has been sent that writing on is worth waking the application.
    pub(super) fn is_worth_waking(&self) -> bool {
        self.room() > 0 && self.buffer.unsent() <= COPIES_BYTES_MAX / 2
    }

    /// The bytes to send next for `purpose`; empty if only the end is to be marked.
    pub(super) fn next(&self, purpose: Purpose, credit: u64) -> Option<Range<u64>> {
        if self.reset.is_some() {
            return None;
        }
        match purpose {
            Purpose::Repeat => self.buffer.next_lost().or_else(|| self.bare_fin()),
            Purpose::Fresh => {
                let allowed = self.buffer.sent().saturating_add(credit);
                self.buffer.next_unsent(self.limit.min(allowed))
            }
        }
    }

    /// Whether a frame that ends at `end` marks the end of the stream.
    pub(super) fn marks_end(&self, end: u64) -> bool {
        matches!(self.fin, Fin::Pending | Fin::Sent) && end == self.buffer.end()
    }

    /// Notes that a frame with `range` was written.
    pub(super) fn on_sent(&mut self, range: Range<u64>, fin: bool) {
        if !range.is_empty() {
            self.buffer.on_sent(range);
        }
        if fin {
            self.fin = Fin::Sent;
        }
    }

    /// Notes that a frame arrived. Returns by how many bytes the buffer shrank.
    pub(super) fn on_delivered(&mut self, range: Range<u64>, fin: bool) -> u64 {
        if self.reset.is_some() {
            return 0;
        }
        if fin && self.fin != Fin::Open {
            self.fin = Fin::Delivered;
        }
        self.buffer.on_delivered(range)
    }

    /// Notes that a frame was lost. Says whether anything of it has to be sent again.
    pub(super) fn on_lost(&mut self, range: Range<u64>, fin: bool) -> bool {
        if self.reset.is_some() {
            return false;
        }
        let end_lost = fin && self.fin == Fin::Sent;
        if end_lost {
            self.fin = Fin::Pending;
        }
        self.buffer.on_lost(range) || end_lost
    }

    /// Notes that nothing that was sent has been seen.
    pub(super) fn restart(&mut self) {
        self.buffer.restart();
        if self.fin == Fin::Sent {
            self.fin = Fin::Pending;
        }
    }

    /// The end alone, when all bytes before it have been sent and none are lost.
    fn bare_fin(&self) -> Option<Range<u64>> {
        let end = self.buffer.end();
        (self.fin == Fin::Pending && self.buffer.unsent() == 0).then_some(end..end)
    }
}
