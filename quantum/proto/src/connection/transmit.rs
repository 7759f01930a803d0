//! Decides what leaves, in one order: close, acknowledgements, handshake, control, lost data,
//! messages, streams.
//!
//! Datagrams of equal size are written one behind the other, so that one system call can send
//! them. Forward error correction has its place between assembling a payload and sealing it.

use super::{Connection, State, Timer};
use crate::packet::PacketKind;
use crate::recovery::SpaceId;
use crate::stream::Side;
use crate::time::Instant;
use crate::transmit::Transmit;

/// What has to be said once.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) ping: bool,
    pub(super) handshake_done: bool,
    pub(super) new_token: bool,
    /// What is said whatever the protocol thinks of it: see `Connection::say`.
    #[cfg(any(test, feature = "hostile"))]
    pub(super) raw: std::collections::VecDeque<Vec<u8>>,
    /// Nothing that the peer says is an error.
    #[cfg(any(test, feature = "hostile"))]
    pub(super) heedless: bool,
}

/// What the next packet may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// Anything.
    Data,
    /// A probe: leaves whatever the window says.
    Probe,
    /// What is more urgent than something else that waits (Q-URG-5).
    Urgent,
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
        self.watch_from(now);
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
            self.arm_message_timer();
            self.observe_metrics();
        }
        transmit
    }

    pub(super) fn transmit_batch(
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
    /// ones, rather than none: it could not prove itself without the challenge, which is why data do
    /// not get what further challenges need.
    pub(super) fn datagram_room(&self, segment: usize) -> Option<usize> {
        let allowance = usize::try_from(self.path.allowance()).unwrap_or(usize::MAX);
        let reserved = self.challenges_to_come() * PACKET_BYTES_MIN;
        let least = if self.path.challenge_pending {
            PACKET_BYTES_MIN.min(allowance)
        } else {
            0
        };
        let allowance = allowance.saturating_sub(reserved).max(least);
        let least = if self.is_handshaking() {
            segment
        } else {
            PACKET_BYTES_MIN
        };
        (allowance >= least).then(|| segment.min(allowance))
    }

    pub(super) fn transmit(&mut self, size: usize, segment_size: Option<usize>) -> Transmit {
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
    pub(super) fn assemble_datagram(&mut self, now: Instant, segment: usize, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        let room = Room {
            end: start + segment,
            pad_to: None,
        };
        let is_client = self.side == Side::Client;
        if is_client && self.assemble_padded(now, segment, buffer) {
            return;
        }
        for space in SpaceId::ALL {
            let Some(kind) = self.sending_kind(space) else {
                continue;
            };
            if is_client && space == SpaceId::Initial {
                continue;
            }
            let budget = self.budget(now, space, segment);
            if !self.wants_to_send(now, space, budget) {
                continue;
            }
            // What proves a path also shows that it carries datagrams of that size
            // (RFC 9000 section 8.2.1).
            let challenges = space == SpaceId::Data && self.path.challenge_pending;
            let packet = Kind {
                space,
                kind,
                budget,
            };
            let room = if challenges { room.padded(start) } else { room };
            self.assemble_packet(now, packet, room, buffer);
        }
    }

    /// A client's datagram with an Initial packet, which has to be large (Q-PKT-6): early data fill
    /// it, or padding does. False: none is due.
    fn assemble_padded(&mut self, now: Instant, segment: usize, buffer: &mut Vec<u8>) -> bool {
        let start = buffer.len();
        let room = Room {
            end: start + segment,
            pad_to: None,
        };
        let space = SpaceId::Initial;
        let Some(kind) = self.sending_kind(space) else {
            return false;
        };
        let budget = self.budget(now, space, segment);
        let answers = self.sending_kind(SpaceId::Handshake).is_some();
        // The server has the ClientHello, and what follows says so better than a datagram that has
        // to be padded: the Initial keys go (RFC 9001 section 4.9.1).
        if !self.wants_to_send(now, space, budget)
            || answers && self.wants_to_send(now, SpaceId::Handshake, budget)
        {
            return false;
        }
        let packet = Kind {
            space,
            kind,
            budget,
        };
        let early = budget != Budget::Acknowledgements
            && self.sending_kind(SpaceId::Data) == Some(PacketKind::ZeroRtt)
            && !answers
            && self.has_data();
        if !early {
            return self.assemble_packet(now, packet, room.padded(start), buffer);
        }
        let first = Room {
            end: room.end - EARLY_BYTES_MIN,
            pad_to: None,
        };
        if !self.assemble_packet(now, packet, first, buffer) {
            return false;
        }
        // As large as an Initial packet with padding would have been, whatever there is to say.
        let packet = Kind::of(SpaceId::Data, PacketKind::ZeroRtt);
        self.assemble_packet(now, packet, room.padded(start), buffer)
    }

    /// What kind of packet the space sends at present, if it can send.
    pub(super) fn sending_kind(&self, space: SpaceId) -> Option<PacketKind> {
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
    pub(super) fn budget(&mut self, now: Instant, space: SpaceId, bytes: usize) -> Budget {
        if self.probes[space as usize] > 0 {
            return Budget::Probe;
        }
        // What was sent to the address that is gone must not keep the new one from being tried.
        if space == SpaceId::Data && self.path.challenge_pending {
            return Budget::Data;
        }
        // Data that the peer may not read before the end of the handshake must not be what keeps the
        // handshake from its end.
        if space != SpaceId::Data && !self.recovery.awaits_acknowledgement(space) {
            return Budget::Data;
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
                let lends = space == SpaceId::Data && self.pacer.lends(bytes as u64);
                if lends && self.has_urgent(bytes as u64) {
                    Budget::Urgent
                } else {
                    Budget::Acknowledgements
                }
            }
            None => Budget::Data,
        }
    }

    pub(super) fn wants_to_send(&mut self, now: Instant, id: SpaceId, budget: Budget) -> bool {
        let Some(space) = &self.spaces[id as usize] else {
            return false;
        };
        if space.acknowledger.is_due(now) || budget == Budget::Probe {
            return true;
        }
        if budget == Budget::Acknowledgements {
            return false;
        }
        if budget == Budget::Urgent {
            return true;
        }
        let wants = space.has_crypto()
            || (id == SpaceId::Data && (self.has_data() || self.repair_is_due(now)));
        if !wants && id == SpaceId::Data {
            self.recovery.set_app_limited();
        }
        wants
    }

    pub(super) fn has_data(&self) -> bool {
        self.pending.any()
            || self.path.challenge_pending
            || self.path_responses.owes(self.path.remote)
            || self.local_ids.has_unannounced()
            || self.remote_ids.has_unannounced()
            || self.streams.has_pending_control()
            || self.messages.has_pending()
            || self.streams.has_pending_data()
    }
}

/// What is assembled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) space: SpaceId,
    pub(super) kind: PacketKind,
    pub(super) budget: Budget,
}

