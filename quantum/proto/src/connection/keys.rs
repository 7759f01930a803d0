//! Opening and sealing packets, and the life of the data keys.

use std::ops::Range;
use std::time::Duration;

use super::space::Kept;
use super::{Connection, Timer};
use crate::crypto::{HeaderKey, KeySchedule, Keys, PacketKey, TAG_BYTES};
use crate::endpoint::Arrival;
use crate::error::{TransportError, TransportErrorCode};
use crate::observe::Observation;
use crate::packet::{PacketKind, PacketWriter, ProtectedHeader};
use crate::recovery::{GRANULARITY, SpaceId};
use crate::stream::Side;
use crate::time::Instant;

/// The keys of the data space: of this phase, the one before and the next (RFC 9001 section 6).
///
/// The peer's next key is made ahead of time, so that how long a packet takes to open does not
/// tell an observer which key it needed (RFC 9001 section 9.5). Ours is not: each takes as much
/// memory as all streams of an idle connection.
pub(super) struct DataKeys {
    schedule: KeySchedule,
    pub(super) local: PacketKey,
    pub(super) remote: PacketKey,
    pub(super) local_header: HeaderKey,
    pub(super) remote_header: HeaderKey,
    next_remote: PacketKey,
    /// Opens packets that were sent before the last update and came late.
    pub(super) previous_remote: Option<PacketKey>,
    pub(super) phase: bool,
    /// Packets sealed in this phase.
    pub(super) sealed: u64,
    /// Packets that could not be opened, in all phases: forgeries (RFC 9001 section 6.6).
    pub(super) forged: u64,
    /// The first packet number that was sent, and that was opened, in this phase.
    first_sent: Option<u64>,
    first_opened: Option<u64>,
    /// The peer has acknowledged a packet of this phase: a next update may begin.
    pub(super) acknowledged: bool,
    /// When the phase began.
    began: Instant,
}

/// Which of the data keys opens a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Previous,
    Current,
    Next,
}

impl DataKeys {
    pub(super) fn new(now: Instant, keys: Keys, schedule: KeySchedule) -> Self {
        Self {
            next_remote: schedule.peek(),
            schedule,
            local: keys.local.packet,
            remote: keys.remote.packet,
            local_header: keys.local.header,
            remote_header: keys.remote.header,
            previous_remote: None,
            phase: false,
            sealed: 0,
            forged: 0,
            first_sent: None,
            first_opened: None,
            acknowledged: false,
            began: now,
        }
    }

    /// The same, with every key that opens packets wrapped.
    #[cfg(test)]
    pub(super) fn with_wrapped(
        mut self,
        wrap: impl Fn(Box<dyn rustls::quic::PacketKey>) -> Box<dyn rustls::quic::PacketKey>,
    ) -> Self {
        self.remote = self.remote.wrapped(&wrap);
        self.next_remote = self.next_remote.wrapped(&wrap);
        self.previous_remote = self.previous_remote.map(|key| key.wrapped(&wrap));
        self
    }

    /// Which keys a packet asks for: those of the other phase may be the old or the new ones.
    fn phase_of(&self, phase_bit: bool, number: u64) -> Phase {
        let before_this_phase = self.first_opened.is_none_or(|first| number < first);
        if phase_bit == self.phase {
            Phase::Current
        } else if self.previous_remote.is_some() && before_this_phase {
            Phase::Previous
        } else {
            Phase::Next
        }
    }

    fn key(&self, phase: Phase) -> Option<&PacketKey> {
        match phase {
            Phase::Previous => self.previous_remote.as_ref(),
            Phase::Current => Some(&self.remote),
            Phase::Next => Some(&self.next_remote),
        }
    }

    /// Turns to the next keys, both ways.
    pub(super) fn update(&mut self, now: Instant) {
        (self.local, _) = self.schedule.next();
        let remote = std::mem::replace(&mut self.next_remote, self.schedule.peek());
        self.previous_remote = Some(std::mem::replace(&mut self.remote, remote));
        self.phase = !self.phase;
        self.sealed = 0;
        self.first_sent = None;
        self.first_opened = None;
        self.acknowledged = false;
        self.began = now;
    }

    /// An update may begin: the peer has followed the last one, and nobody needs its keys any
    /// more.
    fn may_update(&self) -> bool {
        self.acknowledged && self.previous_remote.is_none()
    }
}

impl Connection {
    /// Whether packets of this kind may become readable later.
    pub(super) fn lacks_keys(&self, kind: PacketKind) -> bool {
        match kind {
            PacketKind::Initial => false,
            PacketKind::Handshake => self.is_handshaking() && !self.has_keys(SpaceId::Handshake),
            // A server's first readable Initial packet brings the keys.
            PacketKind::ZeroRtt => {
                self.is_handshaking() && self.early_keys.is_none() && self.data_keys.is_none()
            }
            // A server has the keys before it knows its client: what they open has to wait for the end
            // of the handshake (RFC 9001 section 5.7).
            _ => self.is_handshaking() && (self.data_keys.is_none() || self.side == Side::Server),
        }
    }

