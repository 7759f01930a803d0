//! The handshake: TLS messages in and out, new keys, the peer's parameters.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use guuid::Guuid;
use rustls_pki_types::CertificateDer;

use super::keys::{DataKeys, KEY_LIFETIME};
use super::space::Space;
use super::{Connection, Event, State, Timer};
use crate::acknowledge::FrequencyRequests;
use crate::config::ServerMemory;
use crate::connection_id::ConnectionId;
use crate::crypto;
use crate::crypto::{KeyChange, KeySchedule, Keys, Session};
use crate::endpoint::{ConnectionSetup, EndpointEvent};
use crate::error::{ConnectionError, TransportError, TransportErrorCode};
use crate::observe::{Observation, Owner, Parameters, Stage};
use crate::packet::{self, PacketKind, ProtectedHeader};
use crate::parameters::TransportParameters;
use crate::recovery::{HandshakeFacts, SpaceId};
use crate::stream::{PeerLimits, Side};
use crate::time::Instant;

/// What the handshake is about, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    pub(super) guuid: Option<Guuid>,
    /// Both ends know that it is complete (RFC 9001 section 4.1.2).
    pub(super) confirmed: bool,
    pub(super) migration_allowed: bool,
    /// Until it is confirmed.
    pub(super) opening: Option<Box<Opening>>,
    /// The next packet is the first one after the handshake.
    pub(super) answer_first: bool,
    /// Server: for the client's next connection.
    pub(super) address_token: Option<Bytes>,
    /// The peer's parameters have been checked and taken over.
    parameters_known: bool,
    /// 0-RTT was attempted, and taken.
    pub(super) early: bool,
    pub(super) early_accepted: bool,
    pub(super) peer_identity: Option<Box<[CertificateDer<'static>]>>,
    pub(super) application_protocol: Option<Box<[u8]>>,
    pub(super) server_name: Option<Box<str>>,
    pub(super) exporter: Option<crypto::Exporter>,
    /// Client: what it keeps for its next connection to the same server.
    pub(super) memory: Option<(Arc<ServerMemory>, String)>,
}

/// What matters only while a connection begins.
#[derive(Debug)]
pub(super) struct Opening {
    /// Client: to be repeated in every Initial packet. Server: empty.
    pub(super) token: Bytes,
    /// The ids that the peer's transport parameters have to repeat (RFC 9000 section 7.3).
    original_destination: ConnectionId,
    retry_source: Option<ConnectionId>,
    peer_source: Option<ConnectionId>,
}

impl Opening {
    /// Nothing of the peer has been seen.
    fn is_first(&self) -> bool {
        self.retry_source.is_none() && self.peer_source.is_none()
    }
}

impl Handshake {
    pub(super) fn new(setup: &ConnectionSetup) -> Self {
        Self {
            guuid: setup.guuid,
            migration_allowed: setup.migration,
            opening: Some(Box::new(Opening {
                token: setup.token.clone(),
                original_destination: setup.original_destination,
                retry_source: None,
                peer_source: None,
            })),
            address_token: setup.next_token.clone(),
            memory: setup.memory.clone(),
            ..Self::default()
        }
    }

    pub(super) fn keep_token(&mut self, token: &[u8]) {
        if let Some((memory, server)) = &self.memory {
            memory.add_token(server, Bytes::copy_from_slice(token));
        }
    }
}

impl Connection {
    /// Handshake bytes arrived.
    pub(super) fn on_crypto(
        &mut self,
        now: Instant,
        id: SpaceId,
        offset: u64,
        data: &[u8],
    ) -> Result<(), TransportError> {
        let Some(space) = self.spaces[id as usize].as_deref_mut() else {
            return Ok(());
        };
        space.receive_crypto(offset, data)?;
        while let Some(space) = self.spaces[id as usize].as_deref_mut()
            && let Some(bytes) = space.take_crypto()
        {
            let Some(session) = &mut self.session else {
                return Err(TransportError::violation(
                    "handshake bytes after the handshake",
                ));
            };
            session.read(&bytes)?;
        }
        self.accept_early_data();
        self.advance_handshake(now)
    }

