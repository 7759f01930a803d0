//! Turns an arrived datagram into effects on the connection.
//!
//! In: datagrams that the endpoint found to be ours. Out: events, dirty timers, things to send.
//! Never sends: see [`super::transmit`].

use std::time::Duration;

use super::transmit::PADDED_BYTES;
use super::{Connection, State};
use crate::connection_id::ResetToken;
use crate::endpoint::{Arrival, EndpointEvent};
use crate::error::{ConnectionError, TransportError, TransportErrorCode};
use crate::frame::{Ack, AckFrequency, Frame, Frames, NewConnectionId};
use crate::observe::DropReason;
use crate::packet::{PacketKind, ProtectedHeader};
use crate::recovery::{EcnReport, SpaceId};
use crate::stream::Side;
use crate::time::Instant;

/// A packet that was decrypted, or rebuilt out of one that was.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    pub(super) kind: PacketKind,
    space: SpaceId,
    pub(super) number: u64,
    /// The connection id that it was sent to.
    destination: &'a [u8],
    pub(super) payload: &'a [u8],
    arrival: &'a Arrival,
    /// Size of the datagram that it came in.
    datagram_bytes: usize,
}

impl<'a> Opened<'a> {
    /// Another packet, which was rebuilt when this one came.
    pub(super) fn rebuilt(self, number: u64, payload: &'a [u8]) -> Self {
        Self {
            number,
            payload,
            ..self
        }
    }
}

/// What the frames of a packet were, taken together.
#[derive(Default)]
struct Summary {
    ack_eliciting: bool,
    /// Something other than what may be sent to probe a path (RFC 9000 section 9.1).
    non_probing: bool,
}