    fn has_keys(&self, id: SpaceId) -> bool {
        self.spaces[id as usize]
            .as_ref()
            .is_some_and(|space| space.keys.is_some())
    }

    pub(super) fn keep_for_later(&mut self, now: Instant, arrival: &Arrival, packet: &[u8]) {
        let since = self.kept_since.unwrap_or(now);
        self.undecryptable.push(|| Kept {
            since,
            arrival: *arrival,
            packet: packet.to_vec(),
        });
    }

    /// Removes the protection of a packet, in place. `None` if it is not authentic.
    ///
    /// # Errors
    ///
    /// If an authentic packet breaks the rules, or too many were forged.
    pub(super) fn unseal(
        &mut self,
        now: Instant,
        header: &ProtectedHeader,
        packet: &mut [u8],
    ) -> Result<Option<(u64, Range<usize>)>, TransportError> {
        let space = header.kind.space();
        let Some(largest) = self.spaces[space as usize].as_ref().map(|space| {
            space
                .acknowledger
                .largest()
                .map_or(0, |largest| largest + 1)
        }) else {
            return Ok(None);
        };
        let Some(plain) = self.remote_header_key(header.kind).and_then(|key| {
            header.unprotect(packet, |sample, first, number| {
                key.unprotect(sample, first, number)
            })
        }) else {
            return Ok(None);
        };
        let number = plain.number(largest);
        let opened = match header.kind {
            PacketKind::Short => self.open_data(
                now,
                number,
                plain.key_phase(),
                plain.payload_start(),
                packet,
            )?,
            kind => self.open_other(kind, number, plain.payload_start(), packet),
        };
        let Some(length) = opened else {
            return Ok(None);
        };
        if plain.reserved_bits() != 0 {
            return Err(TransportError::violation(
                "reserved bits of a header are set",
            ));
        }
        let start = plain.payload_start();
        Ok(Some((number, start..start + length)))
    }

    fn remote_header_key(&self, kind: PacketKind) -> Option<&HeaderKey> {
        match kind {
            PacketKind::Short => Some(&self.data_keys.as_ref()?.remote_header),
            PacketKind::ZeroRtt => self
                .early_keys
                .as_ref()
                .filter(|_| self.side == Side::Server)
                .map(|keys| &keys.header),
            kind => {
                let space = self.spaces[kind.space() as usize].as_ref()?;
                Some(&space.keys.as_ref()?.remote.header)
            }
        }
    }

    fn open_other(
        &self,
        kind: PacketKind,
        number: u64,
        payload_start: usize,
        packet: &mut [u8],
    ) -> Option<usize> {
        let key = match kind {
            PacketKind::ZeroRtt => &self.early_keys.as_ref()?.packet,
            kind => {
                &self.spaces[kind.space() as usize]
                    .as_ref()?
                    .keys
                    .as_ref()?
                    .remote
                    .packet
            }
        };
        let (header, payload) = packet.split_at_mut_checked(payload_start)?;
        key.open(number, header, payload)
    }

    fn open_data(
        &mut self,
        now: Instant,
        number: u64,
        phase_bit: bool,
        payload_start: usize,
        packet: &mut [u8],
    ) -> Result<Option<usize>, TransportError> {
        let Some(keys) = self.data_keys.as_deref_mut() else {
            return Ok(None);
        };
        let phase = keys.phase_of(phase_bit, number);
        let opened = keys.key(phase).and_then(|key| {
            let (header, payload) = packet.split_at_mut_checked(payload_start)?;
            key.open(number, header, payload)
        });
        if opened.is_none() {
            keys.forged += 1;
            if keys.forged >= keys.remote.integrity_limit() {
                return Err(TransportError::new(
                    TransportErrorCode::AEAD_LIMIT_REACHED,
                    "too many packets that were not authentic",
                ));
            }
            return Ok(None);
        }
        match phase {
            Phase::Next => self.follow_key_update(now, number)?,
            Phase::Current if keys.first_opened.is_none_or(|first| number < first) => {
                let followed = keys.first_opened.is_none() && keys.previous_remote.is_some();
                keys.first_opened = Some(number);
                if followed {
                    // Until now the peer may not have heard of the update (RFC 9001 section 6.5).
                    self.await_key_discard(now);
                }
            }
            Phase::Current | Phase::Previous => {}
        }
        Ok(opened)
    }