    /// Lets TLS say what it has to say, and takes over the keys that it agrees on.
    pub(super) fn advance_handshake(&mut self, now: Instant) -> Result<(), TransportError> {
        self.take_parameters(now)?;
        while let Some(session) = &mut self.session {
            let mut bytes = Vec::new();
            let change = session.write(&mut bytes);
            let wrote = !bytes.is_empty();
            if let Some(space) = self.spaces[self.write_level as usize].as_deref_mut() {
                space.send_crypto(bytes.into());
            }
            match change {
                Some(KeyChange::Handshake(keys)) => self.install_handshake_keys(keys),
                Some(KeyChange::Data(keys, schedule)) => {
                    self.install_data_keys(now, keys, schedule)
                }
                None if wrote => {}
                None => break,
            }
        }
        self.complete_handshake(now)
    }

    /// Server: a client that was here before may have sent data with its first packets.
    fn accept_early_data(&mut self) {
        let wanted = self.side == Side::Server && self.config.early_data;
        if wanted && self.is_handshaking() && self.early_keys.is_none() && self.data_keys.is_none()
        {
            let keys = self
                .session
                .as_ref()
                .and_then(|session| session.early_keys());
            self.keys_are_new |= keys.is_some();
            self.early_keys = keys.map(Box::new);
        }
    }

    fn install_handshake_keys(&mut self, keys: Keys) {
        let space = Space::new(SpaceId::Handshake, Some(keys), self.config.ack_delay_max);
        self.spaces[SpaceId::Handshake as usize] = Some(Box::new(space));
        self.write_level = SpaceId::Handshake;
        self.keys_are_new = true;
    }

    fn install_data_keys(&mut self, now: Instant, keys: Keys, schedule: KeySchedule) {
        self.data_keys = Some(Box::new(DataKeys::new(now, keys, schedule)));
        self.timers.set(Timer::KeyUpdate, now + KEY_LIFETIME);
        self.write_level = SpaceId::Data;
        self.keys_are_new = true;
        if self.side == Side::Client {
            // Nothing is sent as 0-RTT from now on.
            self.early_keys = None;
        }
    }

    /// The peer's parameters, as soon as TLS knows them.
    fn take_parameters(&mut self, now: Instant) -> Result<(), TransportError> {
        if self.handshake.parameters_known {
            return Ok(());
        }
        // Until the server's have come, a resumed session answers with those that it remembers.
        let settled =
            |session: &&dyn Session| self.side == Side::Server || !session.is_handshaking();
        let Some(encoded) = self
            .session
            .as_deref()
            .filter(settled)
            .and_then(|session| session.transport_parameters())
        else {
            return Ok(());
        };
        let peer = TransportParameters::decode(self.side.peer(), &encoded)?;
        self.check_parameters(&peer)?;
        self.handshake.parameters_known = true;
        self.observe(|| Observation::Parameters(Owner::Remote, Parameters::from(&peer)));
        self.adopt_parameters(now, peer);
        Ok(())
    }

    /// Whether the parameters belong to this handshake and not to another one into which an
    /// attacker has spliced it (RFC 9000 section 7.3).
    fn check_parameters(&self, peer: &TransportParameters) -> Result<(), TransportError> {
        let fault = |reason| {
            Err(TransportError::new(
                TransportErrorCode::TRANSPORT_PARAMETER_ERROR,
                reason,
            ))
        };
        let Some(opening) = &self.handshake.opening else {
            return Ok(());
        };
        if peer.initial_source_connection_id != opening.peer_source {
            return fault("the connection id in the parameters is not the sender's");
        }
        if self.side == Side::Server {
            return Ok(());
        }
        if peer.original_destination_connection_id != Some(opening.original_destination) {
            return fault("the parameters answer another connection");
        }
        if peer.retry_source_connection_id != opening.retry_source {
            return fault("the parameters name another Retry");
        }
        Ok(())
    }

    /// Takes the peer's limits over.
    fn adopt_parameters(&mut self, now: Instant, peer: TransportParameters) {
        if let Some((memory, server)) = &self.handshake.memory {
            memory.set_parameters(server, peer.remembered());
        }
        self.adopt_limits(now, peer);
    }

