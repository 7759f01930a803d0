//! Transport parameters: what each end allows and asks for, exchanged within TLS
//! (RFC 9000 sections 7.4 and 18).

use std::time::Duration;

use guuid::Guuid;

use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::{TransportError, TransportErrorCode};
use crate::packet::VERSION;
use crate::stream::Side;
use crate::wire::{Reader, UnexpectedEnd, VARINT_MAX, varint_size, write_prefixed, write_varint};

/// What one end told the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportParameters {
    pub(crate) original_destination_connection_id: Option<ConnectionId>,
    pub(crate) initial_source_connection_id: Option<ConnectionId>,
    pub(crate) retry_source_connection_id: Option<ConnectionId>,
    pub(crate) stateless_reset_token: Option<ResetToken>,
    /// Milliseconds; 0: never.
    pub(crate) max_idle_timeout: u64,
    pub(crate) max_udp_payload_size: u64,
    pub(crate) initial_max_data: u64,
    pub(crate) initial_max_stream_data_bidi_local: u64,
    pub(crate) initial_max_stream_data_bidi_remote: u64,
    pub(crate) initial_max_stream_data_uni: u64,
    pub(crate) initial_max_streams_bidi: u64,
    pub(crate) initial_max_streams_uni: u64,
    pub(crate) ack_delay_exponent: u64,
    /// Milliseconds.
    pub(crate) max_ack_delay: u64,
    pub(crate) disable_active_migration: bool,
    pub(crate) active_connection_id_limit: u64,
    /// Microseconds; the sender understands ACK_FREQUENCY (draft-ietf-quic-ack-frequency).
    pub(crate) min_ack_delay: Option<u64>,
    pub(crate) initial_max_message_data: u64,
    pub(crate) max_message_size: u64,
    /// Packets that a REPAIR frame may cover; 0: there must be none.
    pub(crate) max_repair_symbols: u64,
    pub(crate) connection_guuid: Option<Guuid>,
}

/// What matters of the peer's parameters as long as the connection lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting {
    pub(crate) ack_delay_exponent: u64,
    pub(crate) active_connection_id_limit: u64,
}

impl Lasting {
    /// The delay that an ACK frame states.
    #[inline]
    pub(crate) fn ack_delay(&self, encoded: u64) -> Duration {
        Duration::from_micros(encoded.saturating_mul(1 << self.ack_delay_exponent.min(20)))
    }
}

impl Default for TransportParameters {
    /// The values of parameters that are not there (RFC 9000 section 18.2).
    fn default() -> Self {
        Self {
            original_destination_connection_id: None,
            initial_source_connection_id: None,
            retry_source_connection_id: None,
            stateless_reset_token: None,
            max_idle_timeout: 0,
            max_udp_payload_size: 65_527,
            initial_max_data: 0,
            initial_max_stream_data_bidi_local: 0,
            initial_max_stream_data_bidi_remote: 0,
            initial_max_stream_data_uni: 0,
            initial_max_streams_bidi: 0,
            initial_max_streams_uni: 0,
            ack_delay_exponent: 3,
            max_ack_delay: 25,
            disable_active_migration: false,
            active_connection_id_limit: 2,
            min_ack_delay: None,
            initial_max_message_data: 0,
            max_message_size: 0,
            max_repair_symbols: 0,
            connection_guuid: None,
        }
    }
}

