use proptest::prelude::*;

use super::*;
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::Side;
use crate::wire::{VARINT_MAX, write_prefixed_bytes, write_varint};

fn encode(parameters: &TransportParameters, grease: u64) -> Vec<u8> {
    let mut buffer = Vec::new();
    parameters.encode(&mut buffer, grease);
    buffer
}

fn raw(id: u64, value: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_varint(&mut buffer, id);
    write_prefixed_bytes(&mut buffer, value);
    buffer
}

fn number(id: u64, value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    write_varint(&mut encoded, value);
    raw(id, &encoded)
}

fn optional_id() -> impl Strategy<Value = Option<ConnectionId>> {
    prop::option::of(
        prop::collection::vec(any::<u8>(), 0..=20)
            .prop_map(|bytes| ConnectionId::new(&bytes).unwrap()),
    )
}

fn version_information() -> impl Strategy<Value = VersionInformation> {
    (1u32.., prop::collection::vec(1u32.., 0..8)).prop_map(|(chosen, available)| {
        VersionInformation {
            chosen,
            available: available.into(),
        }
    })
}

prop_compose! {
    fn limits()(
        values in prop::collection::vec(0..=VARINT_MAX, 9),
        streams in (0..=1u64 << 60, 0..=1u64 << 60),
        udp in 1_200..=VARINT_MAX,
        ids in 2..=VARINT_MAX,
        exponent in 0u8..=20,
        delay in 0u64..1 << 14,
    ) -> TransportParameters {
        TransportParameters {
            max_idle_timeout: values[0],
            max_udp_payload: udp,
            initial_max_data: values[1],
            initial_max_stream_data_bidirectional_local: values[2],
            initial_max_stream_data_bidirectional_remote: values[3],
            initial_max_stream_data_unidirectional: values[4],
            initial_max_streams_bidirectional: streams.0,
            initial_max_streams_unidirectional: streams.1,
            ack_delay_exponent: exponent,
            max_ack_delay: delay,
            active_connection_id_limit: ids,
            initial_max_message_data: values[5],
            max_message_size: values[6],
            min_ack_delay: (values[7] % 2 == 0).then_some(values[8] % (delay * 1_000 + 1)),
            ..TransportParameters::default()
        }
    }
}

prop_compose! {
    fn parameters()(
        limits in limits(),
        ids in (optional_id(), optional_id(), optional_id()),
        token in prop::option::of(any::<[u8; 16]>()),
        disable_active_migration: bool,
        version_information in prop::option::of(version_information()),
        guuid in prop::option::of(any::<u32>()),
    ) -> TransportParameters {
        TransportParameters {
            original_destination: ids.0,
            initial_source: ids.1,
            retry_source: ids.2,
            stateless_reset_token: token.map(ResetToken),
            disable_active_migration,
            version_information,
            connection_guuid: guuid.map(|time| Guuid::last_at(u64::from(time))),
            ..limits
        }
    }
}

proptest! {
    #[test]
    fn a_server_s_parameters_come_back(parameters in parameters(), grease: u64) {
        let encoded = encode(&parameters, grease);
        prop_assert_eq!(TransportParameters::decode(&encoded, Side::Server), Ok(parameters));
    }

    #[test]
    fn cut_parameters_are_refused(parameters in parameters(), grease: u64) {
        let mut encoded = encode(&parameters, grease);
        encoded.pop();
        let decoded = TransportParameters::decode(&encoded, Side::Server);
        prop_assert_eq!(decoded, Err(ParameterError::Malformed));
    }

    #[test]
    fn junk_is_read_without_panic(encoded in prop::collection::vec(any::<u8>(), 0..100)) {
        for sender in [Side::Client, Side::Server] {
            let _ = TransportParameters::decode(&encoded, sender);
        }
    }
}

#[test]
fn nothing_sent_means_the_defaults() {
    let decoded = TransportParameters::decode(&[], Side::Client);
    assert_eq!(decoded, Ok(TransportParameters::default()));
}

