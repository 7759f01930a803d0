//! Accepting connections: who is let in, who has to prove an address first, who is dropped.

use std::sync::Arc;

use bytes::Bytes;
use guuid::{Guuid, Tick};
use rand::RngExt;

use super::load::Origin;
use super::setup::parameters;
use super::{
    Arrival, ConnectionHandle, ConnectionSetup, Endpoint, Route, SERVER_ID_BYTES, respond,
};
use crate::config::{AddressValidation, ServerConfig};
use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::crypto::{Keys, TAG_BYTES, TlsSession, initial_keys};
use crate::error::TransportErrorCode;
use crate::frame::write_transport_close;
use crate::packet::{Header, PacketKind, PacketWriter, ProtectedHeader, write_retry};
use crate::stream::Side;
use crate::time::Instant;
use crate::token::{Proof, TokenError};

/// What is known of a client before it is let in.
struct Candidate<'a> {
    header: &'a ProtectedHeader,
    datagram: &'a [u8],
    /// The id that its first packet went to.
    destination: ConnectionId,
    source: ConnectionId,
    /// What its token proves.
    proof: Option<Proof>,
}

impl Endpoint {
    /// The first packet of a client, perhaps.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        header: &ProtectedHeader,
        datagram: &mut [u8],
        response: &mut Vec<u8>,
    ) -> Route {
        let Some(server) = self.server.clone() else {
            return Route::Dropped;
        };
        let Some(destination) = datagram
            .get(header.destination.clone())
            .filter(|id| id.len() >= FIRST_ID_BYTES_MIN && datagram.len() >= INITIAL_BYTES_MIN)
            .and_then(ConnectionId::new)
        else {
            return Route::Dropped;
        };
        let Some(source) = header.source else {
            return Route::Dropped;
        };
        let token = datagram.get(header.token.clone()).unwrap_or_default();
        let time = self.time_of_day(now);
        let opened = (!token.is_empty()).then(|| self.tokens.open(time, arrival.remote, token));
        let candidate = Candidate {
            header,
            datagram,
            destination,
            source,
            proof: opened.and_then(Result::ok),
        };
        if opened == Some(Err(TokenError::BadRetry)) {
            // Somebody else may have damaged the packet on its way.
            if candidate.authentic_keys().is_none() {
                return Route::Dropped;
            }
            return refuse(
                TransportErrorCode::INVALID_TOKEN,
                arrival,
                &candidate,
                response,
            );
        }
        self.judge(now, arrival, &server, &candidate, response)
    }

    /// How much is borne, of whom. Addresses that have not proven themselves may be made up, so
    /// none is dropped for what others of its network do, if it can be asked for proof.
    fn judge(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        server: &Arc<ServerConfig>,
        candidate: &Candidate<'_>,
        response: &mut Vec<u8>,
    ) -> Route {
        if self.connections.len() >= server.connections_max {
            let code = TransportErrorCode::CONNECTION_REFUSED;
            return refuse(code, arrival, candidate, response);
        }
        let proven = candidate.proof.is_some();
        let origin = Origin::new(arrival.remote.ip(), proven);
        let crowded = self.handshakes.from(origin) >= server.handshakes_per_network_max;
        let wants_proof = match server.address_validation {
            AddressValidation::Never => false,
            AddressValidation::WhenBusy(limit) => crowded || self.handshakes.total() >= limit,
            AddressValidation::Always => true,
        };
        if wants_proof && !proven {
            return self.ask_for_proof(now, arrival, candidate, response);
        }
        if crowded || self.handshakes.total() >= server.handshakes_max {
            return Route::Dropped;
        }
        match self.let_in(now, arrival, server, candidate) {
            Some((handle, connection)) => Route::Accepted(handle, connection),
            None => Route::Dropped,
        }
    }

    /// Retry: nothing is remembered.
    fn ask_for_proof(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        candidate: &Candidate<'_>,
        response: &mut Vec<u8>,
    ) -> Route {
        let Candidate {
            destination,
            source,
            ..
        } = candidate;
        let token = self.tokens.seal_retry(
            self.time_of_day(now),
            arrival.remote,
            destination,
            &mut self.rng,
        );
        let chosen = self.ids.make(SERVER_ID_BYTES, &self.by_id, &mut self.rng);
        if let (Some(token), Some((chosen, _))) = (token, chosen) {
            write_retry(response, source, &chosen, destination, &token);
        }
        respond(arrival, response)
    }

    /// The same point in time, counted from the Unix epoch.
    fn time_of_day(&self, now: Instant) -> Instant {
        now + self.origin
    }

    fn let_in(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        server: &Arc<ServerConfig>,
        candidate: &Candidate<'_>,
    ) -> Option<(ConnectionHandle, Box<Connection>)> {
        let initial_keys = candidate.authentic_keys()?;
        let (local_id, local_reset_token) =
            self.ids.make(SERVER_ID_BYTES, &self.by_id, &mut self.rng)?;
        let (original_destination, retry_source) = match candidate.proof {
            Some(Proof::Retry { original }) => (original, Some(candidate.destination)),
            Some(Proof::Returning) | None => (candidate.destination, None),
        };
        let guuid = Guuid::from_tick(
            Tick::from_unix_time(self.time_of_day(now).since(Instant::ORIGIN)),
            self.rng.random(),
        );
        let mut ours = parameters(&server.transport, local_id);
        ours.original_destination_connection_id = Some(original_destination);
        ours.retry_source_connection_id = retry_source;
        ours.stateless_reset_token = Some(local_reset_token);
        ours.connection_guuid = Some(guuid);
        ours.disable_active_migration = !server.migration;
        let mut encoded = Vec::new();
        ours.encode(&mut encoded);
        let early_data = server
            .transport
            .early_data
            .then(|| Arc::clone(&server.tickets));
        let session = TlsSession::server(Arc::clone(&server.tls), early_data, encoded).ok()?;
        let next_token = self
            .tokens
            .seal_returning(self.time_of_day(now), arrival.remote.ip(), &mut self.rng)
            .map(Bytes::from);
        let setup = ConnectionSetup {
            now,
            side: Side::Server,
            config: Arc::clone(&server.transport),
            session: Box::new(session),
            initial_keys,
            local_id,
            local_reset_token,
            remote_id: candidate.source,
            original_destination,
            remote: arrival.remote,
            local: arrival.local,
            address_validated: candidate.proof.is_some(),
            migration: server.migration,
            token: Bytes::new(),
            next_token,
            guuid: Some(guuid),
            memory: None,
            observer: self.observer.clone(),
            seed: self.rng.random(),
        };
        let handle = self.admit(local_id, arrival, candidate);
        Some((ConnectionHandle(handle), Box::new(Connection::new(setup))))
    }

    fn admit(
        &mut self,
        local_id: ConnectionId,
        arrival: &Arrival,
        candidate: &Candidate<'_>,
    ) -> usize {
        let handle = self.register(local_id, SERVER_ID_BYTES);
        let first = (candidate.destination, arrival.remote);
        self.by_first_id.insert(first, handle);
        let origin = Origin::new(arrival.remote.ip(), candidate.proof.is_some());
        self.handshakes.begin(origin);
        if let Some(entry) = self.connections.get_mut(handle) {
            entry.first_id = Some(first);
            entry.handshake = Some(origin);
        }
        handle
    }
}