impl TransportParameters {
    /// How long the peer accepts silence.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        (self.max_idle_timeout > 0).then(|| Duration::from_millis(self.max_idle_timeout))
    }

    /// How long the peer may hold an acknowledgement back.
    pub(crate) fn ack_delay_max(&self) -> Duration {
        Duration::from_millis(self.max_ack_delay)
    }

    /// What has no other owner once the parameters are taken over.
    pub(crate) fn lasting(&self) -> Lasting {
        Lasting {
            ack_delay_exponent: self.ack_delay_exponent,
            active_connection_id_limit: self.active_connection_id_limit,
        }
    }

    /// What RFC 9000 section 7.4.1 lets a client remember for 0-RTT.
    pub(crate) fn remembered(&self) -> Self {
        Self {
            original_destination_connection_id: None,
            initial_source_connection_id: None,
            retry_source_connection_id: None,
            stateless_reset_token: None,
            ack_delay_exponent: 3,
            max_ack_delay: 25,
            connection_guuid: None,
            ..self.clone()
        }
    }

    /// Writes all parameters, and one that means nothing so that peers learn to skip those.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        let ids = [
            (
                id::ORIGINAL_DESTINATION,
                self.original_destination_connection_id,
            ),
            (id::INITIAL_SOURCE, self.initial_source_connection_id),
            (id::RETRY_SOURCE, self.retry_source_connection_id),
        ];
        for (parameter, value) in ids {
            if let Some(value) = value {
                write(buffer, parameter, &value);
            }
        }
        if let Some(token) = &self.stateless_reset_token {
            write(buffer, id::STATELESS_RESET_TOKEN, &token.0);
        }
        let defaults = Self::default();
        for (parameter, value) in self.numbers() {
            if defaults
                .numbers()
                .iter()
                .all(|(other, same)| *other != parameter || *same != value)
            {
                write_number(buffer, parameter, value);
            }
        }
        if self.disable_active_migration {
            write(buffer, id::DISABLE_ACTIVE_MIGRATION, &[]);
        }
        if let Some(delay) = self.min_ack_delay {
            write_number(buffer, id::MIN_ACK_DELAY, delay);
        }
        if let Some(guuid) = self.connection_guuid {
            write(buffer, id::CONNECTION_GUUID, guuid.as_bytes());
        }
        // RFC 9368 section 3: chosen, then available.
        write(
            buffer,
            id::VERSION_INFORMATION,
            &[VERSION.to_be_bytes(), VERSION.to_be_bytes()].concat(),
        );
        write(buffer, id::GREASE, b"grease");
    }

    fn numbers(&self) -> [(u64, u64); 14] {
        [
            (id::MAX_IDLE_TIMEOUT, self.max_idle_timeout),
            (id::MAX_UDP_PAYLOAD_SIZE, self.max_udp_payload_size),
            (id::INITIAL_MAX_DATA, self.initial_max_data),
            (
                id::STREAM_DATA_BIDI_LOCAL,
                self.initial_max_stream_data_bidi_local,
            ),
            (
                id::STREAM_DATA_BIDI_REMOTE,
                self.initial_max_stream_data_bidi_remote,
            ),
            (id::STREAM_DATA_UNI, self.initial_max_stream_data_uni),
            (id::STREAMS_BIDI, self.initial_max_streams_bidi),
            (id::STREAMS_UNI, self.initial_max_streams_uni),
            (id::ACK_DELAY_EXPONENT, self.ack_delay_exponent),
            (id::MAX_ACK_DELAY, self.max_ack_delay),
            (
                id::ACTIVE_CONNECTION_ID_LIMIT,
                self.active_connection_id_limit,
            ),
            (id::INITIAL_MAX_MESSAGE_DATA, self.initial_max_message_data),
            (id::MAX_MESSAGE_SIZE, self.max_message_size),
            (id::MAX_REPAIR_SYMBOLS, self.max_repair_symbols),
        ]
    }

    /// Reads what `sender` wrote.
    ///
    /// # Errors
    ///
    /// If a parameter cannot be read, comes twice, is out of range or not the sender's to set.
    pub(crate) fn decode(sender: Side, encoded: &[u8]) -> Result<Self, TransportError> {
        let mut parameters = Self::default();
        let mut seen = Vec::new();
        let mut reader = Reader::new(encoded);
        while !reader.is_empty() {
            let parameter = reader.varint().map_err(cut)?;
            let value = reader.prefixed().map_err(cut)?;
            if seen.contains(&parameter) {
                return Err(fault("a transport parameter comes twice"));
            }
            if seen.len() >= PARAMETERS_MAX {
                return Err(fault("too many transport parameters"));
            }
            seen.push(parameter);
            parameters.set(sender, parameter, value)?;
        }
        parameters.check()?;
        Ok(parameters)
    }

    fn set(&mut self, sender: Side, parameter: u64, value: &[u8]) -> Result<(), TransportError> {
        let servers_only = [
            id::ORIGINAL_DESTINATION,
            id::RETRY_SOURCE,
            id::STATELESS_RESET_TOKEN,
            id::CONNECTION_GUUID,
        ];
        if sender == Side::Client && servers_only.contains(&parameter) {
            return Err(fault("a client sent a parameter of servers"));
        }
        match parameter {
            id::ORIGINAL_DESTINATION => {
                self.original_destination_connection_id = Some(connection_id(value)?);
            }
            id::INITIAL_SOURCE => self.initial_source_connection_id = Some(connection_id(value)?),
            id::RETRY_SOURCE => self.retry_source_connection_id = Some(connection_id(value)?),
            id::STATELESS_RESET_TOKEN => {
                let token = value
                    .try_into()
                    .map_err(|_| fault("a reset token of another size"))?;
                self.stateless_reset_token = Some(ResetToken(token));
            }
            id::CONNECTION_GUUID => {
                let bytes: [u8; 16] = value
                    .try_into()
                    .map_err(|_| fault("a GUUID of another size"))?;
                self.connection_guuid =
                    Some(Guuid::from_bytes(bytes).map_err(|_| fault("a GUUID that is none"))?);
            }
            id::DISABLE_ACTIVE_MIGRATION if value.is_empty() => {
                self.disable_active_migration = true;
            }
            id::DISABLE_ACTIVE_MIGRATION => return Err(fault("a flag with a value")),
            id::VERSION_INFORMATION => check_versions(value)?,
            other => self.set_number(other, value)?,
        }
        Ok(())
    }

    fn set_number(&mut self, parameter: u64, value: &[u8]) -> Result<(), TransportError> {
        let place = match parameter {
            id::MAX_IDLE_TIMEOUT => &mut self.max_idle_timeout,
            id::MAX_UDP_PAYLOAD_SIZE => &mut self.max_udp_payload_size,
            id::INITIAL_MAX_DATA => &mut self.initial_max_data,
            id::STREAM_DATA_BIDI_LOCAL => &mut self.initial_max_stream_data_bidi_local,
            id::STREAM_DATA_BIDI_REMOTE => &mut self.initial_max_stream_data_bidi_remote,
            id::STREAM_DATA_UNI => &mut self.initial_max_stream_data_uni,
            id::STREAMS_BIDI => &mut self.initial_max_streams_bidi,
            id::STREAMS_UNI => &mut self.initial_max_streams_uni,
            id::ACK_DELAY_EXPONENT => &mut self.ack_delay_exponent,
            id::MAX_ACK_DELAY => &mut self.max_ack_delay,
            id::ACTIVE_CONNECTION_ID_LIMIT => &mut self.active_connection_id_limit,
            id::MIN_ACK_DELAY => self.min_ack_delay.get_or_insert(0),
            id::INITIAL_MAX_MESSAGE_DATA => &mut self.initial_max_message_data,
            id::MAX_MESSAGE_SIZE => &mut self.max_message_size,
            id::MAX_REPAIR_SYMBOLS => &mut self.max_repair_symbols,
            // Not known: to be ignored (RFC 9000 section 7.4.2).
            _ => return Ok(()),
        };
        let mut reader = Reader::new(value);
        *place = reader.varint().map_err(cut)?;
        if reader.is_empty() {
            Ok(())
        } else {
            Err(fault("a number with something behind it"))
        }
    }

    /// Ranges of RFC 9000 section 18.2 and of ours.
    fn check(&self) -> Result<(), TransportError> {
        let rules = [
            (
                self.max_udp_payload_size >= 1200,
                "a max_udp_payload_size below 1200",
            ),
            (
                self.initial_max_streams_bidi <= 1 << 60,
                "more streams than can be named",
            ),
            (
                self.initial_max_streams_uni <= 1 << 60,
                "more streams than can be named",
            ),
            (
                self.ack_delay_exponent <= 20,
                "an ack_delay_exponent above 20",
            ),
            (
                self.max_ack_delay < 1 << 14,
                "a max_ack_delay of 2^14 or more",
            ),
            (
                self.active_connection_id_limit >= 2,
                "an active_connection_id_limit below 2",
            ),
            (
                self.min_ack_delay
                    .is_none_or(|delay| delay <= self.max_ack_delay * 1000),
                "a min_ack_delay above max_ack_delay",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err(fault(reason)),
            None => Ok(()),
        }
    }
}

