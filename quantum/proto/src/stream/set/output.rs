//! What packets take along.

use super::Streams;
use crate::carried::{Carried, PacketBuffer};
use crate::frame;
use crate::stream::control::Control;
use crate::stream::sending::Purpose;
use crate::stream::{Direction, StreamId};

/// The largest control frame: type and three varints.
const CONTROL_BYTES_MAX: usize = 25;

/// Rather than fewer bytes of a longer piece than this, a packet takes none.
const FRAGMENT_BYTES_MIN: usize = 16;

impl Streams {
    /// Whether there are control frames to send.
    pub(crate) fn has_pending_control(&self) -> bool {
        !self.controls.is_empty()
    }

    /// Whether there are bytes or ends of streams that may be sent.
    pub(crate) fn has_pending_data(&self) -> bool {
        self.schedule.has_repeats() || (self.schedule.has_fresh() && self.has_credit())
    }

    /// Whether the peer's limit for the connection holds back everything that there is to send.
    pub(crate) fn is_flow_blocked(&self) -> bool {
        self.schedule.has_fresh() && !self.has_credit() && !self.schedule.has_repeats()
    }

    /// Writes control frames while they fit.
    pub(crate) fn write_control(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= CONTROL_BYTES_MAX {
            let Some(control) = self.controls.pop() else {
                return;
            };
            if let Some(carried) = self.write_control_frame(control, packet.buffer) {
                packet.contents.push(carried);
            }
        }
    }

    /// Writes STREAM frames while they fit: lost bytes first, then new ones.
    pub(crate) fn write_data(&mut self, packet: &mut PacketBuffer<'_>) {
        while let Some((id, purpose)) = self.schedule.front(self.has_credit()) {
            if !self.write_stream_frame(id, purpose, packet) {
                break;
            }
        }
        if self.schedule.has_fresh() && !self.has_credit() {
            self.tell_blocked();
        }
    }

    fn has_credit(&self) -> bool {
        self.outbound.available() > 0
    }

    /// Writes one frame of the stream at the front. False: the packet is full.
    fn write_stream_frame(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        packet: &mut PacketBuffer<'_>,
    ) -> bool {
        let credit = self.outbound.available();
        let is_allowed = self.is_allowed(id);
        let Some(sending) = self.sending.get_mut(&id) else {
            self.schedule.remove_front(purpose);
            return true;
        };
        let next = sending.next(purpose, credit).filter(|_| is_allowed);
        let Some(mut range) = next else {
            self.schedule.pause(purpose, sending);
            return true;
        };
        let bytes = range.end - range.start;
        let Some((count, length)) = fit(id, range.start, bytes, packet.remaining()) else {
            return false;
        };
        range.end = range.start + count as u64;
        let fin = sending.marks_end(range.end);
        frame::write_stream_header(packet.buffer, id, range.start, fin, length);
        sending.buffer.copy_to(range.clone(), packet.buffer);
        packet.contents.push(Carried::Stream {
            id,
            start: range.start,
            length: count as u32,
            fin,
        });
        sending.on_sent(range, fin);
        self.schedule.rotate(purpose, sending);
        if purpose == Purpose::Fresh {
            self.outbound.spend(count as u64);
            self.unsent = self.unsent.saturating_sub(count as u64);
        }
        true
    }

    /// Tells the peer once per limit that the connection waits for more.
    fn tell_blocked(&mut self) {
        let limit = self.outbound.limit();
        if self.blocked_told != Some(limit) {
            self.blocked_told = Some(limit);
            self.controls.push(Control::DataBlocked);
        }
    }

    /// Writes the frame if it still means something.
    fn write_control_frame(&mut self, control: Control, buffer: &mut Vec<u8>) -> Option<Carried> {
        match control {
            Control::MaxData => {
                frame::write_max_data(buffer, self.inbound.announce());
                Some(Carried::MaxData)
            }
            Control::MaxStreamData(id) => self.write_max_stream_data(id, buffer),
            Control::MaxStreams(direction) => {
                let count = self.admitted[direction as usize].announce();
                frame::write_max_streams(buffer, direction, count);
                Some(Carried::MaxStreams { direction })
            }
            Control::ResetStream(id) => self.write_reset(id, buffer),
            Control::StopSending(id) => self.write_stop(id, buffer),
            Control::DataBlocked => {
                frame::write_data_blocked(buffer, self.outbound.limit());
                Some(Carried::Blocked)
            }
            Control::StreamDataBlocked(id) => self.write_stream_blocked(id, buffer),
            Control::StreamsBlocked(direction) => self.write_streams_blocked(direction, buffer),
        }
    }

    fn write_max_stream_data(&mut self, id: StreamId, buffer: &mut Vec<u8>) -> Option<Carried> {
        let receiving = self.receiving.get_mut(&id).filter(|r| r.wants_credit())?;
        frame::write_max_stream_data(buffer, id, receiving.announce());
        Some(Carried::MaxStreamData { id })
    }

    fn write_reset(&mut self, id: StreamId, buffer: &mut Vec<u8>) -> Option<Carried> {
        let sending = self.sending.get(&id).filter(|_| self.is_allowed(id))?;
        frame::write_reset_stream(buffer, id, sending.reset?, sending.buffer.sent());
        Some(Carried::ResetStream { id })
    }

    fn write_stop(&mut self, id: StreamId, buffer: &mut Vec<u8>) -> Option<Carried> {
        let receiving = self.receiving.get(&id).filter(|_| self.is_allowed(id))?;
        frame::write_stop_sending(buffer, id, receiving.stopped?);
        Some(Carried::StopSending { id })
    }

    fn write_stream_blocked(&mut self, id: StreamId, buffer: &mut Vec<u8>) -> Option<Carried> {
        let sending = self.sending.get(&id).filter(|_| self.is_allowed(id))?;
        let is_blocked = sending.is_open() && sending.room() == 0;
        is_blocked.then(|| frame::write_stream_data_blocked(buffer, id, sending.limit))?;
        Some(Carried::Blocked)
    }

    fn write_streams_blocked(
        &self,
        direction: Direction,
        buffer: &mut Vec<u8>,
    ) -> Option<Carried> {
        let opened = &self.opened[direction as usize];
        opened
            .blocked
            .then(|| frame::write_streams_blocked(buffer, direction, opened.limit))?;
        Some(Carried::Blocked)
    }
}

/// How many of `bytes` fit into a frame, and the length field, which the frame lacks when it fills
/// the packet. `None`: the packet is full.
fn fit(
    id: StreamId,
    offset: u64,
    bytes: u64,
    remaining: usize,
) -> Option<(usize, Option<usize>)> {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let bare = frame::stream_header_size(id, offset, None);
    let room = remaining.checked_sub(bare)?;
    let (count, length) = if bytes >= room {
        (room, None)
    } else {
        let header = frame::stream_header_size(id, offset, Some(bytes));
        let count = bytes.min(remaining.checked_sub(header)?);
        (count, Some(count))
    };
    (count >= bytes.min(FRAGMENT_BYTES_MIN)).then_some((count, length))
}
