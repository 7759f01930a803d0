use super::*;

/// 100 + 4 * 50: without acknowledgement delay.
const PROBE: u64 = 300;

fn probe(space: SpaceId, packets: u8) -> TimerAction {
    TimerAction::Probe { space, packets }
}

#[test]
fn the_probe_timeout_counts_from_the_oldest_packet_and_doubles() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.send(210, 1);
    assert_eq!(bench.timeout(), Some(at(200 + PROBE + 25)));
    assert_eq!(bench.fire(524), TimerAction::Nothing);
    assert_eq!(bench.fire(525), probe(SpaceId::Data, 2));
    assert!(bench.lost().is_empty(), "a timeout is no loss");
    bench.send(540, 1);
    assert_eq!(bench.timeout(), Some(at(525 + 2 * (PROBE + 25))));
}

#[test]
fn who_keeps_on_sending_notices_that_nothing_is_acknowledged() {
    let mut bench = Bench::measured();
    (200..525).step_by(10).for_each(|ms| bench.send(ms, 1));
    assert_eq!(bench.fire(525), probe(SpaceId::Data, 2));
}

#[test]
fn acknowledgements_that_are_late_but_come_are_no_silence() {
    let mut bench = Bench::measured();
    bench.recovery.set_max_ack_delay(MS);
    // The round trip is 100 ms for long, then longer by 10.
    for number in 1..=30 {
        let sent = number * 200;
        bench.send(sent, 1);
        bench.ack(sent + 100, [number..=number]);
    }
    bench.send(7_000, 1);
    bench.send(7_001, 1);
    bench.send(7_100, 1);
    bench.ack(7_110, [31..=31]);
    let smoothed = bench.recovery.rtt().smoothed();
    let silent = at(7_110) + smoothed / 4;
    let overdue = at(7_001) + bench.recovery.probe_timeout(SpaceId::Data);
    assert!(overdue < silent, "{overdue:?}");
    assert_eq!(bench.timeout(), Some(silent));
}

#[test]
fn in_the_handshake_the_probe_timeout_counts_from_the_last_packet() {
    let mut bench = Bench::handshaking(Side::Server);
    bench.send_in(10, SpaceId::Handshake, |_| {});
    bench.send_in(20, SpaceId::Handshake, |_| {});
    assert_eq!(bench.timeout(), Some(at(320)));
}

#[test]
fn an_acknowledgement_ends_the_backoff() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.fire(525);
    bench.fire(2_000);
    assert_eq!(bench.recovery.timeouts(), 2);
    bench.send(2_000, 1);
    bench.ack(2_100, [1..=1]);
    assert_eq!(bench.recovery.timeouts(), 0);
}

#[test]
fn nothing_in_flight_arms_nothing() {
    let mut bench = Bench::measured();
    assert_eq!(bench.timeout(), None);
    bench.send_in(200, SpaceId::Data, bare_ack);
    assert_eq!(bench.timeout(), None);
}

#[test]
fn acknowledgement_delay_counts_in_the_data_space_alone() {
    let bench = Bench::measured();
    let timeouts = SpaceId::ALL.map(|space| bench.recovery.probe_timeout(space));
    assert_eq!(timeouts, [MS * 300, MS * 300, MS * 325]);
}

#[test]
fn the_data_space_probes_once_the_handshake_is_confirmed() {
    let mut bench = Bench::handshaking(Side::Server);
    bench.send(0, 1);
    assert_eq!(bench.timeout(), None);
    bench.recovery.on_handshake_confirmed();
    assert_eq!(bench.timeout(), Some(at(325)));
}

#[test]
fn the_earliest_space_probes() {
    let mut bench = Bench::handshaking(Side::Server);
    bench.send_in(10, SpaceId::Handshake, |_| {});
    bench.send_in(20, SpaceId::Initial, |_| {});
    assert_eq!(bench.timeout(), Some(at(310)));
    assert_eq!(bench.fire(310), probe(SpaceId::Handshake, 2));
}