    /// What both remembered and fresh parameters set.
    pub(super) fn adopt_limits(&mut self, now: Instant, peer: TransportParameters) {
        self.idle.timeout = smaller(self.config.idle_timeout, peer.idle_timeout());
        self.recovery.set_max_ack_delay(peer.ack_delay_max());
        self.streams.set_peer_limits(PeerLimits::from(&peer));
        self.messages
            .set_peer_limits(peer.initial_max_message_data, peer.max_message_size);
        self.set_peer_repair(peer.max_repair_symbols);
        if let Some(token) = peer.stateless_reset_token {
            self.remote_ids.set_initial_reset_token(token);
            self.announce_reset_token();
        }
        if let Some(guuid) = peer.connection_guuid {
            self.handshake.guuid = Some(guuid);
        }
        self.ack_requests = FrequencyRequests::new(peer.min_ack_delay.map(Duration::from_micros));
        self.path.mtu.set_peer_max(peer.max_udp_payload_size);
        self.peer = peer.lasting();
        self.on_heard(now);
    }

    fn complete_handshake(&mut self, now: Instant) -> Result<(), TransportError> {
        let complete = self
            .session
            .as_ref()
            .is_some_and(|session| !session.is_handshaking());
        if !self.is_handshaking() || !complete || self.data_keys.is_none() {
            return Ok(());
        }
        if !self.handshake.parameters_known {
            return Err(TransportError::new(
                TransportErrorCode(0x16d), // RFC 9001 section 8.2: missing_extension
                "no transport parameters",
            ));
        }
        self.state = State::Established;
        // What came before the end of the handshake may be read now.
        self.keys_are_new = true;
        self.settle_early_data(now);
        self.remember_session();
        self.on_connected();
        self.endpoint_events
            .push_back(EndpointEvent::HandshakeComplete);
        self.request_ids();
        self.handshake.answer_first = true;
        if self.side == Side::Server {
            self.pending.handshake_done = true;
            self.pending.new_token = self.handshake.address_token.is_some();
            self.session = None;
            self.confirm_handshake(now);
        }
        Ok(())
    }

    /// What is worth knowing when the TLS session is gone.
    fn remember_session(&mut self) {
        if let Some(session) = &self.session {
            self.handshake.peer_identity = session.peer_identity().map(Into::into);
            self.handshake.application_protocol = session.application_protocol().map(Into::into);
            self.handshake.server_name = session.server_name().map(Into::into);
            self.handshake.exporter = session.exporter();
        }
    }

    /// Tells the endpoint by which token the peer is known if it loses its memory.
    pub(super) fn announce_reset_token(&mut self) {
        if let Some(token) = self.remote_ids.reset_token() {
            let event = EndpointEvent::PeerResetToken(self.path.remote, token);
            self.endpoint_events.push_back(event);
        }
    }

    /// What was sent as 0-RTT either counts or is sent again.
    fn settle_early_data(&mut self, now: Instant) {
        let accepted = self
            .session
            .as_ref()
            .is_some_and(|session| session.early_data_accepted());
        self.handshake.early_accepted = accepted;
        if self.side == Side::Client && self.handshake.early && !accepted {
            // First what is in flight: an unreliable message is not given up for that.
            self.give_up_flight(now, SpaceId::Data);
            self.streams.retransmit_all_for_early_data_rejected();
            self.messages.restart();
            self.events.push_back(Event::EarlyDataRejected);
        }
    }

    pub(super) fn on_handshake_done(&mut self, now: Instant) -> Result<(), TransportError> {
        if self.side == Side::Server {
            return Err(TransportError::violation("a client sent HANDSHAKE_DONE"));
        }
        if self.data_keys.is_none() || self.is_handshaking() {
            return Err(TransportError::violation(
                "HANDSHAKE_DONE before the handshake was done",
            ));
        }
        self.confirm_handshake(now);
        Ok(())
    }

    fn confirm_handshake(&mut self, now: Instant) {
        if self.handshake.confirmed {
            return;
        }
        self.handshake.confirmed = true;
        self.handshake.opening = None;
        self.recovery.on_handshake_confirmed();
        self.discard_space(now, SpaceId::Initial);
        self.discard_space(now, SpaceId::Handshake);
        self.timers.stop(Timer::Handshake);
        self.on_heard(now);
        self.observe(|| Observation::Reached(Stage::HandshakeConfirmed));
        self.events.push_back(Event::HandshakeConfirmed);
    }

    /// A space is done with: its keys and everything in flight in it are forgotten
    /// (RFC 9001 section 4.9).
    pub(super) fn discard_space(&mut self, now: Instant, id: SpaceId) {
        if self.spaces[id as usize].take().is_some() {
            self.recovery.discard_space(now, id);
        }
    }

