use proptest::prelude::*;

use super::*;

fn encode(parameters: &TransportParameters) -> Vec<u8> {
    let mut buffer = Vec::new();
    parameters.encode(&mut buffer);
    buffer
}

fn raw(id: u64, value: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    write(&mut buffer, id, value);
    buffer
}

fn number(id: u64, value: u64) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_number(&mut buffer, id, value);
    buffer
}

fn optional_id() -> impl Strategy<Value = Option<ConnectionId>> {
    prop::option::of(
        prop::collection::vec(any::<u8>(), 0..=20)
            .prop_map(|bytes| ConnectionId::new(&bytes).unwrap()),
    )
}

prop_compose! {
    fn parameters()(
        values in prop::collection::vec(0..=VARINT_MAX, 10),
        streams in (0..=1u64 << 60, 0..=1u64 << 60),
        udp in 1_200..=VARINT_MAX,
        ids in 2..=VARINT_MAX,
        exponent in 0u64..=20,
        delay in 0u64..1 << 14,
        names in (optional_id(), optional_id(), optional_id()),
        token in prop::option::of(any::<[u8; 16]>()),
        disable_active_migration: bool,
        guuid in prop::option::of(any::<u32>()),
    ) -> TransportParameters {
        TransportParameters {
            original_destination_connection_id: names.0,
            initial_source_connection_id: names.1,
            retry_source_connection_id: names.2,
            stateless_reset_token: token.map(ResetToken),
            max_idle_timeout: values[0],
            max_udp_payload_size: udp,
            initial_max_data: values[1],
            initial_max_stream_data_bidi_local: values[2],
            initial_max_stream_data_bidi_remote: values[3],
            initial_max_stream_data_uni: values[4],
            initial_max_streams_bidi: streams.0,
            initial_max_streams_uni: streams.1,
            ack_delay_exponent: exponent,
            max_ack_delay: delay,
            disable_active_migration,
            active_connection_id_limit: ids,
            min_ack_delay: (values[7] % 2 == 0).then_some(values[8] % (delay * 1_000 + 1)),
            initial_max_message_data: values[5],
            max_message_size: values[6],
            max_repair_symbols: values[9],
            connection_guuid: guuid.map(|time| Guuid::last_at(u64::from(time))),
        }
    }
}

proptest! {
    #[test]
    fn a_servers_parameters_come_back(parameters in parameters()) {
        let encoded = encode(&parameters);
        prop_assert_eq!(TransportParameters::decode(Side::Server, &encoded), Ok(parameters));
    }

    #[test]
    fn cut_parameters_are_refused(parameters in parameters()) {
        let mut encoded = encode(&parameters);
        encoded.pop();
        prop_assert!(TransportParameters::decode(Side::Server, &encoded).is_err());
    }

    #[test]
    fn junk_is_read_without_panic(encoded in prop::collection::vec(any::<u8>(), 0..100)) {
        for sender in [Side::Client, Side::Server] {
            let _ = TransportParameters::decode(sender, &encoded);
        }
    }
}

#[test]
fn nothing_sent_means_the_defaults() {
    let decoded = TransportParameters::decode(Side::Client, &[]);
    assert_eq!(decoded, Ok(TransportParameters::default()));
}

#[test]
fn illegal_values_are_refused() {
    let mut late_ack = number(id::MAX_ACK_DELAY, 1);
    late_ack.extend(number(id::MIN_ACK_DELAY, 1_001));
    let zero_version = [VERSION.to_be_bytes(), [0; 4]].concat();
    for encoded in [
        number(id::MAX_UDP_PAYLOAD_SIZE, 1_199),
        number(id::STREAMS_BIDI, (1 << 60) + 1),
        number(id::STREAMS_UNI, (1 << 60) + 1),
        number(id::ACK_DELAY_EXPONENT, 21),
        number(id::MAX_ACK_DELAY, 1 << 14),
        number(id::ACTIVE_CONNECTION_ID_LIMIT, 1),
        late_ack,
        number(id::MIN_ACK_DELAY, 25_001),
        raw(id::CONNECTION_GUUID, &[0; 16]),
        raw(id::CONNECTION_GUUID, &[0; 15]),
        raw(id::VERSION_INFORMATION, &[]),
        raw(id::VERSION_INFORMATION, &[1; 6]),
        raw(id::VERSION_INFORMATION, &zero_version),
        raw(id::STATELESS_RESET_TOKEN, &[0; 17]),
        raw(id::DISABLE_ACTIVE_MIGRATION, &[0]),
        raw(id::INITIAL_SOURCE, &[0; 21]),
        raw(id::INITIAL_MAX_DATA, &[]),
        raw(id::INITIAL_MAX_DATA, &[1, 1]),
        vec![1],
        vec![1, 4, 0, 0],
    ] {
        let error = TransportParameters::decode(Side::Server, &encoded).unwrap_err();
        let code = TransportErrorCode::TRANSPORT_PARAMETER_ERROR;
        assert_eq!(error.code, code, "{encoded:02x?}");
    }
}

#[test]
fn another_version_than_the_one_in_use_is_refused() {
    let encoded = raw(id::VERSION_INFORMATION, &[0, 0, 0, 1, 0, 0, 0, 1]);
    let error = TransportParameters::decode(Side::Client, &encoded).unwrap_err();
    assert_eq!(error.code, TransportErrorCode(0x11));
}

#[test]
fn duplicates_are_refused_whether_known_or_not() {
    for id in [id::MAX_IDLE_TIMEOUT, 0x7777] {
        let encoded = number(id, 5).repeat(2);
        assert!(TransportParameters::decode(Side::Server, &encoded).is_err());
    }
}

#[test]
fn unknown_parameters_are_skipped_up_to_a_limit() {
    let unknown = |count| -> Vec<u8> { (0..count).flat_map(|id| number(0x7000 + id, 5)).collect() };
    let known = TransportParameters::default();
    let decoded = TransportParameters::decode(Side::Client, &unknown(64));
    assert_eq!(decoded, Ok(known));
    assert!(TransportParameters::decode(Side::Client, &unknown(65)).is_err());
}

#[test]
fn a_client_may_not_speak_as_a_server() {
    for encoded in [
        raw(id::ORIGINAL_DESTINATION, &[1]),
        raw(id::STATELESS_RESET_TOKEN, &[0; 16]),
        raw(id::RETRY_SOURCE, &[1]),
        raw(id::CONNECTION_GUUID, Guuid::last_at(5).as_bytes()),
    ] {
        assert!(TransportParameters::decode(Side::Client, &encoded).is_err());
        assert!(TransportParameters::decode(Side::Server, &encoded).is_ok());
    }
}
