//! What streams put into packets.

use std::ops::Range;

use super::Streams;
use crate::carried::{Carried, PacketBuffer};
use crate::frame;
use crate::stream::StreamId;
use crate::stream::control::Control;
use crate::stream::sending::Purpose;

impl Streams {
    /// Whether control frames wait.
    pub(crate) fn has_pending_control(&self) -> bool {
        !self.controls.is_empty()
    }

    /// Whether bytes or ends of streams could be sent now.
    pub(crate) fn has_pending_data(&self) -> bool {
        self.schedule.has_repeats() || (self.schedule.has_fresh() && self.outbound.available() > 0)
    }

    /// Writes control frames while they fit.
    pub(crate) fn write_control(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= CONTROL_BYTES_MAX
            && let Some(control) = self.controls.pop()
        {
            if let Some(carried) = self.write_one(control, packet.buffer) {
                packet.contents.push(carried);
            }
        }
    }

    /// Writes the frame in its current state; nothing if it has become pointless.
    fn write_one(&mut self, control: Control, buffer: &mut Vec<u8>) -> Option<Carried> {
        match control {
            Control::MaxData => {
                frame::write_max_data(buffer, self.inbound.announce());
                Some(Carried::MaxData)
            }
            Control::MaxStreamData(id) => {
                let receiving = self.receiving.get_mut(&id).filter(|r| r.wants_credit())?;
                frame::write_max_stream_data(buffer, id, receiving.announce());
                Some(Carried::MaxStreamData { id })
            }
            Control::MaxStreams(direction) => {
                let count = self.admitted[direction as usize].announce();
                frame::write_max_streams(buffer, direction, count);
                Some(Carried::MaxStreams { direction })
            }
            Control::ResetStream(id) => {
                let allowed = self.is_allowed(id);
                let sending = self.sending.get(&id).filter(|_| allowed)?;
                frame::write_reset_stream(buffer, id, sending.reset?, sending.buffer.sent());
                Some(Carried::ResetStream { id })
            }
            Control::StopSending(id) => {
                let error = self.receiving.get(&id)?.stopped?;
                frame::write_stop_sending(buffer, id, error);
                Some(Carried::StopSending { id })
            }
            Control::DataBlocked => {
                frame::write_data_blocked(buffer, self.outbound.limit());
                Some(Carried::Blocked)
            }
            Control::StreamDataBlocked(id) => {
                let limit = self.sending.get(&id)?.limit;
                frame::write_stream_data_blocked(buffer, id, limit);
                Some(Carried::Blocked)
            }
            Control::StreamsBlocked(direction) => {
                let limit = self.opened[direction as usize].limit;
                frame::write_streams_blocked(buffer, direction, limit);
                Some(Carried::Blocked)
            }
        }
    }

    /// Writes bytes and ends of streams while they fit: lost ones first, then new ones in turn.
    pub(crate) fn write_data(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= STREAM_BYTES_MIN {
            let credit = self.outbound.available();
            let Some((id, purpose)) = self.schedule.front(credit > 0) else {
                return self.tell_blocked();
            };
            let Some(range) = self.sending.get(&id).and_then(|s| s.next(purpose, credit)) else {
                self.skip_front(id, purpose);
                continue;
            };
            if !self.write_stream(id, purpose, range, packet) {
                return;
            }
        }
    }

    /// The stream at the front has nothing to send any more, or waits for its own credit.
    fn skip_front(&mut self, id: StreamId, purpose: Purpose) {
        self.schedule.remove_front(purpose);
        if let Some(sending) = self.sending.get_mut(&id) {
            match purpose {
                Purpose::Repeat => sending.repeat_queued = false,
                Purpose::Fresh => sending.fresh_queued = false,
            }
        }
    }

    /// Writes one STREAM frame. Says whether it fitted.
    fn write_stream(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        range: Range<u64>,
        packet: &mut PacketBuffer<'_>,
    ) -> bool {
        let Some(sending) = self.sending.get_mut(&id) else {
            return false;
        };
        let wanted = range.end - range.start;
        let open_header = frame::stream_header_size(id, range.start, None);
        let Some(room) = packet.remaining().checked_sub(open_header) else {
            return false;
        };
        // A frame that fills the packet needs no length. Else it states one, as others follow.
        let fills = wanted >= room as u64;
        let length = if fills {
            room as u64
        } else {
            let header = frame::stream_header_size(id, range.start, Some(wanted as usize));
            wanted.min((packet.remaining() - header.min(packet.remaining())) as u64)
        };
        if length == 0 && wanted > 0 {
            return false;
        }
        let end = range.start + length;
        let fin = sending.marks_end(end);
        let stated = (!fills).then_some(length as usize);
        frame::write_stream_header(packet.buffer, id, range.start, fin, stated);
        sending.buffer.copy_to(range.start..end, packet.buffer);
        let new = end.saturating_sub(sending.buffer.sent());
        sending.on_sent(range.start..end, fin);
        self.schedule.rotate(purpose, sending);
        if purpose == Purpose::Fresh {
            self.outbound.spend(new);
            self.unsent = self.unsent.saturating_sub(new);
            // The end may have become all that is left.
            self.queue_stream(id);
        }
        packet.contents.push(Carried::Stream {
            id,
            start: range.start,
            length: length as u32,
            fin,
        });
        true
    }

    /// Tells the peer, once for each limit, that its credit holds us up.
    fn tell_blocked(&mut self) {
        let limit = self.outbound.limit();
        if self.schedule.has_fresh() && self.blocked_told != Some(limit) {
            self.blocked_told = Some(limit);
            self.controls.push(Control::DataBlocked);
        }
    }
}

/// Room for any control frame of streams: a type and three varints.
const CONTROL_BYTES_MAX: usize = 1 + 3 * 8;

/// Less is not worth a STREAM frame.
const STREAM_BYTES_MIN: usize = 1 + 8 + 8 + 2;