#[test]
fn illegal_values_are_refused() {
    use ParameterError::{IllegalValue, Malformed};
    let mut late_ack = number(id::MAX_ACK_DELAY, 1);
    late_ack.extend(number(id::MIN_ACK_DELAY, 1_001));
    let cases = [
        (number(id::MAX_UDP_PAYLOAD, 1_199), IllegalValue),
        (
            number(id::INITIAL_MAX_STREAMS_BIDIRECTIONAL, (1 << 60) + 1),
            IllegalValue,
        ),
        (
            number(id::INITIAL_MAX_STREAMS_UNIDIRECTIONAL, (1 << 60) + 1),
            IllegalValue,
        ),
        (number(id::ACK_DELAY_EXPONENT, 21), IllegalValue),
        (number(id::MAX_ACK_DELAY, 1 << 14), IllegalValue),
        (number(id::ACTIVE_CONNECTION_ID_LIMIT, 1), IllegalValue),
        (late_ack, IllegalValue),
        (number(id::MIN_ACK_DELAY, 25_001), IllegalValue),
        (raw(id::CONNECTION_GUUID, &[0; 16]), IllegalValue),
        (raw(id::VERSION_INFORMATION, &[0; 4]), IllegalValue),
        (
            raw(id::VERSION_INFORMATION, &[0, 0, 0, 1, 0, 0, 0, 0]),
            IllegalValue,
        ),
        (raw(id::VERSION_INFORMATION, &[]), Malformed),
        (raw(id::VERSION_INFORMATION, &[1; 6]), Malformed),
        (raw(id::CONNECTION_GUUID, &[0; 15]), Malformed),
        (raw(id::STATELESS_RESET_TOKEN, &[0; 17]), Malformed),
        (raw(id::DISABLE_ACTIVE_MIGRATION, &[0]), Malformed),
        (raw(id::INITIAL_SOURCE, &[0; 21]), Malformed),
        (raw(id::INITIAL_MAX_DATA, &[]), Malformed),
        (raw(id::INITIAL_MAX_DATA, &[1, 1]), Malformed),
        (vec![1], Malformed),
        (vec![1, 4, 0, 0], Malformed),
    ];
    for (encoded, error) in cases {
        let decoded = TransportParameters::decode(&encoded, Side::Server);
        assert_eq!(decoded, Err(error), "{encoded:02x?}");
    }
}

#[test]
fn duplicates_are_refused_whether_known_or_not() {
    for id in [id::MAX_IDLE_TIMEOUT, 0x7777] {
        let encoded = number(id, 5).repeat(2);
        let decoded = TransportParameters::decode(&encoded, Side::Server);
        assert_eq!(decoded, Err(ParameterError::Duplicate));
    }
}

#[test]
fn a_flood_of_unknown_parameters_is_refused() {
    let encoded: Vec<u8> = (0x7000..0x7041).flat_map(|id| number(id, 5)).collect();
    let decoded = TransportParameters::decode(&encoded, Side::Server);
    assert_eq!(decoded, Err(ParameterError::TooMany));
}

#[test]
fn a_client_may_not_speak_as_a_server() {
    for encoded in [
        raw(id::ORIGINAL_DESTINATION, &[1]),
        raw(id::STATELESS_RESET_TOKEN, &[0; 16]),
        raw(id::PREFERRED_ADDRESS, &[]),
        raw(id::RETRY_SOURCE, &[1]),
        raw(id::CONNECTION_GUUID, Guuid::last_at(5).as_bytes()),
    ] {
        let client = TransportParameters::decode(&encoded, Side::Client);
        assert_eq!(client, Err(ParameterError::ServerOnly));
        assert!(TransportParameters::decode(&encoded, Side::Server).is_ok());
    }
}

#[test]
fn errors_close_with_their_code() {
    let code = TransportError::from(ParameterError::Duplicate).code;
    assert_eq!(code, TransportErrorCode::TRANSPORT_PARAMETER_ERROR);
}

#[test]
fn a_lower_limit_than_remembered_is_noticed() {
    let remembered = TransportParameters {
        initial_max_data: 100,
        max_message_size: 9,
        ..TransportParameters::default()
    };
    let mut now = TransportParameters {
        max_idle_timeout: 7,
        ..remembered.clone()
    };
    assert!(!now.reduce_limits_of(&remembered));
    now.max_message_size = 8;
    assert!(now.reduce_limits_of(&remembered));
}
