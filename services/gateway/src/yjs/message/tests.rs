use super::*;

fn all(frame: &[u8]) -> Result<Vec<ClientMessage>, Malformed> {
    let mut frame = Bytes::copy_from_slice(frame);
    let mut messages = Vec::new();
    while let Some(message) = read_message(&mut frame)? {
        messages.push(message);
    }
    Ok(messages)
}

#[test]
fn what_yjs_sends_is_understood() {
    assert_eq!(
        all(&[0, 0, 1, 0]),
        Ok(vec![ClientMessage::SyncStep1(Bytes::from_static(&[0]))])
    );
    let nothing = Bytes::from_static(EMPTY_UPDATE);
    assert_eq!(
        all(&[0, 1, 2, 0, 0]),
        Ok(vec![ClientMessage::SyncStep2(nothing.clone())])
    );
    assert_eq!(
        all(&[0, 2, 2, 0, 0]),
        Ok(vec![ClientMessage::Update(nothing)])
    );
    assert_eq!(all(&[3]), Ok(vec![ClientMessage::QueryAwareness]));
    // One client, id 300, clock 2, state {}.
    let entry = PresenceEntry {
        client: 300,
        clock: 2,
        state: Some("{}".into()),
    };
    let frame = [1, 7, 1, 0xac, 0x02, 2, 2, b'{', b'}'];
    assert_eq!(all(&frame), Ok(vec![ClientMessage::Awareness(vec![entry])]));
}

#[test]
fn several_messages_in_a_frame_are_all_read() {
    assert_eq!(
        all(&[3, 3, 0, 0, 1, 0]).map(|messages| messages.len()),
        Ok(3)
    );
}

#[test]
fn what_is_written_is_read_back() {
    let entries = vec![
        PresenceEntry {
            client: u64::MAX >> 11,
            clock: u32::MAX,
            state: None,
        },
        PresenceEntry {
            client: 1,
            clock: 0,
            state: Some("{\"name\":\"\u{e9}\"}".into()),
        },
    ];
    assert_eq!(
        all(&awareness(&entries)),
        Ok(vec![ClientMessage::Awareness(entries)])
    );
    let large = vec![7; 100_000];
    assert_eq!(
        all(&update(&large)),
        Ok(vec![ClientMessage::Update(large.into())])
    );
}

#[test]
fn every_truncation_of_a_message_is_malformed() {
    let entry = PresenceEntry {
        client: 5,
        clock: 1,
        state: Some("{}".into()),
    };
    for whole in [
        sync_step_2(&[1, 2, 3]),
        sync_step_1(&[0]),
        awareness(&[entry]),
    ] {
        for length in 1..whole.len() {
            assert!(
                all(&whole[..length]).is_err(),
                "{length} bytes of {whole:?}"
            );
        }
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    assert_eq!(all(&[0xff; 12]), Err(Malformed::NumberTooLarge));
    let clock_too_large = [1, 10, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 2, b'{', b'}'];
    assert_eq!(all(&clock_too_large), Err(Malformed::NumberTooLarge));
    assert_eq!(all(&[9]), Err(Malformed::UnknownType(9)));
    assert_eq!(all(&[0, 9]), Err(Malformed::UnknownSyncType(9)));
    assert_eq!(all(&[2, 0, 0]), Err(Malformed::UnknownType(2)));
}

#[test]
fn a_state_is_taken_if_every_client_can_read_it() {
    let state = |json: &str| {
        let entry = PresenceEntry {
            client: 1,
            clock: 1,
            state: Some(json.into()),
        };
        all(&awareness(&[entry])).map(|_| ())
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // Half of a surrogate pair: a name that was cut within an emoji.
    let cut = r#"{"user":{"name":"\ud83d"}}"#;
    for json in [cut, r#"{"name":"]}\\\"[["}"#, "5", &nested(128)] {
        assert_eq!(state(json), Ok(()), "{json}");
    }
    for json in ["", "{", "{nonsense}", "{}{}", "undefined", &nested(129)] {
        assert_eq!(state(json), Err(Malformed::NotJson), "{json}");
    }
}

#[test]
fn a_client_id_is_a_javascript_number() {
    let frame = |client| {
        awareness(&[PresenceEntry {
            client,
            clock: 1,
            state: None,
        }])
    };
    assert!(all(&frame(CLIENT_MAX)).is_ok());
    assert_eq!(all(&frame(CLIENT_MAX + 1)), Err(Malformed::ClientTooLarge));
}

#[test]
fn a_count_larger_than_the_frame_ends_with_the_frame() {
    assert_eq!(
        all(&[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        Err(Malformed::Truncated)
    );
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(frame: Vec<u8>) {
        let _ = all(&frame);
    }
}
