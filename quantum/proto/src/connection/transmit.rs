//! Decides what leaves, in one order: close, acknowledgements, handshake, control, lost data,
//! messages, streams.
//!
//! Datagrams of equal size are written one behind the other, so that one system call can send
//! them. Forward error correction has its place between assembling a payload and sealing it.

use super::lifecycle::Close;
use super::path::PathResponse;
use super::{Connection, State, Timer};
use crate::acknowledge::RANGES_SENT_MAX;
use crate::carried::{Carried, Contents, PacketBuffer};
use crate::crypto::TAG_BYTES;
use crate::frame;
use crate::packet::{Header, PacketKind, PacketWriter};
use crate::recovery::{SentPacket, SpaceId};
use crate::stream::Side;
use crate::time::Instant;
use crate::transmit::Transmit;

/// What has to be said once.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) ping: bool,
    pub(super) handshake_done: bool,
    pub(super) new_token: bool,
    /// What a test wants said, whatever the protocol thinks of it.
    #[cfg(test)]
    pub(super) raw: std::collections::VecDeque<Vec<u8>>,
}

/// What the next packet may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Budget {
    /// Anything.
    Data,
    /// A probe: leaves whatever the window says.
    Probe,
    /// Only what does not count as in flight.
    Acknowledgements,
}

