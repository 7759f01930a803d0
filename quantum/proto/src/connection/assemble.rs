//! One packet: a header, frames in order of urgency, a seal, a record of it.

use super::Connection;
use super::timer::Timer;
use super::transmit::{
    ACK_DELAY_EXPONENT, Budget, CONTROL_BYTES_MAX, Kind, PACKET_BYTES_MIN, Room, UNANSWERED_MAX,
};
use crate::acknowledge::RANGES_SENT_MAX;
use crate::carried::{Carried, Contents, PacketBuffer};
use crate::crypto::TAG_BYTES;
use crate::frame;
use crate::packet::{Header, PacketKind, PacketWriter};
use crate::recovery::{SentPacket, SpaceId};
use crate::stream::Side;
use crate::time::Instant;

impl Connection {
    /// Writes one packet, seals it and records it. Says whether there was anything to write.
    pub(super) fn assemble_packet(
        &mut self,
        now: Instant,
        Kind {
            space,
            kind,
            budget,
        }: Kind,
        room: Room,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let number = self.recovery.next_packet_number(space, &mut self.rng);
        let Some(writer) = self.start_packet(space, kind, number, room.end, buffer) else {
            return false;
        };
        let mut contents = Contents::new();
        let mut packet = PacketBuffer {
            buffer,
            end: room.end - TAG_BYTES,
            more: false,
            contents: &mut contents,
        };
        let acknowledges = self.write_acknowledgement(now, space, kind, &mut packet);
        let before = packet.buffer.len();
        if budget != Budget::Acknowledgements {
            let reserve = self.repair_reserve();
            packet.end -= reserve;
            packet.more = reserve > 0;
            self.write_frames(now, space, kind, budget, &mut packet);
            packet.end = room.end - TAG_BYTES;
            if kind == PacketKind::Short && room.pad_to.is_none() {
                self.write_repair(now, number, before, &mut packet);
            }
        }
        let alone = packet.buffer.len() == before;
        // Acknowledgements of acknowledgements keep the ranges short (RFC 9000 section 13.2.4).
        let wanted = self.recovery.unanswered(space) >= UNANSWERED_MAX;
        let ask = budget == Budget::Probe || (wanted && budget == Budget::Data);
        if alone && ask {
            self.write_ping(&mut packet);
        }
        let ack_eliciting = packet.buffer.len() > before;
        if !ack_eliciting && !acknowledges {
            buffer.truncate(writer.start_offset());
            return false;
        }
        let pad_to = room
            .pad_to
            .filter(|_| ack_eliciting || self.side == Side::Client);
        self.pad(&writer, pad_to, buffer);
        let padded = pad_to.is_some();
        let bytes = self.seal_packet(space, kind, number, &writer, buffer);
        let sent = SentPacket {
            number,
            bytes,
            ack_eliciting,
            in_flight: ack_eliciting || padded,
            mtu_probe: false,
            ect0: self.path.ecn.mark().is_some(),
            contents,
        };
        self.record(now, space, sent);
        true
    }