impl Candidate<'_> {
    /// The first keys, if they open the client's first packet: nothing is remembered of a datagram
    /// that is none (T4).
    fn authentic_keys(&self) -> Option<Keys> {
        let keys = initial_keys(&self.destination, Side::Server)?;
        let mut packet = self.datagram.get(..self.header.packet_bytes)?.to_vec();
        let plain = self
            .header
            .unprotect(&mut packet, |sample, first, number| {
                keys.remote.header.unprotect(sample, first, number)
            })?;
        let (header, payload) = packet.split_at_mut_checked(plain.payload_start())?;
        keys.remote.packet.open(plain.number(0), header, payload)?;
        Some(keys)
    }
}

/// Says no in a packet that needs no connection, and forgets about it
/// (RFC 9000 section 5.2.2).
fn refuse(
    code: TransportErrorCode,
    arrival: &Arrival,
    candidate: &Candidate<'_>,
    response: &mut Vec<u8>,
) -> Route {
    let Some(keys) = initial_keys(&candidate.destination, Side::Server) else {
        return Route::Dropped;
    };
    let header = Header {
        kind: PacketKind::Initial,
        destination: candidate.source,
        source: candidate.destination,
        token: &[],
        number: 0,
        acknowledged: None,
        key_phase: false,
    };
    let writer = PacketWriter::start(&header, response);
    write_transport_close(response, code.0, 0, b"");
    response.resize(
        response.len().max(writer.shortest_payload_end(TAG_BYTES)) + TAG_BYTES,
        0,
    );
    writer.finish_length(response);
    let (head, payload) = response.split_at_mut(writer.payload_start());
    if !keys.local.packet.seal(0, head, payload) {
        return Route::Dropped;
    }
    writer.protect(response, |sample, first, number| {
        keys.local.header.protect(sample, first, number);
    });
    respond(arrival, response)
}

/// Q-PKT-6.
pub(super) const INITIAL_BYTES_MIN: usize = 1200;

/// RFC 9000 section 7.2: shorter ids could be guessed.
const FIRST_ID_BYTES_MIN: usize = 8;
