use super::*;

/// Loses packet `number` by the packet threshold: the next four arrive.
fn lose(bench: &mut Bench, ms: u64) -> u64 {
    let number = bench.recovery.spaces[SpaceId::Data].next_number;
    let others = bench.recovery.packet_threshold();
    bench.send(ms, 1 + usize::try_from(others).unwrap());
    bench.ack(ms + 100, [number + 1..=number + others]);
    assert_eq!(bench.lost(), [number]);
    number
}

#[test]
fn late_ack_undoes_spurious_loss() {
    let mut bench = Bench::measured();
    bench.send(200, 6);
    bench.ack(300, [4..=6]);
    assert_eq!(bench.lost(), [1, 2, 3]);
    bench.ack(310, [4..=6, 1..=1]);
    assert_eq!(bench.delivered(), [1]);
    assert!(bench.outcome.delivered[0].spurious);
    assert_eq!(bench.outcome.delivered[0].contents[..], [carried(1)]);
    assert!(!bench.spurious()[0].whole_event);
    bench.ack(311, [1..=6]);
    assert_eq!(bench.delivered(), [2, 3]);
    let whole: Vec<_> = bench
        .spurious()
        .iter()
        .map(|late| late.whole_event)
        .collect();
    assert_eq!(whole, [false, false, true]);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    let mut statistics = Statistics::default();
    bench.recovery.fill(&mut statistics);
    assert_eq!(
        (statistics.packets_lost, statistics.packets_spuriously_lost),
        (3, 3)
    );
    assert_eq!(statistics.bytes_delivered, 7_000);
}

#[test]
fn a_late_packet_is_reported_once() {
    let mut bench = Bench::measured();
    let number = lose(&mut bench, 200);
    bench.ack(310, [number..=number + 3]);
    assert_eq!(bench.delivered(), [number]);
    bench.ack(311, [number..=number + 3]);
    assert!(bench.delivered().is_empty());
}

#[test]
fn a_spurious_loss_raises_the_packet_threshold_to_the_distance_seen() {
    let mut bench = Bench::measured();
    bench.send(200, 20);
    bench.ack(300, [2..=11]);
    assert_eq!(bench.lost(), [1]);
    bench.ack(300, [1..=11]);
    assert_eq!(bench.recovery.packet_threshold(), 11);
    bench.send(400, 20);
    bench.ack(400, [12..=20]);
    bench.ack(500, [22..=31]);
    assert!(bench.lost().is_empty());
    bench.ack(500, [22..=32]);
    assert_eq!(bench.lost(), [21]);
}

#[test]
fn the_packet_threshold_has_an_upper_limit() {
    let mut bench = Bench::measured();
    bench.send(200, 1_000);
    bench.ack(300, [2..=900]);
    bench.ack(300, [1..=900]);
    assert_eq!(bench.recovery.packet_threshold(), 64);
}

#[test]
fn spurious_losses_widen_the_window_once_per_round_up_to_a_round_trip() {
    let mut bench = Bench::measured();
    let delay = |bench: &Bench| {
        let path = &bench.recovery.path;
        path.reordering.loss_delay(&path.rtt).as_micros()
    };
    assert_eq!(delay(&bench), 112_500);
    for (round, expected) in [125_000, 150_000, 175_000, 200_000, 200_000]
        .iter()
        .enumerate()
    {
        let ms = 1_000 * (round as u64 + 1);
        let first = bench.recovery.spaces[SpaceId::Data].next_number;
        bench.send(ms, 300);
        bench.ack(ms + 100, [first + 2..=first + 299]);
        bench.ack(ms + 100, [first + 1..=first + 299]);
        bench.ack(ms + 100, [first..=first + 299]);
        assert_eq!(delay(&bench), *expected);
    }
}

#[test]
fn sixteen_real_losses_make_the_path_trusted_again() {
    let mut bench = Bench::measured();
    let number = lose(&mut bench, 1_000);
    bench.ack(1_100, [number..=number + 3]);
    assert_eq!(bench.recovery.packet_threshold(), 4);
    for event in 1..=16 {
        lose(&mut bench, 1_000 + event * 1_000);
        assert_eq!(bench.recovery.packet_threshold(), 4);
    }
    let others = bench.recovery.packet_threshold();
    assert_eq!(others, 4);
    lose(&mut bench, 20_000);
    assert_eq!(bench.recovery.packet_threshold(), 3);
}

#[test]
fn after_three_probe_timeouts_a_lost_packet_is_forgotten() {
    let mut bench = Bench::measured();
    let number = lose(&mut bench, 200);
    let timeout = bench.recovery.probe_timeout(SpaceId::Data);
    let forget_at = at(300) + timeout * 3;
    assert_eq!(
        bench.timeout(),
        Some(forget_at),
        "nothing is in flight: memory is freed"
    );
    let outcome = &mut bench.outcome;
    bench.recovery.on_timeout(forget_at, &bench.facts, outcome);
    assert_eq!(bench.timeout(), None);
    bench.ack(5_000, [number..=number + 3]);
    assert!(bench.delivered().is_empty());
}

#[test]
fn a_late_acknowledgement_of_an_older_event_does_not_undo_the_newer() {
    let mut bench = Bench::measured();
    let older = lose(&mut bench, 200);
    let newer = lose(&mut bench, 400);
    bench.ack(501, [newer + 1..=newer + 3, older..=older + 3]);
    assert_eq!(bench.delivered(), [older]);
    assert!(!bench.spurious()[0].whole_event);
}

#[test]
fn remembered_losses_are_bounded() {
    let mut bench = Bench::measured();
    bench.send(200, 10_000);
    bench.ack(300, [9_998..=10_000]);
    assert_eq!(bench.lost().len(), 9_997);
    bench.ack(300, [1..=10_000]);
    assert_eq!(bench.delivered().len(), 4_096);
}