    /// Writes a header; `None` if there is no room for a packet before `end`.
    pub(super) fn start_packet(
        &self,
        space: SpaceId,
        kind: PacketKind,
        number: u64,
        end: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<PacketWriter> {
        let opening = self.handshake.opening.as_deref();
        let token: &[u8] = match opening {
            Some(opening) if kind == PacketKind::Initial => &opening.token,
            _ => &[],
        };
        if buffer.len() + PACKET_BYTES_MIN + token.len() > end {
            return None;
        }
        let header = Header {
            kind,
            destination: self.remote_ids.active(),
            source: self.local_ids.first(),
            token,
            number,
            acknowledged: self.recovery.largest_acknowledged(space),
            key_phase: self.data_keys.as_ref().is_some_and(|keys| keys.phase),
        };
        Some(PacketWriter::start(&header, buffer))
    }

    pub(super) fn write_acknowledgement(
        &mut self,
        now: Instant,
        id: SpaceId,
        kind: PacketKind,
        packet: &mut PacketBuffer<'_>,
    ) -> bool {
        let Some(space) = self.spaces[id as usize].as_deref_mut() else {
            return false;
        };
        // 0-RTT packets cannot acknowledge (RFC 9000 section 17.2.3).
        if kind == PacketKind::ZeroRtt || !space.acknowledger.has_news() {
            return false;
        }
        let Some(content) = space.acknowledger.content(now) else {
            return false;
        };
        let exponent = if id == SpaceId::Data {
            ACK_DELAY_EXPONENT
        } else {
            0
        };
        let delay = u64::try_from(content.delay.as_micros()).unwrap_or(u64::MAX) >> exponent;
        // What does not fit is left out: the newest ranges matter.
        let fits = packet.remaining().saturating_sub(frame::ack_size_max(0)) / 16;
        let ranges = fits.min(RANGES_SENT_MAX);
        frame::write_ack(packet.buffer, content.ranges, delay, content.ecn, ranges);
        packet.contents.push(Carried::Ack {
            largest: content.largest,
        });
        space.acknowledger.on_ack_sent();
        if id == SpaceId::Data {
            self.timers.stop(Timer::AckDelay);
            self.write_recovered(packet);
        }
        true
    }

    /// Everything that asks for an acknowledgement, in order of urgency.
    pub(super) fn write_frames(
        &mut self,
        now: Instant,
        id: SpaceId,
        kind: PacketKind,
        budget: Budget,
        packet: &mut PacketBuffer<'_>,
    ) {
        let answer_first = id == SpaceId::Data && self.answers_first();
        if !answer_first && let Some(space) = self.spaces[id as usize].as_deref_mut() {
            space.write_crypto(packet);
        }
        if id != SpaceId::Data {
            return;
        }
        if kind == PacketKind::Short {
            #[cfg(any(test, feature = "hostile"))]
            self.write_raw(packet);
            self.write_control(packet);
            if !answer_first {
                self.write_ids(packet);
                self.write_token(packet);
            }
        }
        self.write_application(now, budget, packet);
    }

    pub(super) fn write_control(&mut self, packet: &mut PacketBuffer<'_>) {
        // First, and whatever the room: it may be all that a new address allows.
        if let Some(data) = self.path.challenge.filter(|_| self.path.challenge_pending) {
            self.path.challenge_pending = false;
            frame::write_path_challenge(packet.buffer, data);
        }
        if packet.remaining() < CONTROL_BYTES_MAX {
            return;
        }
        if std::mem::take(&mut self.pending.handshake_done) {
            frame::write_handshake_done(packet.buffer);
            packet.contents.push(Carried::HandshakeDone);
        }
        if std::mem::take(&mut self.pending.ping) {
            if self.ack_requests.is_understood() {
                // An answer that is held back would wake the peer once more, just for this.
                frame::write_immediate_ack(packet.buffer);
            }
            self.write_ping(packet);
        }
        while packet.remaining() >= CONTROL_BYTES_MAX
            && let Some(response) = self.path_responses.take_for(self.path.remote)
        {
            frame::write_path_response(packet.buffer, response.data);
        }
        self.write_ack_frequency(packet);
    }

    /// Whether this is the first packet after the handshake and the application has an answer
    /// already: what is for later (tickets, tokens, connection ids) leaves in the packet behind it.
    fn answers_first(&mut self) -> bool {
        std::mem::take(&mut self.handshake.answer_first)
            && (self.streams.has_pending_data() || self.messages.has_pending())
    }

    /// A client's ping has room for a challenge in the answer, which is at most three times as
    /// large if the client's address has changed (RFC 9000 section 8.1).
    pub(super) fn write_ping(&self, packet: &mut PacketBuffer<'_>) {
        frame::write_ping(packet.buffer);
        if self.side == Side::Client {
            let padded = packet.buffer.len() + PING_PADDING;
            packet.buffer.resize(padded.min(packet.end), 0);
        }
    }

    /// Asks for fewer acknowledgements when many packets are under way.
    pub(super) fn write_ack_frequency(&mut self, packet: &mut PacketBuffer<'_>) {
        let window = self.recovery.limits().window / u64::from(self.datagram_bytes);
        let rtt = self.recovery.rtt().smoothed();
        let reordering = self.recovery.packet_threshold();
        if self.handshake.confirmed
            && let Some(wish) = self.ack_requests.poll(rtt, window, reordering)
        {
            frame::write_ack_frequency(packet.buffer, &wish);
            packet.contents.push(Carried::AckFrequency);
        }
    }

    pub(super) fn write_ids(&mut self, packet: &mut PacketBuffer<'_>) {
        while packet.remaining() >= CONTROL_BYTES_MAX
            && let Some(new) = self.local_ids.take_unannounced()
        {
            frame::write_new_connection_id(packet.buffer, &new);
            packet.contents.push(Carried::NewConnectionId {
                sequence: new.sequence,
            });
        }
        while packet.remaining() >= CONTROL_BYTES_MAX
            && let Some(sequence) = self.remote_ids.take_unannounced()
        {
            frame::write_retire_connection_id(packet.buffer, sequence);
            packet
                .contents
                .push(Carried::RetireConnectionId { sequence });
        }
    }

    pub(super) fn write_token(&mut self, packet: &mut PacketBuffer<'_>) {
        let Some(token) = self
            .handshake
            .address_token
            .as_ref()
            .filter(|_| self.pending.new_token)
        else {
            return;
        };
        if packet.remaining() >= token.len() + 4 {
            frame::write_new_token(packet.buffer, token);
            packet.contents.push(Carried::NewToken);
            self.pending.new_token = false;
        }
    }

    /// Header protection samples 16 bytes from four bytes behind the start of the packet number
    /// (RFC 9001 section 5.4.2): a payload must not be too short for that.
    pub(super) fn pad(&self, writer: &PacketWriter, pad_to: Option<usize>, buffer: &mut Vec<u8>) {
        let shortest = writer.shortest_payload_end(TAG_BYTES);
        let wanted = pad_to.map_or(shortest, |end| shortest.max(end - TAG_BYTES));
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
    }

    pub(super) fn record(&mut self, now: Instant, space: SpaceId, sent: SentPacket) {
        let bytes = u64::from(sent.bytes);
        let (in_flight, ack_eliciting) = (sent.in_flight, sent.ack_eliciting);
        self.path.ecn.on_sent();
        self.recovery.on_sent(now, space, sent);
        if in_flight {
            self.pacer.on_sent(bytes);
        }
        if ack_eliciting {
            self.probes[space as usize] = self.probes[space as usize].saturating_sub(1);
            self.on_asked(now);
        }
        if space == SpaceId::Handshake && self.side == Side::Client {
            self.discard_space(now, SpaceId::Initial);
        }
    }
}

/// Makes a packet with a PING alone some 64 bytes long.
const PING_PADDING: usize = 32;
