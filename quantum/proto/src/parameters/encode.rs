//! Writes transport parameters, in a fixed order; what is at its default is left out.

use super::{TransportParameters, VersionInformation, id};
use crate::wire::{varint_size, write_prefixed_bytes, write_varint};

impl TransportParameters {
    /// Appends all parameters, and one that means nothing, chosen by `grease`, so that receivers
    /// stay used to unknown ones (RFC 9000 section 18.1).
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>, grease: u64) {
        self.encode_identity(buffer);
        let defaults = Self::default();
        for ((id, value), (_, default)) in self.numbers().into_iter().zip(defaults.numbers()) {
            if value != default {
                write_number(buffer, id, value);
            }
        }
        if self.disable_active_migration {
            write_bytes(buffer, id::DISABLE_ACTIVE_MIGRATION, &[]);
        }
        if let Some(delay) = self.min_ack_delay {
            write_number(buffer, id::MIN_ACK_DELAY, delay);
        }
        if let Some(versions) = &self.version_information {
            versions.encode(buffer);
        }
        write_grease(buffer, grease);
    }

    /// What names the connection and its packets.
    fn encode_identity(&self, buffer: &mut Vec<u8>) {
        let ids = [
            (id::ORIGINAL_DESTINATION, &self.original_destination),
            (id::INITIAL_SOURCE, &self.initial_source),
            (id::RETRY_SOURCE, &self.retry_source),
        ];
        for (parameter, id) in ids {
            if let Some(id) = id {
                write_bytes(buffer, parameter, id);
            }
        }
        if let Some(token) = &self.stateless_reset_token {
            write_bytes(buffer, id::STATELESS_RESET_TOKEN, &token.0);
        }
        if let Some(guuid) = &self.connection_guuid {
            write_bytes(buffer, id::CONNECTION_GUUID, guuid.as_bytes());
        }
    }

    /// The parameters that are numbers and have a default.
    fn numbers(&self) -> [(u64, u64); 13] {
        [
            (id::MAX_IDLE_TIMEOUT, self.max_idle_timeout),
            (id::MAX_UDP_PAYLOAD, self.max_udp_payload),
            (id::INITIAL_MAX_DATA, self.initial_max_data),
            (
                id::INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_LOCAL,
                self.initial_max_stream_data_bidirectional_local,
            ),
            (
                id::INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_REMOTE,
                self.initial_max_stream_data_bidirectional_remote,
            ),
            (
                id::INITIAL_MAX_STREAM_DATA_UNIDIRECTIONAL,
                self.initial_max_stream_data_unidirectional,
            ),
            (
                id::INITIAL_MAX_STREAMS_BIDIRECTIONAL,
                self.initial_max_streams_bidirectional,
            ),
            (
                id::INITIAL_MAX_STREAMS_UNIDIRECTIONAL,
                self.initial_max_streams_unidirectional,
            ),
            (id::ACK_DELAY_EXPONENT, u64::from(self.ack_delay_exponent)),
            (id::MAX_ACK_DELAY, self.max_ack_delay),
            (
                id::ACTIVE_CONNECTION_ID_LIMIT,
                self.active_connection_id_limit,
            ),
            (id::INITIAL_MAX_MESSAGE_DATA, self.initial_max_message_data),
            (id::MAX_MESSAGE_SIZE, self.max_message_size),
        ]
    }
}

impl VersionInformation {
    fn encode(&self, buffer: &mut Vec<u8>) {
        let versions = std::iter::once(self.chosen).chain(self.available.iter().copied());
        let bytes: Vec<u8> = versions.flat_map(u32::to_be_bytes).collect();
        write_bytes(buffer, id::VERSION_INFORMATION, &bytes);
    }
}

fn write_number(buffer: &mut Vec<u8>, id: u64, value: u64) {
    write_varint(buffer, id);
    write_varint(buffer, varint_size(value) as u64);
    write_varint(buffer, value);
}

fn write_bytes(buffer: &mut Vec<u8>, id: u64, value: &[u8]) {
    write_varint(buffer, id);
    write_prefixed_bytes(buffer, value);
}

/// Ids of the form 31 * N + 27 are reserved for this (RFC 9000 section 18.1).
fn write_grease(buffer: &mut Vec<u8>, grease: u64) {
    let value = grease.to_be_bytes();
    let length = (grease & 7) as usize;
    // 56 bits times 31 is less than a varint can hold.
    let id = 31 * (grease >> 8) + 27;
    write_bytes(buffer, id, value.get(..length).unwrap_or_default());
}
