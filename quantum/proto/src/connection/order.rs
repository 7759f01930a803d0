//! Whose data leave: streams and messages in one order of urgency (Q-URG).

use std::time::Duration;

use super::Connection;
use crate::carried::{Contents, PacketBuffer};
use crate::fec;
use crate::message::{Messages, Outlook};
use crate::stream::{Purpose, Streams};
use crate::time::Instant;
use crate::urgency::{Sender, StarvationGuard, Urgency};

/// Who may send, and of which urgency: the smaller, the more urgent.
type Class = (Urgency, Sender);

/// All that has data to send.
pub(crate) struct Order<'a> {
    pub(crate) streams: &'a mut Streams,
    pub(crate) messages: &'a mut Messages,
    pub(crate) guard: &'a mut StarvationGuard,
    /// The size of a packet that is full.
    pub(crate) packet_bytes: u64,
}

impl Order<'_> {
    /// Writes what streams and messages have to send, as much as fits.
    pub(crate) fn write(&mut self, outlook: &Outlook, packet: &mut PacketBuffer<'_>) {
        self.streams.write_control(packet);
        self.messages.write_control(outlook, packet);
        if self.next().is_some() {
            self.messages.write_time(outlook.now, packet);
            self.write_data(outlook, packet);
            // What turned out to be too late may have been all there was.
            self.messages.write_endings(packet);
        }
        self.messages.tell_blocked(packet);
        self.streams.tell_blocked();
    }

    fn write_data(&mut self, outlook: &Outlook, packet: &mut PacketBuffer<'_>) {
        let last = self.last();
        let contended = last.filter(|last| self.next() < Some(*last));
        let (mut own, mut others) = (0, 0);
        if let Some(last) = contended.filter(|_| self.guard.is_due(self.packet_bytes)) {
            while self.last() == Some(last)
                && let Some(bytes) = self.write_frame(last, outlook, packet)
            {
                own += bytes;
            }
        }
        while let Some(class) = self.next()
            && let Some(bytes) = self.write_frame(class, outlook, packet)
        {
            if Some(class) == last {
                own += bytes;
            } else {
                others += bytes;
            }
        }
        match contended {
            Some(_) => self.guard.on_filled(self.packet_bytes, own, others),
            None => self.guard.on_uncontended(),
        }
    }

    /// Writes a frame, if anything of the class is left and still wanted, and says how many bytes.
    /// `None`: the packet is full.
    fn write_frame(
        &mut self,
        (urgency, sender): Class,
        outlook: &Outlook,
        packet: &mut PacketBuffer<'_>,
    ) -> Option<u64> {
        let before = packet.buffer.len();
        let fits = match sender {
            Sender::Messages => self.messages.write_next(urgency, outlook, packet),
            Sender::Streams => self.streams.write_next(urgency, packet),
        };
        fits.then(|| (packet.buffer.len() - before) as u64)
    }

    /// Who sends next (Q-URG-2).
    fn next(&self) -> Option<Class> {
        let message = self.messages.next();
        let stream = self.streams.next();
        let (Some((urgency, begun)), Some((other, purpose))) = (message, stream) else {
            let message = message.map(|(urgency, _)| (urgency, Sender::Messages));
            return message.or(stream.map(|(urgency, _)| (urgency, Sender::Streams)));
        };
        // Of one urgency, lost data of streams go before messages that have not begun.
        let repeats = purpose == Purpose::Repeat && !begun;
        let is_stream = other < urgency || (other == urgency && repeats);
        Some(if is_stream {
            (other, Sender::Streams)
        } else {
            (urgency, Sender::Messages)
        })
    }

    /// Who sends last.
    fn last(&self) -> Option<Class> {
        let message = self.messages.last();
        let stream = self.streams.last();
        let message = message.map(|urgency| (urgency, Sender::Messages));
        message.max(stream.map(|urgency| (urgency, Sender::Streams)))
    }
}

impl Connection {
    /// Writes what streams and messages have to send.
    pub(super) fn write_application(&mut self, now: Instant, packet: &mut PacketBuffer<'_>) {
        let outlook = self.outlook(now);
        let mut order = Order {
            streams: &mut self.streams,
            messages: &mut self.messages,
            guard: &mut self.guard,
            packet_bytes: u64::from(self.datagram_bytes),
        };
        order.write(&outlook, packet);
    }

    /// What is known of the way to the peer.
    fn outlook(&self, now: Instant) -> Outlook {
        let rtt = self.recovery.rtt();
        let is_measured = rtt.first_sample_at().is_some();
        let measured = |time: Duration| if is_measured { time } else { Duration::ZERO };
        // The last sample, or how little is in flight, tells at once that a queue is gone.
        let loaded = self.recovery.time_in_flight();
        let recent = rtt.smoothed().min(rtt.latest());
        let recent = loaded.map_or(recent, |loaded| recent.min(loaded));
        Outlook {
            now,
            path: self.recovery.path_id(),
            least_delay: measured(rtt.min() / 2),
            queueing: measured(recent.saturating_sub(rtt.min())),
            half_smoothed: measured(rtt.smoothed() / 2),
            rate: self.recovery.limits().pacing_rate.unwrap_or(u64::MAX),
            in_flight: self.recovery.bytes_in_flight() > 0,
        }
    }

    /// Whether anything in a packet is still wanted, if what leaves now takes half of a round trip:
    /// for whoever repeats it.
    pub(super) fn is_wanted(&self, now: Instant, contents: &Contents) -> bool {
        let arrival = now + self.outlook(now).half_smoothed;
        let mut until = contents
            .iter()
            .map(|carried| self.messages.wanted_until(carried));
        contents.is_empty() || until.any(|until| until.is_some_and(|until| arrival <= until))
    }

    /// Until when the symbol of a packet with these contents is wanted: for whoever repairs it.
    pub(super) fn symbol_wanted_until(&self, contents: &Contents) -> Instant {
        let symbol = contents.iter().filter(|carried| fec::is_settled(carried));
        let until = symbol.filter_map(|carried| self.messages.wanted_until(carried));
        until.max().unwrap_or(Instant::DISTANT)
    }
}
