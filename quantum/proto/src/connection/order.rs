//! Whose data leave: streams and messages in one order of urgency (Q-URG).

use std::cell::LazyCell;
use std::ops::Deref;
use std::time::Duration;

use super::Connection;
use super::transmit::Budget;
use crate::carried::{Contents, PacketBuffer};
use crate::fec;
use crate::message::{Messages, Outlook};
use crate::recovery::Recovery;
use crate::stream::{Purpose, Streams};
use crate::time::Instant;
use crate::urgency::{Sender, StarvationGuard, Urgency};

/// What few packets need to know is worked out when one does.
type Lazily<'a> = dyn Deref<Target = Outlook> + 'a;

/// Who may send, and of which urgency: the smaller, the more urgent.
type Class = (Urgency, Sender);

/// All that has data to send.
pub(crate) struct Order<'a> {
    pub(crate) streams: &'a mut Streams,
    pub(crate) messages: &'a mut Messages,
    pub(crate) guard: &'a mut StarvationGuard,
    /// The size of a packet that is full.
    pub(crate) packet_bytes: u64,
    /// Nothing of the last in the order may leave.
    pub(crate) urgent_only: bool,
}

impl Order<'_> {
    /// Writes what streams and messages have to send, as much as fits. `path`: its number, another one
    /// for another path. Most packets are of one stream, which needs no outlook.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        path: u32,
        outlook: &Lazily<'_>,
        packet: &mut PacketBuffer<'_>,
    ) {
        self.streams.write_control(packet);
        self.messages.write_control(path, packet);
        if let Some(first) = self.next() {
            self.messages.write_time(now, packet);
            match self.last().filter(|last| first < *last) {
                Some(last) => self.write_contended(last, outlook, packet),
                None => self.write_uncontended(first, outlook, packet),
            }
            // What turned out to be too late may have been all there was.
            self.messages.write_endings(packet);
        }
        self.messages.tell_blocked(packet);
        self.streams.tell_blocked();
    }

    /// All that waits is of one class, the last.
    fn write_uncontended(
        &mut self,
        first: Class,
        outlook: &Lazily<'_>,
        packet: &mut PacketBuffer<'_>,
    ) {
        let mut next = Some(first).filter(|_| !self.urgent_only);
        while let Some(class) = next
            && self.write_frame(class, outlook, packet).is_some()
        {
            next = self.next();
        }
        self.guard.on_uncontended();
    }

    /// Something is more urgent than the last class, which gets its share.
    fn write_contended(
        &mut self,
        last: Class,
        outlook: &Lazily<'_>,
        packet: &mut PacketBuffer<'_>,
    ) {
        let (mut own, mut others) = (0, 0);
        if !self.urgent_only && self.guard.is_due(self.packet_bytes) {
            while self.last() == Some(last)
                && let Some(bytes) = self.write_frame(last, outlook, packet)
            {
                own += bytes;
            }
        }
        let first = self.next();
        // On a slow link the rest of a full packet would hold up what is urgent in it.
        let is_slow = outlook.is_slow();
        while let Some(class) = self.next()
            && !(is_slow && Some(class.0) > first.map(|first| first.0))
            && !(self.urgent_only && class == last)
            && let Some(bytes) = self.write_frame(class, outlook, packet)
        {
            if class == last {
                own += bytes;
            } else {
                others += bytes;
            }
        }
        self.guard.on_filled(self.packet_bytes, own, others);
    }

    /// Writes a frame, if anything of the class is left and still wanted, and says how many bytes.
    /// `None`: the packet is full.
    fn write_frame(
        &mut self,
        (urgency, sender): Class,
        outlook: &Lazily<'_>,
        packet: &mut PacketBuffer<'_>,
    ) -> Option<u64> {
        let before = packet.buffer.len();
        let fits = match sender {
            Sender::Messages => self.messages.write_next(urgency, outlook, packet),
            Sender::Streams => self.streams.write_next(urgency, packet),
        };
        fits.then(|| (packet.buffer.len() - before) as u64)
    }

    /// Something waits that is more urgent than something else.
    pub(crate) fn is_contended(&self) -> bool {
        let next = self.next();
        next.is_some_and(|(urgency, _)| self.last().is_some_and(|last| urgency < last.0))
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
    pub(super) fn write_application(
        &mut self,
        now: Instant,
        budget: Budget,
        packet: &mut PacketBuffer<'_>,
    ) {
        let (recovery, datagram_bytes) = (&self.recovery, u64::from(self.datagram_bytes));
        let has_deadlines = self.messages.next_deadline().is_some();
        let outlook = LazyCell::new(|| outlook(recovery, now, datagram_bytes, has_deadlines));
        let mut order = Order {
            streams: &mut self.streams,
            messages: &mut self.messages,
            guard: &mut self.guard,
            packet_bytes: datagram_bytes,
            urgent_only: budget == Budget::Urgent,
        };
        order.write(now, recovery.path_id(), &outlook, packet);
    }

    /// Something is more urgent than what else waits, and it is not the turn of the latter to fill a
    /// packet of so many bytes.
    pub(super) fn has_urgent(&mut self, bytes: u64) -> bool {
        let order = Order {
            streams: &mut self.streams,
            messages: &mut self.messages,
            guard: &mut self.guard,
            packet_bytes: bytes,
            urgent_only: false,
        };
        order.is_contended() && !order.guard.is_due(bytes)
    }

    /// Whether anything in a packet is still wanted, if what leaves now takes half of a round trip:
    /// for whoever repeats it.
    pub(super) fn is_wanted(&self, now: Instant, contents: &Contents) -> bool {
        let rtt = self.recovery.rtt();
        let half = rtt.first_sample_at().map(|_| rtt.smoothed() / 2);
        let arrival = now + half.unwrap_or_default();
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

/// What is known of the way to the peer, on which a full packet has so many bytes.
fn outlook(recovery: &Recovery, now: Instant, datagram_bytes: u64, has_deadlines: bool) -> Outlook {
    let rtt = recovery.rtt();
    let is_measured = rtt.first_sample_at().is_some();
    let measured = |time: Duration| if is_measured { time } else { Duration::ZERO };
    let rate = recovery.limits().pacing_rate.unwrap_or(u64::MAX);
    let packet_time = datagram_bytes.saturating_mul(1_000_000_000) / rate.max(1);
    let packet_time = Duration::from_nanos(packet_time);
    // Only deadlines ask for it, and few packets have any.
    let queueing = if has_deadlines {
        queueing(recovery)
    } else {
        Duration::ZERO
    };
    Outlook {
        now,
        // Acknowledgements are small: a link that has become slow holds up the way there.
        least_delay: measured(rtt.min() / 2 + packet_time.min(rtt.min()) + WAKING),
        queueing: measured(queueing),
        half_smoothed: measured(rtt.smoothed() / 2),
        rate,
        packet_time,
        in_flight: recovery.bytes_in_flight() > 0,
    }
}

/// What queues add to the round trip at present.
fn queueing(recovery: &Recovery) -> Duration {
    // The last sample, or how little is in flight, tells at once that a queue is gone.
    let rtt = recovery.rtt();
    let loaded = recovery.time_in_flight();
    let recent = rtt.smoothed().min(rtt.latest());
    let recent = loaded.map_or(recent, |loaded| recent.min(loaded));
    recent.saturating_sub(rtt.min())
}

/// Until an application that waits for a message has it: the granularity of timers.
const WAKING: Duration = Duration::from_millis(1);
