use super::*;

#[test]
fn t6_an_acknowledgement_of_what_was_never_sent_is_a_violation() {
    let mut bench = Bench::measured();
    bench.send(200, 3);
    for (space, ranges) in [
        (SpaceId::Data, [4..=4]),
        (SpaceId::Data, [0..=u64::MAX]),
        (SpaceId::Initial, [0..=0]),
    ] {
        let error = bench
            .ack_in(300, space, Duration::ZERO, &ranges)
            .unwrap_err();
        assert_eq!(
            error.code,
            crate::error::TransportErrorCode::PROTOCOL_VIOLATION
        );
    }
    assert!(
        bench
            .ack_in(300, SpaceId::Data, Duration::ZERO, &[])
            .is_err()
    );
    assert_eq!(
        bench.recovery.bytes_in_flight(),
        3_000,
        "nothing was taken from it"
    );
}

/// A peer that acknowledges whatever it guesses was sent by now. How many packets leave until it
/// is found out, if the window holds `window` packets.
fn sent_until_detected(seed: u64, window: u64) -> u64 {
    let mut bench = Bench::new();
    bench.recovery.path.controller = controller(&bench.log, window * u64::from(BYTES));
    bench.random = StdRng::seed_from_u64(seed);
    for sent in 0..4 * window + 1 {
        let number = bench
            .recovery
            .next_packet_number(SpaceId::Data, &mut bench.random);
        let again = bench
            .recovery
            .next_packet_number(SpaceId::Data, &mut bench.random);
        assert_eq!(number, again, "asking uses nothing up");
        bench
            .recovery
            .on_sent(at(sent), SpaceId::Data, packet(number));
        let acknowledged = bench.ack_in(sent, SpaceId::Data, Duration::ZERO, &[0..=number]);
        if acknowledged.is_err() {
            return sent;
        }
    }
    4 * window + 1
}

#[test]
fn t7_an_optimistic_acknowledger_is_found_out_within_four_windows() {
    let (mut missed, mut total) = (0, 0);
    for seed in 0..10_000 {
        let window = [10, 32, 100, 333][usize::try_from(seed % 4).unwrap()];
        // The few large windows cost the most time.
        if window > 32 && seed % 16 > 4 {
            continue;
        }
        total += 1;
        missed += u64::from(sent_until_detected(seed, window) > 4 * window);
    }
    assert!(missed * 1_000 <= total, "{missed} of {total}");
}

#[test]
fn t7_the_places_of_skipped_numbers_differ_between_connections() {
    let places: std::collections::BTreeSet<_> = (0..100)
        .map(|seed| sent_until_detected(seed, 100))
        .collect();
    assert!(places.len() > 40, "{places:?}");
}

#[test]
fn t7_an_honest_peer_is_not_troubled_by_skipped_numbers() {
    let mut bench = Bench::new();
    bench.recovery.path.controller = controller(&bench.log, 20 * u64::from(BYTES));
    let mut received: Vec<RangeInclusive<u64>> = Vec::new();
    for sent in 0..2_000 {
        let number = bench
            .recovery
            .next_packet_number(SpaceId::Data, &mut bench.random);
        bench
            .recovery
            .on_sent(at(sent), SpaceId::Data, packet(number));
        match received.first_mut() {
            Some(range) if *range.end() + 1 == number => *range = *range.start()..=number,
            _ => received.insert(0, number..=number),
        }
        received.truncate(32);
        bench
            .ack_in(sent + 1, SpaceId::Data, Duration::ZERO, &received)
            .unwrap();
        assert_eq!(bench.delivered(), [number]);
    }
    assert!(received.len() > 10, "numbers were skipped");
    assert!(bench.losses().is_empty());
}

#[test]
fn any_order_of_ranges_is_survived() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [5..=9, 1..=7, 9..=9, 3..=3]);
    assert_eq!(bench.outcome.delivered.len(), 9);
    assert_eq!(bench.recovery.bytes_in_flight(), 1_000);
}