/// Versions have to fit the one in use: somebody may have led us to a worse one
/// (RFC 9368 section 4).
fn check_versions(value: &[u8]) -> Result<(), TransportError> {
    let (chunks, rest) = value.as_chunks::<4>();
    // Version 0 would be Version Negotiation (RFC 9368 section 3).
    if !rest.is_empty() || chunks.is_empty() || chunks.contains(&[0; 4]) {
        return Err(fault("version information that cannot be read"));
    }
    if chunks[0] != VERSION.to_be_bytes() {
        // RFC 9368 section 10.2: VERSION_NEGOTIATION_ERROR.
        return Err(TransportError::new(
            TransportErrorCode(0x11),
            "the peer means another version than the one in use",
        ));
    }
    Ok(())
}

fn connection_id(value: &[u8]) -> Result<ConnectionId, TransportError> {
    ConnectionId::new(value).ok_or(fault("a connection id that is too long"))
}

fn write(buffer: &mut Vec<u8>, parameter: u64, value: &[u8]) {
    write_varint(buffer, parameter);
    write_prefixed(buffer, value);
}

fn write_number(buffer: &mut Vec<u8>, parameter: u64, value: u64) {
    write_varint(buffer, parameter);
    write_varint(buffer, varint_size(value.min(VARINT_MAX)) as u64);
    write_varint(buffer, value);
}

