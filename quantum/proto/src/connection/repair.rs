//! Forward error correction in a connection: repairs leave with packets, and lost packets come back
//! out of them.

use std::time::Duration;

use super::Connection;
use super::receive::Opened;
use super::timer::Timer;
use crate::carried::PacketBuffer;
use crate::crypto::TAG_BYTES;
use crate::error::TransportError;
use crate::fec::{self, Conditions, Decoder, LossEstimate, Recovered, Sender, Use};
use crate::frame::{self, Frames, Repair};
use crate::packet::PacketKind;
use crate::recovery::{Delivered, LostPacket, SpaceId};
use crate::stats::{Holdings, RepairCounters, Statistics};
use crate::time::Instant;

/// What a connection needs for it. Nothing of it takes memory on a path that loses nothing.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Packets that a repair may cover, as the peer takes it and the configuration allows; 0: none.
    pub(super) symbols_max: usize,
    loss: LossEstimate,
    /// The longest round trip lately, without acknowledgement delays.
    longest_rtt: Duration,
    /// That of the last few packets.
    nearby_rtt: Duration,
    sender: Option<Box<Sender>>,
    receiver: Option<Box<Receiver>>,
    counters: Option<Box<RepairCounters>>,
}

/// The receiving side.
#[derive(Debug)]
struct Receiver {
    decoder: Decoder,
    /// Packets that were rebuilt, and of which the peer has to hear.
    recovered: Vec<u64>,
}

impl Connection {
    /// The peer takes repairs of so many packets at a time.
    pub(super) fn set_peer_repair(&mut self, symbols: u64) {
        let symbols = usize::try_from(symbols).unwrap_or(usize::MAX);
        self.repairs.symbols_max = if self.config.forward_error_correction {
            symbols.min(fec::WINDOW_MAX)
        } else {
            0
        };
    }

    /// Whether a packet has to leave for the sake of a repair.
    pub(super) fn repair_is_due(&self, now: Instant) -> bool {
        let sender = self.repairs.sender.as_ref();
        sender.is_some_and(|sender| sender.is_due(now))
    }

    /// Bytes that a packet leaves free, so that a repair of it fits into a packet of the same size.
    pub(super) fn repair_reserve(&self) -> usize {
        let sender = self.repairs.sender.as_ref();
        if sender.is_some_and(|sender| sender.reserves_room()) {
            RESERVE
        } else {
            0
        }
    }

    /// The frames of packet `number` are written, from `start` on: adds a repair of those before it,
    /// and remembers its symbol for the next.
    pub(super) fn write_repair(
        &mut self,
        now: Instant,
        number: u64,
        start: usize,
        packet: &mut PacketBuffer<'_>,
    ) {
        if !self.wants_repairs() {
            return;
        }
        let payload = packet.buffer.get(start..).unwrap_or_default();
        let symbol = fec::symbol(payload).map(|range| start + range.start..start + range.end);
        let until = self.symbol_wanted_until(packet.contents);
        let rtt = self.recovery.rtt();
        let variation = rtt.variation().max(ACKNOWLEDGEMENT_SLACK);
        let conditions = Conditions {
            now,
            loss: self.repairs.loss,
            smoothed_rtt: rtt.smoothed(),
            acknowledged_within: rtt.smoothed() + variation,
            acknowledged_after: self.ack_requests.in_force(),
            symbols_max: self.repairs.symbols_max,
            has_more: self.has_data(),
        };
        let sender = self
            .repairs
            .sender
            .get_or_insert_with(|| Box::new(Sender::new(now)));
        let end = packet.buffer.len();
        let room = packet.remaining();
        if sender.write(now, number, symbol.is_some(), room, packet.buffer) {
            let counters = self.repairs.counters.get_or_insert_default();
            counters.sent += 1;
            counters.bytes_sent += (packet.buffer.len() - end) as u64;
        }
        if let Some(symbol) = symbol {
            let bytes = end - start + HEADER_BYTES + TAG_BYTES;
            let symbol = packet.buffer.get(symbol).unwrap_or_default();
            sender.on_source(number, symbol, until, bytes, &conditions);
            if sender.owes_announcement() && packet.buffer.len() == end && room >= RESERVE {
                frame::write_repair_header(packet.buffer, 0, 0);
                sender.on_announced();
            }
        }
        let due = sender.due_at().filter(|at| *at > now);
        self.timers.set_or_stop(Timer::Repair, due);
    }

