//! Transport parameters: what each end tells the other in the handshake (RFC 9000 section 18).

mod decode;
mod encode;

#[cfg(test)]
mod tests;

use guuid::Guuid;
use smallvec::SmallVec;

pub(crate) use decode::ParameterError;

use crate::connection_id::{ConnectionId, ResetToken};

/// Parameters as their sender means them: limits bind the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportParameters {
    /// Server: the destination of the client's first Initial packet.
    pub(crate) original_destination: Option<ConnectionId>,
    /// Milliseconds after which a silent connection is dropped; zero: never.
    pub(crate) max_idle_timeout: u64,
    /// Server: the reset token of the connection id of its handshake packets.
    pub(crate) stateless_reset_token: Option<ResetToken>,
    /// The largest UDP payload, in bytes, that is received.
    pub(crate) max_udp_payload: u64,
    /// Bytes on all streams together.
    pub(crate) initial_max_data: u64,
    /// Bytes on a bidirectional stream that the sender of the parameters opens.
    pub(crate) initial_max_stream_data_bidirectional_local: u64,
    /// Bytes on a bidirectional stream that their receiver opens.
    pub(crate) initial_max_stream_data_bidirectional_remote: u64,
    /// Bytes on a unidirectional stream.
    pub(crate) initial_max_stream_data_unidirectional: u64,
    /// Bidirectional streams that the other end may open.
    pub(crate) initial_max_streams_bidirectional: u64,
    /// Unidirectional streams that the other end may open.
    pub(crate) initial_max_streams_unidirectional: u64,
    /// ACK delays are sent in units of 2^this microseconds.
    pub(crate) ack_delay_exponent: u8,
    /// Milliseconds by which acknowledgements are delayed at most.
    pub(crate) max_ack_delay: u64,
    /// The other end must not move to another address.
    pub(crate) disable_active_migration: bool,
    /// Connection ids of the other end that are kept.
    pub(crate) active_connection_id_limit: u64,
    /// The source of the sender's first Initial packet.
    pub(crate) initial_source: Option<ConnectionId>,
    /// Server: the source of its Retry, if it sent one.
    pub(crate) retry_source: Option<ConnectionId>,
    /// RFC 9368.
    pub(crate) version_information: Option<VersionInformation>,
    /// Microseconds by which acknowledgements can be delayed at least; tells that ACK_FREQUENCY
    /// is understood (draft-ietf-quic-ack-frequency).
    pub(crate) min_ack_delay: Option<u64>,
    /// Message credit, in bytes, 64 for each message included.
    pub(crate) initial_max_message_data: u64,
    /// The largest message, in bytes, that is received.
    pub(crate) max_message_size: u64,
    /// Server: the name of the connection in logs.
    pub(crate) connection_guuid: Option<Guuid>,
}

/// Guards against a downgrade (RFC 9368 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionInformation {
    /// The version of the packets that the parameters belong to.
    pub(crate) chosen: u32,
    /// The versions that the sender speaks; the first [`VersionInformation::AVAILABLE_MAX`].
    pub(crate) available: SmallVec<[u32; 4]>,
}

impl VersionInformation {
    /// How many versions are kept; ours are one.
    pub(crate) const AVAILABLE_MAX: usize = 32;
}

impl Default for TransportParameters {
    /// What holds for parameters that are not sent (RFC 9000 section 18.2).
    fn default() -> Self {
        Self {
            original_destination: None,
            max_idle_timeout: 0,
            stateless_reset_token: None,
            max_udp_payload: 65_527,
            initial_max_data: 0,
            initial_max_stream_data_bidirectional_local: 0,
            initial_max_stream_data_bidirectional_remote: 0,
            initial_max_stream_data_unidirectional: 0,
            initial_max_streams_bidirectional: 0,
            initial_max_streams_unidirectional: 0,
            ack_delay_exponent: 3,
            max_ack_delay: 25,
            disable_active_migration: false,
            active_connection_id_limit: 2,
            initial_source: None,
            retry_source: None,
            version_information: None,
            min_ack_delay: None,
            initial_max_message_data: 0,
            max_message_size: 0,
            connection_guuid: None,
        }
    }
}

impl TransportParameters {
    /// A limit is lower than in `remembered`, under which the client sent early data. A server
    /// that accepted the early data must not do that (RFC 9000 section 7.4.1).
    pub(crate) fn reduce_limits_of(&self, remembered: &Self) -> bool {
        let (now, before) = (self.early_data_limits(), remembered.early_data_limits());
        now.iter().zip(before).any(|(now, before)| *now < before)
    }

    fn early_data_limits(&self) -> [u64; 9] {
        [
            self.active_connection_id_limit,
            self.initial_max_data,
            self.initial_max_stream_data_bidirectional_local,
            self.initial_max_stream_data_bidirectional_remote,
            self.initial_max_stream_data_unidirectional,
            self.initial_max_streams_bidirectional,
            self.initial_max_streams_unidirectional,
            self.initial_max_message_data,
            self.max_message_size,
        ]
    }
}

/// Parameter ids. RFC 9000 section 18.2, unless told otherwise; ours from 0x5100 on.
mod id {
    pub(super) const ORIGINAL_DESTINATION: u64 = 0x00;
    pub(super) const MAX_IDLE_TIMEOUT: u64 = 0x01;
    pub(super) const STATELESS_RESET_TOKEN: u64 = 0x02;
    pub(super) const MAX_UDP_PAYLOAD: u64 = 0x03;
    pub(super) const INITIAL_MAX_DATA: u64 = 0x04;
    pub(super) const INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_LOCAL: u64 = 0x05;
    pub(super) const INITIAL_MAX_STREAM_DATA_BIDIRECTIONAL_REMOTE: u64 = 0x06;
    pub(super) const INITIAL_MAX_STREAM_DATA_UNIDIRECTIONAL: u64 = 0x07;
    pub(super) const INITIAL_MAX_STREAMS_BIDIRECTIONAL: u64 = 0x08;
    pub(super) const INITIAL_MAX_STREAMS_UNIDIRECTIONAL: u64 = 0x09;
    pub(super) const ACK_DELAY_EXPONENT: u64 = 0x0a;
    pub(super) const MAX_ACK_DELAY: u64 = 0x0b;
    pub(super) const DISABLE_ACTIVE_MIGRATION: u64 = 0x0c;
    pub(super) const PREFERRED_ADDRESS: u64 = 0x0d;
    pub(super) const ACTIVE_CONNECTION_ID_LIMIT: u64 = 0x0e;
    pub(super) const INITIAL_SOURCE: u64 = 0x0f;
    pub(super) const RETRY_SOURCE: u64 = 0x10;
    /// RFC 9368 section 3.
    pub(super) const VERSION_INFORMATION: u64 = 0x11;
    /// draft-ietf-quic-ack-frequency.
    pub(super) const MIN_ACK_DELAY: u64 = 0xff04_de1b;
    pub(super) const INITIAL_MAX_MESSAGE_DATA: u64 = 0x5100;
    pub(super) const MAX_MESSAGE_SIZE: u64 = 0x5101;
    pub(super) const CONNECTION_GUUID: u64 = 0x5102;
}