    /// What an authentic packet proves, before its frames are looked at.
    pub(super) fn on_authentic(
        &mut self,
        now: Instant,
        header: &ProtectedHeader,
    ) -> Result<(), TransportError> {
        match header.kind {
            PacketKind::Initial => {
                if let Some(opening) = &mut self.handshake.opening
                    && opening.peer_source.is_none()
                {
                    let source = header.source.unwrap_or(self.remote_ids.active());
                    opening.peer_source = Some(source);
                    self.remote_ids.replace_initial(source);
                }
            }
            PacketKind::Handshake if self.side == Side::Server => {
                // Only who received our handshake keys' half can have sent it
                // (RFC 9000 section 8.1).
                self.path.validated = true;
                self.discard_space(now, SpaceId::Initial);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn handshake_facts(&self) -> HandshakeFacts {
        HandshakeFacts {
            handshake_keys: self.spaces[SpaceId::Handshake as usize].is_some(),
            amplification_limited: self.path.allowance() < MINIMUM_DATAGRAM,
        }
    }

    /// The server wants to see that the address is real (RFC 9000 section 17.2.5).
    pub(super) fn on_retry(
        &mut self,
        now: Instant,
        header: &ProtectedHeader,
        packet: &[u8],
    ) -> Result<bool, TransportError> {
        let opening = self.handshake.opening.as_deref_mut();
        let first = opening.filter(|opening| opening.is_first());
        let Some(opening) = first.filter(|_| self.side == Side::Client) else {
            return Ok(false);
        };
        let original = &opening.original_destination;
        let Some(retry) = packet::Retry::decode(header, packet, original) else {
            return Ok(false);
        };
        opening.retry_source = Some(retry.source);
        opening.token = Bytes::copy_from_slice(retry.token);
        self.observe_received(PacketKind::Retry, None, packet.len(), &[]);
        self.remote_ids.replace_initial(retry.source);
        if let Some(space) = self.spaces[SpaceId::Initial as usize].as_deref_mut() {
            space.keys = crypto::initial_keys(&retry.source, self.side);
        }
        self.give_up_flight(now, SpaceId::Initial);
        self.give_up_flight(now, SpaceId::Data);
        Ok(true)
    }

    /// The peer has thrown away what was sent: all of it is sent again, and nothing is learnt
    /// from that about the path.
    fn give_up_flight(&mut self, now: Instant, space: SpaceId) {
        let mut outcome = std::mem::take(&mut self.outcome);
        self.recovery.abandon(now, space, &mut outcome);
        self.apply(now, space, &mut outcome);
        self.outcome = outcome;
    }

    /// The server speaks other versions (RFC 8999 section 6). There is only one that we could
    /// turn to, the one that we asked for.
    pub(super) fn on_version_negotiation(
        &mut self,
        header: &ProtectedHeader,
        packet: &[u8],
    ) -> Result<bool, TransportError> {
        let early = self.side == Side::Client && self.is_handshaking();
        // Whoever sent it has at least seen our packet.
        let opening = self.handshake.opening.as_deref();
        let answers = opening.is_some_and(|opening| {
            opening.is_first()
                && header.version == 0
                && header.source == Some(opening.original_destination)
        });
        if early && answers && !packet::offers_our_version(header, packet) {
            self.abandon(ConnectionError::VersionMismatch);
        }
        Ok(true)
    }

    pub(super) fn on_crypto_delivered(&mut self, id: SpaceId, start: u64, length: u32) {
        if let Some(space) = self.spaces[id as usize].as_deref_mut() {
            let _ = space
                .crypto_send
                .on_delivered(start..start + u64::from(length));
            // There will hardly be any more.
            space.crypto_send.release();
        }
    }

    /// Says whether any of the bytes have to be sent again.
    pub(super) fn on_crypto_lost(&mut self, id: SpaceId, start: u64, length: u32) -> bool {
        let range = start..start + u64::from(length);
        let space = self.spaces[id as usize].as_deref_mut();
        space.is_some_and(|space| space.crypto_send.on_lost(range))
    }
}

fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Less than this cannot be sent to an address that is not validated.
const MINIMUM_DATAGRAM: u64 = 1200;