    /// Whether the path, and both ends, make repairs worth while.
    fn wants_repairs(&mut self) -> bool {
        let wanted = self.repairs.symbols_max > 0
            && self.handshake.confirmed
            && self.repairs.loss.is_lossy();
        if !wanted && self.repairs.sender.take().is_some() {
            self.timers.stop(Timer::Repair);
        }
        wanted
    }

    /// A packet of ours has arrived.
    pub(super) fn repair_delivered(&mut self, delivered: &Delivered) {
        if let Some(sender) = &mut self.repairs.sender {
            sender.settle(delivered.number);
        }
        let rtt = self.recovery.rtt().travelled();
        let repairs = &mut self.repairs;
        repairs.longest_rtt = decayed(repairs.longest_rtt, rtt, LONGEST_PACKETS);
        repairs.nearby_rtt = decayed(repairs.nearby_rtt, rtt, NEARBY_PACKETS);
        if !delivered.in_flight || delivered.mtu_probe || !delivered.current_path {
            // Says nothing about losses.
        } else if delivered.spurious {
            self.repairs.loss.on_spurious();
        } else {
            self.repairs.loss.on_delivered();
        }
    }

    /// A packet of ours is lost. Where a queue stands, losses are its doing, and more packets would
    /// not help (Q-FEC-7).
    pub(super) fn repair_lost(&mut self, lost: &LostPacket) {
        if let Some(sender) = &mut self.repairs.sender {
            sender.settle(lost.number);
        }
        let rtt = self.recovery.rtt();
        let queue = rtt.smoothed().saturating_sub(rtt.min());
        let noise = rtt.min() / 2 + rtt.variation() * 2;
        // A short one stood if a packet near the lost one waited for nearly as long as any did lately.
        let wait = self.repairs.nearby_rtt.saturating_sub(rtt.min());
        let longest = self.repairs.longest_rtt.saturating_sub(rtt.min());
        let full = wait > rtt.min() / 8 && wait * 4 > longest * 3;
        let congested = queue > noise || full;
        if lost.in_flight && !lost.mtu_probe && lost.current_path && !congested {
            self.repairs.loss.on_lost(lost.number);
        }
    }

    /// A REPAIR frame.
    pub(super) fn on_repair(
        &mut self,
        now: Instant,
        packet: &Opened<'_>,
        repair: &Repair<'_>,
    ) -> Result<(), TransportError> {
        if !self.config.forward_error_correction {
            return Err(TransportError::violation("a repair that was not asked for"));
        }
        self.timers.set(Timer::ForgetSymbols, now + FORGET_AFTER);
        let receiver = self.repairs.receiver.get_or_insert_with(|| {
            Box::new(Receiver {
                decoder: Decoder::new(),
                recovered: Vec::new(),
            })
        });
        let Some(space) = self.spaces[SpaceId::Data as usize].as_deref() else {
            return Ok(());
        };
        let arrived = |number| space.acknowledger.is_duplicate(number);
        let counters = self.repairs.counters.get_or_insert_default();
        match receiver.decoder.on_repair(packet.number, repair, arrived)? {
            Use::Kept => counters.received += 1,
            Use::Needless => counters.needless += 1,
            Use::Skipped => counters.skipped += 1,
        }
        self.take_recovered(now, packet)
    }

    /// A packet was read to its end: later repairs may need its symbol.
    pub(super) fn keep_symbol(
        &mut self,
        now: Instant,
        packet: &Opened<'_>,
    ) -> Result<(), TransportError> {
        let Some(receiver) = self.repairs.receiver.as_deref_mut() else {
            return Ok(());
        };
        if packet.kind != PacketKind::Short {
            return Ok(());
        }
        let symbol = fec::symbol(packet.payload).unwrap_or_default();
        let symbol = packet.payload.get(symbol).unwrap_or_default();
        receiver.decoder.on_symbol(packet.number, symbol)?;
        self.take_recovered(now, packet)
    }

