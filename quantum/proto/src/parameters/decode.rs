//! Reads and checks transport parameters.

use guuid::Guuid;
use smallvec::SmallVec;
use thiserror::Error;

use super::{TransportParameters, VersionInformation, id};
use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::Side;
use crate::wire::{Reader, UnexpectedEnd};

/// Parameters that a peer may send, unknown ones included: the search for duplicates must stay
/// cheap. Known are 22.
const COUNT_MAX: usize = 64;
/// RFC 9000 section 18.2: no path that QUIC runs on carries less.
const UDP_PAYLOAD_MIN: u64 = 1_200;
/// RFC 9000 section 4.6.
const STREAMS_MAX: u64 = 1 << 60;
/// RFC 9000 section 18.2.
const ACK_DELAY_EXPONENT_MAX: u64 = 20;
/// Milliseconds (RFC 9000 section 18.2).
const MAX_ACK_DELAY_MAX: u64 = (1 << 14) - 1;
/// RFC 9000 section 18.2.
const CONNECTION_ID_LIMIT_MIN: u64 = 2;

/// Why transport parameters are not acceptable. The peer is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ParameterError {
    /// They end within a parameter, or a value has not the length that it must have.
    #[error("the peer's transport parameters cannot be read")]
    Malformed,
    /// One came twice.
    #[error("the peer sent a transport parameter twice")]
    Duplicate,
    /// More than 64.
    #[error("the peer sent too many transport parameters")]
    TooMany,
    /// A value that its parameter must not have.
    #[error("the peer sent a transport parameter with a value that is not allowed")]
    IllegalValue,
    /// A client sent what only a server may.
    #[error("the client sent a transport parameter that is the server's alone")]
    ServerOnly,
}

impl From<UnexpectedEnd> for ParameterError {
    fn from(_: UnexpectedEnd) -> Self {
        Self::Malformed
    }
}

impl From<ParameterError> for TransportError {
    fn from(error: ParameterError) -> Self {
        let reason = match error {
            ParameterError::Malformed => "transport parameters cannot be read",
            ParameterError::Duplicate => "a transport parameter was sent twice",
            ParameterError::TooMany => "too many transport parameters",
            ParameterError::IllegalValue => "a transport parameter has an illegal value",
            ParameterError::ServerOnly => "a client sent a transport parameter of servers",
        };
        Self::new(TransportErrorCode::TRANSPORT_PARAMETER_ERROR, reason)
    }
}