impl Connection {
    /// Writes the next datagrams to send at the end of `buffer`, at most `datagrams_max` and all
    /// of one size but the last; `None` if nothing has to leave now.
    ///
    /// To be called again until it returns `None`.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
        match self.state {
            State::Draining | State::Drained => return None,
            State::Closing(_) => return self.transmit_close(now, buffer),
            State::Handshake | State::Established => self.close_if_delivered(now),
        }
        if let Err(error) = self.check_key_use(now) {
            self.close_because(now, error);
            return self.transmit_close(now, buffer);
        }
        let transmit = self
            .transmit_response(now, buffer)
            .or_else(|| self.transmit_old_challenge(now, buffer))
            .or_else(|| self.transmit_mtu_probe(now, buffer))
            .or_else(|| self.transmit_batch(now, datagrams_max, buffer));
        if transmit.is_some() {
            self.arm_loss_timer();
        }
        transmit
    }

    fn transmit_batch(
        &mut self,
        now: Instant,
        datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let start = buffer.len();
        let segment = usize::from(self.path.mtu.current());
        let mut count = 0;
        while count < datagrams_max.max(1) {
            let before = buffer.len();
            let Some(room) = self.datagram_room(segment) else {
                break;
            };
            self.assemble_datagram(now, room, buffer);
            let written = buffer.len() - before;
            if written == 0 {
                break;
            }
            self.path.on_sent(written);
            count += 1;
            if written < segment || self.is_handshaking() {
                break;
            }
        }
        let size = buffer.len() - start;
        (size > 0).then(|| self.transmit(size, (count > 1).then_some(segment)))
    }

    /// How large the next datagram may be. An address that has not proven itself yet gets small
    /// ones, rather than none: it could not prove itself without the challenge.
    fn datagram_room(&self, segment: usize) -> Option<usize> {
        let allowance = usize::try_from(self.path.allowance()).unwrap_or(usize::MAX);
        let least = if self.is_handshaking() {
            segment
        } else {
            PACKET_BYTES_MIN + CONTROL_BYTES_MAX
        };
        (allowance >= least).then(|| segment.min(allowance))
    }

    fn transmit(&mut self, size: usize, segment_size: Option<usize>) -> Transmit {
        let datagrams = segment_size.map_or(1, |segment| size.div_ceil(segment));
        self.statistics.datagrams_sent += datagrams as u64;
        self.statistics.bytes_sent += size as u64;
        let ecn = self.path.ecn.mark();
        self.path.ecn.on_transmit();
        Transmit {
            destination: self.path.remote,
            source: self.path.local,
            ecn,
            size,
            segment_size,
        }
    }

    /// One datagram: a packet of each space that has something to say.
    ///
    /// A datagram with an Initial packet is padded in its last packet, which is of the Initial or
    /// the Handshake space; data goes into the next datagram then.
    fn assemble_datagram(&mut self, now: Instant, segment: usize, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        let end = start + segment;
        let mut padded = false;
        for space in SpaceId::ALL {
            let Some(kind) = self.sending_kind(space) else {
                continue;
            };
            let budget = self.budget(now, space, segment);
            if padded && space == SpaceId::Data || !self.wants_to_send(now, space, budget) {
                continue;
            }
            let another = space == SpaceId::Initial
                && self.sending_kind(SpaceId::Handshake).is_some()
                && self.wants_to_send(now, SpaceId::Handshake, budget);
            padded |= space == SpaceId::Initial;
            // What proves a path also shows that it carries datagrams of that size
            // (RFC 9000 section 8.2.1).
            let challenges = space == SpaceId::Data && self.path.challenge_pending;
            let pad_to =
                ((padded && !another) || challenges).then_some(end.min(start + PADDED_BYTES));
            let room = Room { end, pad_to };
            self.assemble_packet(
                now,
                Kind {
                    space,
                    kind,
                    budget,
                },
                room,
                buffer,
            );
        }
    }

    /// What kind of packet the space sends at present, if it can send.
    fn sending_kind(&self, space: SpaceId) -> Option<PacketKind> {
        let has_keys = self.spaces[space as usize]
            .as_ref()
            .is_some_and(|space| space.keys.is_some());
        match space {
            SpaceId::Initial => has_keys.then_some(PacketKind::Initial),
            SpaceId::Handshake => has_keys.then_some(PacketKind::Handshake),
            SpaceId::Data if self.data_keys.is_some() => Some(PacketKind::Short),
            SpaceId::Data if self.side == Side::Client && self.early_keys.is_some() => {
                Some(PacketKind::ZeroRtt)
            }
            SpaceId::Data => None,
        }
    }

    /// What congestion control and the pacer allow.
    fn budget(&mut self, now: Instant, space: SpaceId, bytes: usize) -> Budget {
        if self.probes[space as usize] > 0 {
            return Budget::Probe;
        }
        let limits = self.recovery.limits();
        if self.recovery.bytes_in_flight() + bytes as u64 > limits.window {
            return Budget::Acknowledgements;
        }
        match self
            .pacer
            .poll(now, bytes as u64, &limits, self.recovery.rtt().smoothed())
        {
            Some(at) => {
                self.timers.set(Timer::Pacing, at);
                Budget::Acknowledgements
            }
            None => Budget::Data,
        }
    }

    fn wants_to_send(&mut self, now: Instant, id: SpaceId, budget: Budget) -> bool {
        let Some(space) = &self.spaces[id as usize] else {
            return false;
        };
        if space.acknowledger.is_due(now) || budget == Budget::Probe {
            return true;
        }
        if budget == Budget::Acknowledgements {
            return false;
        }
        let wants = space.has_crypto() || (id == SpaceId::Data && self.has_data());
        if !wants && id == SpaceId::Data {
            self.recovery.set_app_limited();
        }
        wants
    }

    fn has_data(&self) -> bool {
        self.pending.any()
            || self.path.challenge_pending
            || self.path_responses.owes(self.path.remote)
            || self.local_ids.has_unannounced()
            || self.remote_ids.has_unannounced()
            || self.streams.has_pending_control()
            || self.messages.has_pending()
            || self.streams.has_pending_data()
    }

    /// Writes one packet, seals it and records it. Says whether there was anything to write.
    fn assemble_packet(
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
            contents: &mut contents,
        };
        let acknowledges = self.write_acknowledgement(now, space, kind, &mut packet);
        let before = packet.buffer.len();
        if budget != Budget::Acknowledgements {
            self.write_frames(space, kind, &mut packet);
        }
        let alone = packet.buffer.len() == before;
        // Acknowledgements of acknowledgements keep the ranges short (RFC 9000 section 13.2.4).
        let ask = budget == Budget::Probe || self.recovery.unanswered(space) >= UNANSWERED_MAX;
        if alone && ask {
            frame::write_ping(packet.buffer);
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
    fn start_packet(
        &self,
        space: SpaceId,
        kind: PacketKind,
        number: u64,
        end: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<PacketWriter> {
        if buffer.len() + PACKET_BYTES_MIN + self.handshake.initial_token.len() > end {
            return None;
        }
        let header = Header {
            kind,
            destination: self.remote_ids.active(),
            source: self.local_ids.first(),
            token: &self.handshake.initial_token,
            number,
            acknowledged: self.recovery.largest_acknowledged(space),
            key_phase: self.data_keys.as_ref().is_some_and(|keys| keys.phase),
        };
        Some(PacketWriter::start(&header, buffer))
    }

    fn write_acknowledgement(
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
        }
        true
    }

    /// Everything that asks for an acknowledgement, in order of urgency.
    fn write_frames(&mut self, id: SpaceId, kind: PacketKind, packet: &mut PacketBuffer<'_>) {
        if let Some(space) = self.spaces[id as usize].as_deref_mut() {
            space.write_crypto(packet);
        }
        if id != SpaceId::Data {
            return;
        }
        if kind == PacketKind::Short {
            #[cfg(test)]
            self.write_raw(packet);
            self.write_control(packet);
        }
        self.streams.write_control(packet);
        self.messages.write(packet);
        self.streams.write_data(packet);
    }

    #[cfg(test)]
    fn write_raw(&mut self, packet: &mut PacketBuffer<'_>) {
        if let Some(raw) = self.pending.raw.pop_front() {
            packet.buffer.extend_from_slice(&raw);
        }
    }

    fn write_control(&mut self, packet: &mut PacketBuffer<'_>) {
        if packet.remaining() < CONTROL_BYTES_MAX {
            return;
        }
        if std::mem::take(&mut self.pending.handshake_done) {
            frame::write_handshake_done(packet.buffer);
            packet.contents.push(Carried::HandshakeDone);
        }
        if std::mem::take(&mut self.pending.ping) {
            frame::write_ping(packet.buffer);
        }
        if let Some(data) = self.path.challenge.filter(|_| self.path.challenge_pending) {
            self.path.challenge_pending = false;
            frame::write_path_challenge(packet.buffer, data);
        }
        while packet.remaining() >= CONTROL_BYTES_MAX
            && let Some(response) = self.path_responses.take_for(self.path.remote)
        {
            frame::write_path_response(packet.buffer, response.data);
        }
        self.write_ack_frequency(packet);
        self.write_ids(packet);
        self.write_token(packet);
    }

    /// Asks for fewer acknowledgements when many packets are under way.
    fn write_ack_frequency(&mut self, packet: &mut PacketBuffer<'_>) {
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

    fn write_ids(&mut self, packet: &mut PacketBuffer<'_>) {
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

    fn write_token(&mut self, packet: &mut PacketBuffer<'_>) {
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
    fn pad(&self, writer: &PacketWriter, pad_to: Option<usize>, buffer: &mut Vec<u8>) {
        let shortest = writer.shortest_payload_end(TAG_BYTES);
        let wanted = pad_to.map_or(shortest, |end| shortest.max(end - TAG_BYTES));
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
    }

    fn record(&mut self, now: Instant, space: SpaceId, sent: SentPacket) {
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

    /// The word that the connection is over, in every space that the peer may be able to read.
    fn transmit_close(&mut self, now: Instant, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let State::Closing(closing) = &mut self.state else {
            return None;
        };
        if !std::mem::take(&mut closing.pending) || self.path.allowance() < PADDED_BYTES as u64 {
            return None;
        }
        let close = closing.close.clone();
        let start = buffer.len();
        let kinds = SpaceId::ALL.map(|space| self.sending_kind(space));
        let last = kinds.iter().rposition(Option::is_some);
        // A server drops short datagrams with Initial packets.
        let padded = self.side == Side::Client && kinds[SpaceId::Initial as usize].is_some();
        for space in SpaceId::ALL {
            let Some(kind) = kinds[space as usize] else {
                continue;
            };
            let said = if kind == PacketKind::Short {
                close.clone()
            } else {
                close.during_handshake()
            };
            let end = start + PADDED_BYTES;
            let pad_to = (padded && last == Some(space as usize)).then_some(end);
            self.assemble_close(
                now,
                Kind::of(space, kind),
                &said,
                Room { end, pad_to },
                buffer,
            );
        }
        let size = buffer.len() - start;
        self.path.on_sent(size);
        (size > 0).then(|| self.transmit(size, None))
    }

    fn assemble_close(
        &mut self,
        now: Instant,
        Kind { space, kind, .. }: Kind,
        close: &Close,
        room: Room,
        buffer: &mut Vec<u8>,
    ) {
        let number = self.recovery.next_packet_number(space, &mut self.rng);
        let Some(writer) = self.start_packet(space, kind, number, room.end, buffer) else {
            return;
        };
        match close {
            Close::Transport(error) => frame::write_transport_close(
                buffer,
                error.code.0,
                error.frame_type.unwrap_or(0),
                error.reason.as_bytes(),
            ),
            Close::Application { error, reason } => {
                frame::write_application_close(buffer, *error, reason);
            }
        }
        self.pad(&writer, room.pad_to, buffer);
        let bytes = self.seal_packet(space, kind, number, &writer, buffer);
        let sent = SentPacket {
            number,
            bytes,
            ack_eliciting: false,
            in_flight: false,
            mtu_probe: false,
            ect0: false,
            contents: Contents::new(),
        };
        self.recovery.on_sent(now, space, sent);
    }

    /// The answer to a challenge that came from elsewhere goes back there, and nowhere else.
    fn transmit_response(&mut self, now: Instant, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.data_keys.as_ref()?;
        let response = self.path_responses.take_elsewhere(self.path.remote)?;
        let pad = response.asked_with * 3 >= PADDED_BYTES;
        let size = self.assemble_probe(now, pad.then_some(PADDED_BYTES), buffer, |packet| {
            frame::write_path_response(packet.buffer, response.data);
        })?;
        let PathResponse { remote, local, .. } = response;
        Some(Transmit {
            destination: remote,
            source: local,
            ..self.transmit(size, None)
        })
    }

    /// Asks at the peer's old address whether it has really left.
    fn transmit_old_challenge(&mut self, now: Instant, buffer: &mut Vec<u8>) -> Option<Transmit> {
        self.data_keys.as_ref()?;
        let old = self
            .previous_path
            .as_mut()
            .filter(|path| path.challenge_pending)?;
        old.challenge_pending = false;
        let (remote, local, data) = (old.remote, old.local, old.challenge?);
        let size = self.assemble_probe(now, Some(PADDED_BYTES), buffer, |packet| {
            frame::write_path_challenge(packet.buffer, data);
        })?;
        Some(Transmit {
            destination: remote,
            source: local,
            ..self.transmit(size, None)
        })
    }

    fn transmit_mtu_probe(&mut self, now: Instant, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if !self.handshake.confirmed
            || !self.path.validated
            || self.budget(now, SpaceId::Data, PADDED_BYTES) != Budget::Data
        {
            return None;
        }
        let size = self.path.mtu.poll_probe(now)?;
        let number = self
            .recovery
            .next_packet_number(SpaceId::Data, &mut self.rng);
        let end = buffer.len() + usize::from(size);
        let kind = PacketKind::Short;
        let writer = self.start_packet(SpaceId::Data, kind, number, end, buffer)?;
        frame::write_ping(buffer);
        self.pad(&writer, Some(end), buffer);
        let bytes = self.seal_packet(SpaceId::Data, kind, number, &writer, buffer);
        self.record(
            now,
            SpaceId::Data,
            SentPacket {
                number,
                bytes,
                ack_eliciting: true,
                in_flight: true,
                mtu_probe: true,
                ect0: self.path.ecn.mark().is_some(),
                contents: Contents::new(),
            },
        );
        Some(self.transmit(usize::from(bytes), None))
    }

    /// A datagram of its own, for an address that is not the active one: it is not tracked by loss
    /// recovery, since nothing about the active path can be learnt from it.
    fn assemble_probe(
        &mut self,
        now: Instant,
        pad_to: Option<usize>,
        buffer: &mut Vec<u8>,
        write: impl FnOnce(&mut PacketBuffer<'_>),
    ) -> Option<usize> {
        let start = buffer.len();
        let number = self
            .recovery
            .next_packet_number(SpaceId::Data, &mut self.rng);
        let kind = PacketKind::Short;
        let end = start + PADDED_BYTES;
        let writer = self.start_packet(SpaceId::Data, kind, number, end, buffer)?;
        let mut contents = Contents::new();
        write(&mut PacketBuffer {
            buffer,
            end: end - TAG_BYTES,
            contents: &mut contents,
        });
        self.pad(&writer, pad_to.map(|size| start + size), buffer);
        let bytes = self.seal_packet(SpaceId::Data, kind, number, &writer, buffer);
        self.recovery.on_sent(
            now,
            SpaceId::Data,
            SentPacket {
                number,
                bytes,
                ack_eliciting: false,
                in_flight: false,
                mtu_probe: false,
                ect0: false,
                contents,
            },
        );
        Some(usize::from(bytes))
    }
}

/// What is assembled.
#[derive(Clone, Copy, Debug)]
struct Kind {
    space: SpaceId,
    kind: PacketKind,
    budget: Budget,
}

impl Kind {
    /// A packet that neither window nor pacer holds back.
    const fn of(space: SpaceId, kind: PacketKind) -> Self {
        Self {
            space,
            kind,
            budget: Budget::Probe,
        }
    }
}

/// Where it has to end.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// Where the datagram ends at the latest.
    end: usize,
    /// Where it has to end at the earliest.
    pad_to: Option<usize>,
}

impl Pending {
    fn any(&self) -> bool {
        #[cfg(test)]
        if !self.raw.is_empty() {
            return true;
        }
        self.ping || self.handshake_done || self.new_token
    }
}

/// Datagrams with Initial packets, and those that probe a path, are at least this large
/// (RFC 9000 sections 8.2.1 and 14.1).
const PADDED_BYTES: usize = 1200;

/// Packets in a row that ask for no acknowledgement.
const UNANSWERED_MAX: u64 = 32;

/// The largest header, a tag and a few bytes of payload.
const PACKET_BYTES_MIN: usize = 80;

/// `ack_delay_exponent` (RFC 9000 section 18.2: the default).
pub(super) const ACK_DELAY_EXPONENT: u32 = 3;

/// Room for any single control frame but NEW_TOKEN.
const CONTROL_BYTES_MAX: usize = 64;
