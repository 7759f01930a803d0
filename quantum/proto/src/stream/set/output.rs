//! What streams put into packets.

use super::Streams;
use crate::carried::{Carried, PacketBuffer};
use crate::frame;
use crate::stream::StreamId;
use crate::stream::control::Control;
use crate::stream::sending::Purpose;
use crate::urgency::Urgency;

impl Streams {
    /// Whether control frames wait.
    pub(crate) fn has_pending_control(&self) -> bool {
        !self.controls.is_empty()
    }

    /// Whether bytes or ends of streams could be sent now.
    pub(crate) fn has_pending_data(&self) -> bool {
        self.next().is_some()
    }

    /// The most urgent that could be sent now, and why.
    pub(crate) fn next(&self) -> Option<(Urgency, Purpose)> {
        self.schedule.next(self.outbound.available() > 0)
    }

    /// The urgency of the least urgent.
    pub(crate) fn last(&self) -> Option<Urgency> {
        self.schedule.last(self.outbound.available() > 0)
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
                let allowed = self.is_allowed(id);
                let error = self.receiving.get(&id).filter(|_| allowed)?.stopped?;
                frame::write_stop_sending(buffer, id, error);
                Some(Carried::StopSending { id })
            }
            Control::DataBlocked => {
                frame::write_data_blocked(buffer, self.outbound.limit());
                Some(Carried::Blocked)
            }
            Control::StreamDataBlocked(id) => {
                let allowed = self.is_allowed(id);
                let limit = self.sending.get(&id).filter(|_| allowed)?.limit;
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

    /// Writes one STREAM frame of the next stream of this urgency, or takes it from the schedule if
    /// it has nothing to send. False: the packet is full.
    pub(crate) fn write_next(&mut self, urgency: Urgency, packet: &mut PacketBuffer<'_>) -> bool {
        let credit = self.outbound.available();
        if packet.remaining() < STREAM_BYTES_MIN {
            return false;
        }
        let Some((id, purpose)) = self.schedule.first_of(urgency, credit > 0) else {
            return false;
        };
        let is_allowed = self.is_allowed(id);
        let Some(sending) = self.sending.get_mut(&id) else {
            return false;
        };
        let Some(range) = sending.next(purpose, credit).filter(|_| is_allowed) else {
            self.schedule.pause(purpose, sending);
            return true;
        };
        let wanted = range.end - range.start;
        let Some((count, length)) = fit(id, range.start, wanted, packet) else {
            return false;
        };
        let end = range.start + count as u64;
        let fin = sending.marks_end(end);
        frame::write_stream_header(packet.buffer, id, range.start, fin, length);
        sending.buffer.copy_to(range.start..end, packet.buffer);
        sending.on_sent(range.start..end, fin);
        self.schedule.rotate(id, purpose, sending);
        match purpose {
            Purpose::Fresh => {
                self.outbound.spend(count as u64);
                if sending.write_blocked {
                    self.wake_writer(id);
                }
            }
            Purpose::Repeat => self.repeated += count as u64,
        }
        packet.contents.push(Carried::Stream {
            id,
            start: range.start,
            length: count as u32,
            fin,
        });
        true
    }

    /// Tells the peer, once for each limit, that its credit holds us up.
    pub(crate) fn tell_blocked(&mut self) {
        let limit = self.outbound.limit();
        let is_blocked = self.schedule.has_fresh() && self.outbound.available() == 0;
        if is_blocked && self.blocked_told != Some(limit) {
            self.blocked_told = Some(limit);
            self.controls.push(Control::DataBlocked);
        }
    }
}

/// How many of `wanted` bytes go into a frame, and the length that it states: none if it fills the
/// packet, as no other can follow. `None`: the packet is full.
fn fit(
    id: StreamId,
    offset: u64,
    wanted: u64,
    packet: &PacketBuffer<'_>,
) -> Option<(usize, Option<usize>)> {
    let remaining = packet.remaining();
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let room = remaining.checked_sub(frame::stream_header_size(id, offset, None))?;
    if wanted >= room && !packet.more {
        return (room > 0 || wanted == 0).then_some((room, None));
    }
    let header = frame::stream_header_size(id, offset, Some(wanted));
    let count = wanted.min(remaining.checked_sub(header)?);
    (count > 0 || wanted == 0).then_some((count, Some(count)))
}

/// Room for any control frame of streams: a type and three varints.
const CONTROL_BYTES_MAX: usize = 1 + 3 * 8;

/// Less is not worth a STREAM frame.
const STREAM_BYTES_MIN: usize = 1 + 8 + 8 + 2;