const fn fault(reason: &'static str) -> TransportError {
    TransportError::new(TransportErrorCode::TRANSPORT_PARAMETER_ERROR, reason)
}

fn cut(_: UnexpectedEnd) -> TransportError {
    fault("a transport parameter that ends early")
}

/// Known ones are some twenty; what is not known is skipped, but not without end.
const PARAMETERS_MAX: usize = 64;

mod id {
    pub(super) const ORIGINAL_DESTINATION: u64 = 0x00;
    pub(super) const MAX_IDLE_TIMEOUT: u64 = 0x01;
    pub(super) const STATELESS_RESET_TOKEN: u64 = 0x02;
    pub(super) const MAX_UDP_PAYLOAD_SIZE: u64 = 0x03;
    pub(super) const INITIAL_MAX_DATA: u64 = 0x04;
    pub(super) const STREAM_DATA_BIDI_LOCAL: u64 = 0x05;
    pub(super) const STREAM_DATA_BIDI_REMOTE: u64 = 0x06;
    pub(super) const STREAM_DATA_UNI: u64 = 0x07;
    pub(super) const STREAMS_BIDI: u64 = 0x08;
    pub(super) const STREAMS_UNI: u64 = 0x09;
    pub(super) const ACK_DELAY_EXPONENT: u64 = 0x0a;
    pub(super) const MAX_ACK_DELAY: u64 = 0x0b;
    pub(super) const DISABLE_ACTIVE_MIGRATION: u64 = 0x0c;
    pub(super) const ACTIVE_CONNECTION_ID_LIMIT: u64 = 0x0e;
    pub(super) const INITIAL_SOURCE: u64 = 0x0f;
    pub(super) const RETRY_SOURCE: u64 = 0x10;
    /// RFC 9368 section 3.
    pub(super) const VERSION_INFORMATION: u64 = 0x11;
    /// draft-ietf-quic-ack-frequency-11, section 3.
    pub(super) const MIN_ACK_DELAY: u64 = 0xff04_de1b;
    pub(super) const INITIAL_MAX_MESSAGE_DATA: u64 = 0x5100;
    pub(super) const MAX_MESSAGE_SIZE: u64 = 0x5101;
    pub(super) const MAX_REPAIR_SYMBOLS: u64 = 0x5110;
    pub(super) const CONNECTION_GUUID: u64 = 0x5102;
    /// Reserved to mean nothing: 31 * N + 27 (RFC 9000 section 18.1).
    pub(super) const GREASE: u64 = 31 * 777 + 27;
}

#[cfg(test)]
mod tests;