    /// What was rebuilt with the help of `packet` has the effect that it would have had, but that
    /// nothing is acknowledged: it is lost for congestion control (Q-CC-3).
    fn take_recovered(&mut self, now: Instant, packet: &Opened<'_>) -> Result<(), TransportError> {
        while let Some(receiver) = self.repairs.receiver.as_deref_mut()
            && let Some(Recovered { number, symbol }) = receiver.decoder.take_recovered()?
        {
            if receiver.recovered.len() < RECOVERED_MAX {
                receiver.recovered.push(number);
            }
            self.repairs.counters.get_or_insert_default().recovered += 1;
            self.messages.on_packet();
            let rebuilt = packet.rebuilt(number, &symbol);
            for frame in Frames::new(&symbol) {
                let frame = frame?;
                if fec::is_repaired(&frame) {
                    self.on_frame(now, &rebuilt, frame)?;
                }
            }
            self.acknowledge_immediately();
        }
        Ok(())
    }

    /// Tells the peer what need not be sent again.
    pub(super) fn write_recovered(&mut self, packet: &mut PacketBuffer<'_>) {
        let Some(receiver) = self.repairs.receiver.as_deref_mut() else {
            return;
        };
        while packet.remaining() >= RECOVERED_BYTES_MAX
            && let Some(number) = receiver.recovered.pop()
        {
            frame::write_recovered(packet.buffer, number);
        }
    }

    /// The peer has rebuilt packet `number`: what it carried of streams and messages has arrived.
    pub(super) fn on_recovered(&mut self, number: u64) -> Result<(), TransportError> {
        let contents = self.recovery.take_recovered(SpaceId::Data, number)?;
        if let Some(sender) = &mut self.repairs.sender {
            sender.settle(number);
        }
        self.on_delivered(SpaceId::Data, &contents);
        Ok(())
    }

    /// No repair has come for long: none is expected.
    pub(super) fn forget_symbols(&mut self) {
        self.repairs.receiver = None;
    }
}

impl Repairs {
    /// The path is another one.
    pub(super) fn on_path_change(&mut self) {
        self.loss = LossEstimate::default();
        self.longest_rtt = Duration::ZERO;
        self.nearby_rtt = Duration::ZERO;
        self.sender = None;
    }

    /// Adds what was counted here.
    pub(super) fn fill(&self, statistics: &mut Statistics) {
        if let Some(counters) = &self.counters {
            counters.fill(statistics);
        }
    }

    /// Adds what is held here.
    pub(super) fn count(&self, held: &mut Holdings) {
        let sender = self.sender.as_ref().map_or(0, |sender| sender.bytes());
        let receiver = self.receiver.as_ref();
        held.repair_bytes += sender + receiver.map_or(0, |receiver| receiver.decoder.bytes());
    }
}

/// What a repair frame has that the packets which it covers need not have.
const RESERVE: usize = frame::REPAIR_HEADER_BYTES_MAX + 2;

/// A short header with an id of 8 bytes and a number of 2.
const HEADER_BYTES: usize = 1 + 8 + 2;

/// Type and number.
const RECOVERED_BYTES_MAX: usize = 2 + 8;

/// Rebuilt packets of which the peer is told; of more it hears nothing, and sends them again.
const RECOVERED_MAX: usize = 64;

/// An acknowledgement is missing when it is later than the mean by its variation (own choice: a probe
/// timeout waits for four, RFC 9002 section 6.2.1, but a repair for nothing is cheap), or by this.
const ACKNOWLEDGEMENT_SLACK: Duration = Duration::from_micros(500);

/// Symbols are kept for so long after the last repair.
const FORGET_AFTER: Duration = Duration::from_secs(2);

/// A packet takes so much off of what the longest round trip exceeds its own by: a queue that fills
/// up every few seconds is remembered in between.
const LONGEST_PACKETS: u32 = 512;

/// The same for those near a lost one: a loss is known some packets later, when the queue may be gone.
const NEARBY_PACKETS: u32 = 4;

/// A maximum that falls by one of `packets` parts of what it exceeds each new sample by.
fn decayed(maximum: Duration, sample: Duration, packets: u32) -> Duration {
    let above = maximum.saturating_sub(sample);
    sample + above - above / packets
}