impl TransportParameters {
    /// Reads what `sender` sent. Unknown parameters are ignored (RFC 9000 section 7.4.2).
    pub(crate) fn decode(encoded: &[u8], sender: Side) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        let mut seen = SmallVec::<[u64; COUNT_MAX]>::new();
        let mut reader = Reader::new(encoded);
        while !reader.is_empty() {
            let id = reader.varint()?;
            let value = reader.prefixed_bytes()?;
            if seen.contains(&id) {
                return Err(ParameterError::Duplicate);
            }
            if seen.len() == COUNT_MAX {
                return Err(ParameterError::TooMany);
            }
            seen.push(id);
            parameters.take(id, value, sender)?;
        }
        parameters.check()
    }

    fn take(&mut self, id: u64, value: &[u8], sender: Side) -> Result<(), ParameterError> {
        let server_only = matches!(
            id,
            id::ORIGINAL_DESTINATION
                | id::STATELESS_RESET_TOKEN
                | id::PREFERRED_ADDRESS
                | id::RETRY_SOURCE
                | id::CONNECTION_GUUID
        );
        if server_only && sender == Side::Client {
            return Err(ParameterError::ServerOnly);
        }
        match id {
            id::ORIGINAL_DESTINATION => self.original_destination = Some(connection_id(value)?),
            id::STATELESS_RESET_TOKEN => {
                self.stateless_reset_token = Some(ResetToken(array(value)?));
            }
            id::DISABLE_ACTIVE_MIGRATION => {
                array::<0>(value)?;
                self.disable_active_migration = true;
            }
            id::INITIAL_SOURCE => self.initial_source = Some(connection_id(value)?),
            id::RETRY_SOURCE => self.retry_source = Some(connection_id(value)?),
            id::VERSION_INFORMATION => {
                self.version_information = Some(VersionInformation::decode(value)?);
            }
            id::ACK_DELAY_EXPONENT => {
                let exponent = at_most(number(value)?, ACK_DELAY_EXPONENT_MAX)?;
                self.ack_delay_exponent = exponent as u8;
            }
            id::MIN_ACK_DELAY => self.min_ack_delay = Some(number(value)?),
            id::CONNECTION_GUUID => {
                let guuid = Guuid::from_bytes(array(value)?);
                self.connection_guuid = Some(guuid.map_err(|_| ParameterError::IllegalValue)?);
            }
            _ => {
                if let Some(field) = self.number_field(id) {
                    *field = number(value)?;
                }
            }
        }
        Ok(())
    }

    /// Where a parameter goes that is a number like any other.
    fn number_field(&mut self, id: u64) -> Option<&mut u64> {
        Some(match id {
            id::MAX_IDLE_TIMEOUT => &mut self.max_idle_timeout,
            id::MAX_UDP_PAYLOAD => &mut self.max_udp_payload,
            id::INITIAL_MAX_DATA => &mut self.initial_max_data,
            id::INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_LOCAL => {
                &mut self.initial_max_stream_data_bidirectional_local
            }
            id::INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_REMOTE => {
                &mut self.initial_max_stream_data_bidirectional_remote
            }
            id::INITIAL_MAX_STREAM_DATA_UNIDIRECTIONAL => {
                &mut self.initial_max_stream_data_unidirectional
            }
            id::INITIAL_MAX_STREAMS_BIDIRECTIONAL => &mut self.initial_max_streams_bidirectional,
            id::INITIAL_MAX_STREAMS_UNIDIRECTIONAL => &mut self.initial_max_streams_unidirectional,
            id::MAX_ACK_DELAY => &mut self.max_ack_delay,
            id::ACTIVE_CONNECTION_ID_LIMIT => &mut self.active_connection_id_limit,
            id::INITIAL_MAX_MESSAGE_DATA => &mut self.initial_max_message_data,
            id::MAX_MESSAGE_SIZE => &mut self.max_message_size,
            _ => return None,
        })
    }

    /// Bounds of single values and what must hold between them.
    fn check(self) -> Result<Self, ParameterError> {
        at_most(UDP_PAYLOAD_MIN, self.max_udp_payload)?;
        at_most(self.initial_max_streams_bidirectional, STREAMS_MAX)?;
        at_most(self.initial_max_streams_unidirectional, STREAMS_MAX)?;
        at_most(self.max_ack_delay, MAX_ACK_DELAY_MAX)?;
        at_most(CONNECTION_ID_LIMIT_MIN, self.active_connection_id_limit)?;
        // draft-ietf-quic-ack-frequency, "Negotiating Extension Use".
        at_most(self.min_ack_delay.unwrap_or(0), self.max_ack_delay * 1_000)?;
        Ok(self)
    }
}

impl VersionInformation {
    fn decode(value: &[u8]) -> Result<Self, ParameterError> {
        let (versions, rest) = value.as_chunks::<4>();
        let mut versions = versions.iter().map(|bytes| u32::from_be_bytes(*bytes));
        if !rest.is_empty() {
            return Err(ParameterError::Malformed);
        }
        let chosen = versions.next().ok_or(ParameterError::Malformed)?;
        // RFC 9368 section 3.
        if chosen == 0 || versions.clone().any(|version| version == 0) {
            return Err(ParameterError::IllegalValue);
        }
        Ok(Self {
            chosen,
            available: versions.take(Self::AVAILABLE_MAX).collect(),
        })
    }
}

/// `value`, if it is not above `limit`.
fn at_most(value: u64, limit: u64) -> Result<u64, ParameterError> {
    if value > limit {
        return Err(ParameterError::IllegalValue);
    }
    Ok(value)
}

fn number(value: &[u8]) -> Result<u64, ParameterError> {
    let mut reader = Reader::new(value);
    let number = reader.varint()?;
    if reader.is_empty() {
        Ok(number)
    } else {
        Err(ParameterError::Malformed)
    }
}

fn array<const BYTES: usize>(value: &[u8]) -> Result<[u8; BYTES], ParameterError> {
    value.try_into().map_err(|_| ParameterError::Malformed)
}

fn connection_id(value: &[u8]) -> Result<ConnectionId, ParameterError> {
    ConnectionId::new(value).ok_or(ParameterError::Malformed)
}