#[test]
fn a_server_at_its_amplification_limit_arms_nothing() {
    let mut bench = Bench::handshaking(Side::Server);
    bench.send_in(0, SpaceId::Initial, |_| {});
    bench.facts.amplification_limited = true;
    assert_eq!(bench.timeout(), None);
    bench.facts.amplification_limited = false;
    assert_eq!(bench.timeout(), Some(at(300)));
}

#[test]
fn a_client_probes_with_nothing_in_flight_until_the_server_has_validated_it() {
    let mut bench = Bench::handshaking(Side::Client);
    bench.send_in(0, SpaceId::Initial, |_| {});
    bench
        .ack_in(100, SpaceId::Initial, Duration::ZERO, &[0..=0])
        .unwrap();
    assert_eq!(bench.timeout(), Some(at(400)));
    assert_eq!(bench.fire(400), probe(SpaceId::Initial, 1));
    bench.facts.handshake_keys = true;
    assert_eq!(bench.timeout(), Some(at(400 + 600)));
    assert_eq!(bench.fire(1_000), probe(SpaceId::Handshake, 1));
    bench.send_in(1_000, SpaceId::Handshake, |_| {});
    bench
        .ack_in(1_100, SpaceId::Handshake, Duration::ZERO, &[0..=0])
        .unwrap();
    assert_eq!(bench.timeout(), None);
}

#[test]
fn a_client_with_only_early_data_in_flight_does_not_fall_silent() {
    let mut bench = Bench::handshaking(Side::Client);
    bench.send(0, 1);
    bench.facts.handshake_keys = true;
    assert_eq!(bench.timeout(), Some(at(300)));
}

#[test]
fn a_client_keeps_backing_off_until_the_server_has_validated_it() {
    let mut bench = Bench::handshaking(Side::Client);
    bench.send_in(0, SpaceId::Initial, |_| {});
    bench.fire(300);
    bench.send_in(300, SpaceId::Initial, |_| {});
    bench
        .ack_in(400, SpaceId::Initial, Duration::ZERO, &[1..=1])
        .unwrap();
    assert_eq!(bench.recovery.timeouts(), 1);
}

#[test]
fn discarding_a_space_forgets_its_packets_and_the_backoff() {
    let mut bench = Bench::handshaking(Side::Server);
    bench.send_in(0, SpaceId::Initial, |_| {});
    bench.send_in(0, SpaceId::Handshake, |_| {});
    bench.fire(300);
    bench.recovery.discard_space(at(310), SpaceId::Initial);
    assert_eq!(bench.recovery.bytes_in_flight(), u64::from(BYTES));
    assert_eq!(bench.recovery.timeouts(), 0);
    assert_eq!(bench.timeout(), Some(at(300)));
}

#[test]
fn loss_time_comes_before_the_probe() {
    let mut bench = Bench::measured();
    bench.send(200, 5);
    bench.ack(300, [2..=2]);
    assert!(bench.timeout().unwrap() < at(313));
}

#[test]
fn what_a_peer_threw_away_is_reported_without_blaming_the_path() {
    let mut bench = Bench::handshaking(Side::Client);
    bench.send_in(0, SpaceId::Initial, |_| {});
    bench.hush();
    bench
        .recovery
        .abandon(at(50), SpaceId::Initial, &mut bench.outcome);
    assert_eq!(bench.lost(), [0]);
    assert!(bench.heard().is_empty());
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    bench.send_in(60, SpaceId::Initial, |packet| assert_eq!(packet.number, 1));
}

#[test]
fn a_probe_can_repeat_the_oldest_packets() {
    let mut bench = Bench::measured();
    bench.send(200, 3);
    bench.ack(300, [2..=2]);
    let mut outstanding = bench.recovery.outstanding(SpaceId::Data);
    assert_eq!(outstanding.next().unwrap()[..], [carried(1)]);
    assert_eq!(outstanding.next().unwrap()[..], [carried(3)]);
    assert!(outstanding.next().is_none());
}

#[test]
fn a_timer_that_fires_late_asks_once() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    assert_eq!(bench.fire(60_000), probe(SpaceId::Data, 2));
    assert_eq!(bench.fire(60_000), TimerAction::Nothing);
}