impl Kind {
    /// A packet that neither window nor pacer holds back.
    pub(super) const fn of(space: SpaceId, kind: PacketKind) -> Self {
        Self {
            space,
            kind,
            budget: Budget::Probe,
        }
    }
}

/// Where it has to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Where the datagram ends at the latest.
    pub(super) end: usize,
    /// Where it has to end at the earliest.
    pub(super) pad_to: Option<usize>,
}

impl Room {
    /// The datagram that begins at `start` has to be large.
    fn padded(self, start: usize) -> Self {
        let pad_to = Some(self.end.min(start + PADDED_BYTES));
        Self { pad_to, ..self }
    }
}

impl Pending {
    fn any(&self) -> bool {
        #[cfg(any(test, feature = "hostile"))]
        if !self.raw.is_empty() {
            return true;
        }
        self.ping || self.handshake_done || self.new_token
    }
}

/// A client's datagrams with Initial packets, and those that probe a path, are at least this large
/// (RFC 9000 sections 8.2.1 and 14.1).
pub(super) const PADDED_BYTES: usize = 1200;

/// Room that a ClientHello leaves for early data in the same datagram.
const EARLY_BYTES_MIN: usize = 2 * PACKET_BYTES_MIN;

/// Packets in a row that ask for no acknowledgement.
pub(super) const UNANSWERED_MAX: u64 = 32;

/// The largest header, a tag and a few bytes of payload: those of a PATH_CHALLENGE in any case. Three
/// times the shortest packet of a client is more than this.
pub(super) const PACKET_BYTES_MIN: usize = 80;

/// `ack_delay_exponent` (RFC 9000 section 18.2: the default).
pub(super) const ACK_DELAY_EXPONENT: u32 = 3;

/// Room for any single control frame but NEW_TOKEN.
pub(super) const CONTROL_BYTES_MAX: usize = 64;