    /// The peer has turned to the next keys.
    fn follow_key_update(&mut self, now: Instant, number: u64) -> Result<(), TransportError> {
        let Some(keys) = self.data_keys.as_deref_mut() else {
            return Ok(());
        };
        // A peer updates again when it has seen that we followed, and waited for three of its
        // probe timeouts. We do not know them, only that none is shorter than this (Q-KEY-2).
        let again = keys.previous_remote.is_some();
        if again && (keys.first_sent.is_none() || now.since(keys.began) < 3 * GRANULARITY) {
            return Err(TransportError::new(
                TransportErrorCode::KEY_UPDATE_ERROR,
                "updated keys again too soon",
            ));
        }
        keys.update(now);
        keys.first_opened = Some(number);
        self.await_key_discard(now);
        self.after_key_update(now);
        Ok(())
    }

    /// Turns to new keys, if the peer has followed the last time.
    pub(super) fn start_key_update(&mut self, now: Instant) {
        let Some(keys) = self
            .data_keys
            .as_deref_mut()
            .filter(|_| self.handshake.confirmed)
        else {
            return;
        };
        if keys.may_update() {
            keys.update(now);
            self.after_key_update(now);
        }
    }

    fn after_key_update(&mut self, now: Instant) {
        self.statistics.key_updates += 1;
        let generation = self.statistics.key_updates;
        tracing::debug!(connection = ?self.handshake.guuid, generation, "new keys");
        self.observe(|| Observation::KeysUpdated { generation });
        self.timers.set(Timer::KeyUpdate, now + KEY_LIFETIME);
    }

    pub(super) fn discard_previous_keys(&mut self) {
        if let Some(keys) = self.data_keys.as_deref_mut() {
            keys.previous_remote = None;
        }
    }

    /// The peer has acknowledged data packets up to `largest`.
    pub(super) fn data_keys_acknowledged(&mut self, now: Instant, largest: u64) {
        let Some(keys) = self.data_keys.as_deref_mut() else {
            return;
        };
        let followed = keys.first_sent.is_some_and(|first| largest >= first);
        if followed && !keys.acknowledged {
            keys.acknowledged = true;
            if keys.previous_remote.is_some() {
                self.await_key_discard(now);
            }
        }
    }

    fn await_key_discard(&mut self, now: Instant) {
        let late = self.recovery.probe_timeout(SpaceId::Data) * 3;
        self.timers.set(Timer::KeyDiscard, now + late);
    }

    /// Encrypts a packet whose payload ends the buffer, and protects its header. Returns its size.
    pub(super) fn seal_packet(
        &mut self,
        id: SpaceId,
        kind: PacketKind,
        number: u64,
        writer: &PacketWriter,
        buffer: &mut Vec<u8>,
    ) -> u16 {
        self.observe_sent(kind, number, writer, buffer);
        buffer.resize(buffer.len() + TAG_BYTES, 0);
        writer.finish_length(buffer);
        self.statistics.packets_sent += 1;
        let bytes = u16::try_from(buffer.len() - writer.start_offset()).unwrap_or(u16::MAX);
        let (packet_key, header_key) = match kind {
            PacketKind::Short => {
                let Some(keys) = self.data_keys.as_deref_mut() else {
                    return bytes;
                };
                keys.sealed += 1;
                keys.first_sent.get_or_insert(number);
                (&keys.local, &keys.local_header)
            }
            PacketKind::ZeroRtt => match self.early_keys.as_deref() {
                Some(keys) => (&keys.packet, &keys.header),
                None => return bytes,
            },
            _ => match self.spaces[id as usize]
                .as_ref()
                .and_then(|space| space.keys.as_ref())
            {
                Some(keys) => (&keys.local.packet, &keys.local.header),
                None => return bytes,
            },
        };
        let (before, payload) = buffer.split_at_mut(writer.payload_start());
        let header = before.get(writer.start_offset()..).unwrap_or_default();
        packet_key.seal(number, header, payload);
        writer.protect(buffer, |sample, first, number| {
            header_key.protect(sample, first, number);
        });
        bytes
    }

    /// Whether data keys have been used for so long that they have to change, or must not be used
    /// any more.
    ///
    /// # Errors
    ///
    /// If the limit of the cipher is reached and keys cannot be updated.
    pub(super) fn check_key_use(&mut self, now: Instant) -> Result<(), TransportError> {
        let Some(keys) = self.data_keys.as_deref() else {
            return Ok(());
        };
        if keys.sealed
            >= self
                .config
                .key_update_packets
                .min(keys.local.confidentiality_limit())
        {
            self.start_key_update(now);
        }
        let keys = self.data_keys.as_deref();
        if keys.is_some_and(|keys| keys.sealed >= keys.local.confidentiality_limit()) {
            return Err(TransportError::new(
                TransportErrorCode::AEAD_LIMIT_REACHED,
                "the cipher must not protect more packets",
            ));
        }
        Ok(())
    }
}

/// Keys older than this are replaced, whatever they were used for.
pub(super) const KEY_LIFETIME: Duration = Duration::from_secs(3600);