impl Connection {
    /// Takes a datagram that the endpoint found to belong here; decrypts it in place.
    ///
    /// What is not authentic is dropped without a trace in the connection's state.
    pub fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        self.watch_from(now);
        self.statistics.datagrams_received += 1;
        self.statistics.bytes_received += datagram.len() as u64;
        match &mut self.state {
            State::Draining | State::Drained => return,
            State::Closing(closing) => {
                closing.on_datagram();
                return self.look_for_close(now, arrival, datagram);
            }
            State::Handshake | State::Established => {}
        }
        if !self.accepts_from(arrival) {
            self.statistics.packets_dropped += 1;
            self.observe_dropped(None, datagram.len(), DropReason::Address);
            return;
        }
        if arrival.remote == self.path.remote {
            self.path.on_received(datagram.len());
        }
        let result = self
            .receive_packets(now, arrival, datagram)
            .and_then(|()| self.receive_kept_packets(now));
        self.conclude(now, result);
    }

    /// Packets that came before their keys, when there are new keys.
    fn receive_kept_packets(&mut self, now: Instant) -> Result<(), TransportError> {
        if !std::mem::take(&mut self.keys_are_new) || self.undecryptable.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        for mut kept in self.undecryptable.take() {
            self.kept_since = Some(kept.since);
            result = self.receive_packets(now, &kept.arrival, &mut kept.packet);
            if result.is_err() {
                break;
            }
        }
        self.kept_since = None;
        result
    }

    /// A peer that closes as well needs no more answers.
    fn look_for_close(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        let _ = self.receive_packets(now, arrival, datagram);
    }

    fn conclude(&mut self, now: Instant, result: Result<(), TransportError>) {
        if let Err(error) = result {
            self.close_because(now, error);
        }
        self.after_input(now);
    }

    /// The packets of one datagram, which may be several in the handshake.
    fn receive_packets(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &mut [u8],
    ) -> Result<(), TransportError> {
        let datagram_bytes = datagram.len();
        // Kept, as decryption leaves nothing of what it fails on.
        let end = datagram.last_chunk().copied();
        let mut rest = datagram;
        let mut first = true;
        while !rest.is_empty() {
            let Ok(header) = ProtectedHeader::decode(rest, self.local_ids.id_bytes()) else {
                self.statistics.packets_dropped += 1;
                self.observe_dropped(None, rest.len(), DropReason::Unreadable);
                if first {
                    self.look_for_reset(now, end);
                }
                break;
            };
            let (packet, after) = std::mem::take(&mut rest).split_at_mut(header.packet_bytes);
            rest = after;
            if !self.receive_packet(now, arrival, &header, packet, datagram_bytes)? && first {
                self.look_for_reset(now, end);
            }
            first = false;
        }
        Ok(())
    }

    /// Says whether the packet was authentic (or of a kind that is not encrypted).
    fn receive_packet(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        header: &ProtectedHeader,
        packet: &mut [u8],
        datagram_bytes: usize,
    ) -> Result<bool, TransportError> {
        match header.kind {
            PacketKind::Retry => self.on_retry(now, header, packet),
            PacketKind::VersionNegotiation => self.on_version_negotiation(header, packet),
            // Q-PKT-6: not even a CLOSE in it counts.
            PacketKind::Initial if self.side == Side::Server && datagram_bytes < PADDED_BYTES => {
                self.statistics.packets_dropped += 1;
                let seen = Some((header.kind, None));
                self.observe_dropped(seen, header.packet_bytes, DropReason::Small);
                Ok(true)
            }
            PacketKind::Initial
            | PacketKind::Handshake
            | PacketKind::ZeroRtt
            | PacketKind::Short => {
                self.receive_protected(now, arrival, header, packet, datagram_bytes)
            }
        }
    }

    fn receive_protected(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        header: &ProtectedHeader,
        packet: &mut [u8],
        datagram_bytes: usize,
    ) -> Result<bool, TransportError> {
        if self.lacks_keys(header.kind) {
            self.keep_for_later(now, arrival, packet);
            return Ok(true);
        }
        let Some((number, payload)) = self.unseal(now, header, packet)? else {
            self.statistics.packets_dropped += 1;
            let seen = Some((header.kind, None));
            self.observe_dropped(seen, header.packet_bytes, DropReason::NotAuthentic);
            return Ok(false);
        };
        let opened = Opened {
            kind: header.kind,
            space: header.kind.space(),
            number,
            destination: packet.get(header.destination.clone()).unwrap_or_default(),
            payload: packet.get(payload).unwrap_or_default(),
            arrival,
            datagram_bytes,
        };
        self.receive_opened(now, header, &opened)?;
        Ok(true)
    }

    fn receive_opened(
        &mut self,
        now: Instant,
        header: &ProtectedHeader,
        packet: &Opened<'_>,
    ) -> Result<(), TransportError> {
        let Some(space) = self.spaces[packet.space as usize].as_deref_mut() else {
            return Ok(());
        };
        if space.acknowledger.is_duplicate(packet.number) {
            self.statistics.packets_duplicate += 1;
            let seen = Some((packet.kind, Some(packet.number)));
            self.observe_dropped(seen, header.packet_bytes, DropReason::Duplicate);
            return Ok(());
        }
        self.statistics.packets_received += 1;
        let newest = space
            .acknowledger
            .largest()
            .is_none_or(|largest| packet.number > largest);
        let bytes = header.packet_bytes;
        self.observe_received(packet.kind, Some(packet.number), bytes, packet.payload);
        self.on_authentic(now, header)?;
        let summary = self.receive_frames(now, packet)?;
        if self.is_closed() {
            return Ok(());
        }
        self.keep_symbol(now, packet)?;
        if let Some(space) = self.spaces[packet.space as usize].as_deref_mut() {
            let elicits = summary.ack_eliciting;
            // What waited here for its keys says so (RFC 9000 section 13.2.5).
            let received_at = self.kept_since.unwrap_or(now);
            space
                .acknowledger
                .on_received(received_at, packet.number, elicits, packet.arrival.ecn);
            self.timers
                .set_or_stop(super::Timer::AckDelay, space.acknowledger.timeout());
        }
        self.on_heard(now);
        if packet.arrival.remote != self.path.remote && newest && summary.non_probing {
            let new_id = self.local_ids.sequence(packet.destination) != Some(0);
            self.follow_peer(now, packet.arrival, packet.datagram_bytes, new_id)?;
        }
        Ok(())
    }

    fn receive_frames(
        &mut self,
        now: Instant,
        packet: &Opened<'_>,
    ) -> Result<Summary, TransportError> {
        if packet.payload.is_empty() {
            return Err(TransportError::violation("a packet without frames"));
        }
        let mut summary = Summary::default();
        self.messages.on_packet();
        for frame in Frames::new(packet.payload) {
            let frame = frame?;
            if !packet.kind.permits(&frame) {
                return Err(TransportError {
                    code: TransportErrorCode::PROTOCOL_VIOLATION,
                    frame_type: Some(frame.frame_type()),
                    reason: "a frame in a packet that must not carry it",
                });
            }
            summary.ack_eliciting |= frame.is_ack_eliciting();
            summary.non_probing |= !frame.is_probing();
            self.on_frame(now, packet, frame)?;
            if self.is_closed() {
                break;
            }
        }
        Ok(summary)
    }

    /// The one match: what each frame does.
    pub(super) fn on_frame(
        &mut self,
        now: Instant,
        packet: &Opened<'_>,
        frame: Frame<'_>,
    ) -> Result<(), TransportError> {
        match frame {
            Frame::Padding | Frame::Ping | Frame::Grease => {}
            // Only hints for whoever looks at a trace: credit is given as data is consumed.
            Frame::DataBlocked { .. }
            | Frame::StreamsBlocked { .. }
            | Frame::MessageDataBlocked { .. } => {}
            Frame::StreamDataBlocked { id, .. } => self.streams.on_stream_data_blocked(id)?,
            Frame::Stream(stream) => self.streams.on_stream(&stream)?,
            Frame::ResetStream {
                id,
                error,
                final_size,
            } => self.streams.on_reset_stream(id, error, final_size)?,
            Frame::StopSending { id, error } => self.streams.on_stop_sending(id, error)?,
            Frame::MaxData { bytes } => self.streams.on_max_data(bytes),
            Frame::MaxStreamData { id, bytes } => self.streams.on_max_stream_data(id, bytes)?,
            Frame::MaxStreams { direction, count } => self.streams.on_max_streams(direction, count),
            Frame::Message(message) => self.messages.on_message(now, &message)?,
            Frame::ResetMessage { id, size, reason } => {
                self.messages.on_reset_message(id, size, reason)?;
            }
            Frame::MaxMessageData { bytes } => self.messages.on_max_message_data(bytes),
            Frame::MessagesExpired(totals) => self.messages.on_messages_expired(totals),
            Frame::Timestamp(sent) => {
                let arrived_at = self.kept_since.unwrap_or(now);
                self.messages.on_timestamp(arrived_at, sent);
            }
            Frame::Ack(ack) => self.on_ack(now, packet.space, &ack)?,
            Frame::Crypto { offset, data } => self.on_crypto(now, packet.space, offset, data)?,
            Frame::Repair(repair) => self.on_repair(now, packet, &repair)?,
            Frame::Recovered { number } => self.on_recovered(number)?,
            Frame::NewConnectionId(new) => self.on_new_connection_id(&new)?,
            Frame::RetireConnectionId { sequence } => {
                self.on_retire_connection_id(sequence, packet.destination)?;
            }
            Frame::PathChallenge { data } => {
                self.on_path_challenge(packet.arrival, packet.datagram_bytes, data);
            }
            Frame::PathResponse { data } => self.on_path_response(data),
            Frame::NewToken { token } => self.on_new_token(token)?,
            Frame::HandshakeDone => self.on_handshake_done(now)?,
            Frame::AckFrequency(frequency) => self.on_ack_frequency(&frequency)?,
            Frame::ImmediateAck => self.acknowledge_immediately(),
            Frame::Close {
                transport,
                error,
                reason,
                ..
            } => self.on_close(now, transport, error, reason),
        }
        Ok(())
    }

    fn on_ack(
        &mut self,
        now: Instant,
        space: SpaceId,
        ack: &Ack<'_>,
    ) -> Result<(), TransportError> {
        let mut outcome = std::mem::take(&mut self.outcome);
        let delay = if space == SpaceId::Data {
            self.peer.ack_delay(ack.delay)
        } else {
            Duration::ZERO
        };
        // An acknowledgement that waited here for its keys is no measure of the path
        // (RFC 9002 section 5.3).
        let delay = self.kept_since.is_none().then_some(delay);
        let Self {
            recovery,
            path,
            statistics,
            spaces,
            ..
        } = self;
        let mut check_ecn = |report: &EcnReport| {
            let Some(space) = spaces[report.space as usize].as_deref_mut() else {
                return 0;
            };
            let known = &mut space.ecn_counts;
            let marked = path
                .ecn
                .on_ack(report.ect0_acknowledged, report.counts, known);
            statistics.ecn_marked += marked;
            marked
        };
        let result = recovery.on_ack(now, space, ack, delay, &mut check_ecn, &mut outcome);
        if result.is_ok() {
            self.observe_lost(space, &outcome);
            self.apply(now, space, &mut outcome);
            if space == SpaceId::Data {
                self.data_keys_acknowledged(now, ack.largest);
            }
        }
        // Nothing is under way: perhaps nothing will be for long, and no memory is kept for it.
        if self.recovery.is_waiting() {
            self.outcome = outcome;
        }
        result
    }

    fn on_close(&mut self, now: Instant, transport: bool, code: u64, reason: &[u8]) {
        let error = if transport {
            ConnectionError::ClosedByPeer {
                code: TransportErrorCode(code),
                reason: String::from_utf8_lossy(reason).into_owned(),
            }
        } else {
            ConnectionError::ClosedByApplication {
                code,
                reason: reason.to_vec(),
            }
        };
        self.drain_because(now, error);
    }

    /// A datagram that cannot be decrypted may be the peer's word that it lost its memory
    /// (RFC 9000 section 10.3.1): then it ends in the token of the id that we send to.
    fn look_for_reset(&mut self, now: Instant, end: Option<[u8; ResetToken::BYTES]>) {
        let expected = self.remote_ids.reset_token();
        if let (Some(expected), Some(end)) = (expected, end)
            && expected.matches(&end)
        {
            self.drain_because(now, ConnectionError::Reset);
        }
    }

    fn on_new_connection_id(&mut self, new: &NewConnectionId) -> Result<(), TransportError> {
        if self.remote_ids.add(new)? {
            self.announce_reset_token();
        }
        Ok(())
    }

    fn on_retire_connection_id(
        &mut self,
        sequence: u64,
        used: &[u8],
    ) -> Result<(), TransportError> {
        if self.local_ids.retire(sequence, used)? {
            self.endpoint_events
                .push_back(EndpointEvent::RetiredConnectionId(sequence));
            self.request_ids();
        }
        Ok(())
    }

    fn on_ack_frequency(&mut self, frequency: &AckFrequency) -> Result<(), TransportError> {
        match self.spaces[SpaceId::Data as usize].as_deref_mut() {
            Some(space) => space.acknowledger.on_ack_frequency(frequency),
            None => Ok(()),
        }
    }

    pub(super) fn acknowledge_immediately(&mut self) {
        if let Some(space) = self.spaces[SpaceId::Data as usize].as_deref_mut() {
            space.acknowledger.on_immediate_ack();
        }
    }

    /// Only a server has addresses to forget; only a client is given tokens.
    fn on_new_token(&mut self, token: &[u8]) -> Result<(), TransportError> {
        if self.side == Side::Server {
            return Err(TransportError::violation("a client sent NEW_TOKEN"));
        }
        if token.is_empty() {
            return Err(TransportError::new(
                TransportErrorCode::FRAME_ENCODING_ERROR,
                "an empty token",
            ));
        }
        self.handshake.keep_token(token);
        Ok(())
    }
}
