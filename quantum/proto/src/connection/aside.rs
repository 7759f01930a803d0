//! Datagrams beside the ordinary flow: the close, answers and questions about paths, probes of
//! their size.

use super::lifecycle::Close;
use super::path::PathResponse;
use super::transmit::{Budget, Kind, PADDED_BYTES, Room};
use super::{Connection, State};
use crate::carried::{Contents, PacketBuffer};
use crate::crypto::TAG_BYTES;
use crate::frame;
use crate::packet::PacketKind;
use crate::recovery::{SentPacket, SpaceId};
use crate::stream::Side;
use crate::time::Instant;
use crate::transmit::Transmit;

impl Connection {
    /// The word that the connection is over, in every space that the peer may be able to read.
    pub(super) fn transmit_close(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
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

    pub(super) fn assemble_close(
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
    pub(super) fn transmit_response(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
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
    pub(super) fn transmit_old_challenge(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
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

    pub(super) fn transmit_mtu_probe(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
        if !self.path.mtu.wants_probe(now)
            || !self.handshake.confirmed
            // The first answer must not wait behind probes.
            || self.recovery.largest_acknowledged(SpaceId::Data).is_none()
            || !self.path.validated
            || self.budget(now, SpaceId::Data, self.path.mtu.max().into()) != Budget::Data
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
    pub(super) fn assemble_probe(
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
            more: false,
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
