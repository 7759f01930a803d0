use super::*;

#[test]
fn a_packet_is_lost_three_numbers_behind() {
    let mut bench = Bench::measured();
    bench.send(200, 6);
    bench.ack(300, [2..=3]);
    assert!(bench.lost().is_empty());
    bench.ack(300, [2..=4]);
    assert_eq!(bench.lost(), [1]);
    assert_eq!(bench.delivered(), [4]);
}

#[test]
fn a_packet_is_lost_nine_eighths_of_a_round_trip_after_it_was_sent() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [2..=2]);
    // 200 + 100 * 9 / 8.
    let due = Instant::from_nanos(312_500_000);
    assert_eq!(bench.timeout(), Some(due));
    assert_eq!(bench.fire(312), TimerAction::Nothing);
    assert_eq!(bench.fire(313), TimerAction::Lost(SpaceId::Data));
    assert_eq!(bench.lost(), [1]);
}

#[test]
fn loss_delay_has_a_floor_of_one_millisecond() {
    let mut bench = Bench::new();
    bench.send(0, 1);
    bench
        .recovery
        .path
        .rtt
        .on_sample(at(0), Duration::from_micros(50), Duration::ZERO);
    bench.send(10, 10);
    bench.ack(10, [2..=2]);
    assert_eq!(bench.lost(), [0], "more than a millisecond old");
    assert_eq!(bench.timeout(), Some(at(11)));
}

#[test]
fn losses_are_told_before_the_acknowledgement_and_one_by_one() {
    let mut bench = Bench::measured();
    bench.send(200, 8);
    bench.hush();
    bench.ack(300, [5..=8]);
    assert_eq!(bench.lost(), [1, 2, 3, 4]);
    let heard = bench.heard();
    assert_eq!(heard.len(), 5);
    assert!(
        heard[..4]
            .iter()
            .all(|heard| matches!(heard, Heard::Lost(_)))
    );
    let in_flight: Vec<_> = bench
        .losses()
        .iter()
        .map(|lost| lost.bytes_in_flight)
        .collect();
    assert_eq!(in_flight, [3_000, 2_000, 1_000, 0]);
    let runs: Vec<_> = bench
        .losses()
        .iter()
        .map(|lost| lost.continues_run)
        .collect();
    assert_eq!(runs, [false, true, true, true]);
    let acknowledged = bench.acknowledged()[0];
    assert_eq!(acknowledged.bytes, 4_000);
    assert_eq!(acknowledged.lost_bytes, 4_000);
    assert_eq!(acknowledged.prior_in_flight, 8_000);
    assert_eq!(acknowledged.bytes_in_flight, 0);
    assert_eq!(acknowledged.lost, 4_000);
    assert_eq!(acknowledged.delivered, 5_000);
    assert_eq!(
        (acknowledged.largest, acknowledged.largest_sent_at),
        (8, at(200))
    );
}

#[test]
fn an_acknowledged_packet_in_between_ends_a_run_of_losses() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [6..=10, 3..=3]);
    assert_eq!(bench.lost(), [1, 2, 4, 5]);
    let runs: Vec<_> = bench
        .losses()
        .iter()
        .map(|lost| lost.continues_run)
        .collect();
    assert_eq!(runs, [false, true, false, true]);
}

#[test]
fn a_lost_probe_for_the_datagram_size_is_no_loss() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Data, |packet| packet.mtu_probe = true);
    bench.send(200, 4);
    assert_eq!(bench.recovery.bytes_in_flight(), 5_000);
    bench.ack(300, [2..=5]);
    assert_eq!(bench.lost(), [1]);
    assert!(bench.outcome.lost[0].mtu_probe);
    assert!(bench.losses().is_empty());
    assert_eq!(bench.acknowledged()[0].lost_bytes, 0);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    let mut statistics = Statistics::default();
    bench.recovery.fill(&mut statistics);
    assert_eq!(statistics.packets_lost, 0);
}

#[test]
fn a_lost_bare_acknowledgement_is_no_loss_and_arms_no_timer() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Data, bare_ack);
    bench.send(200, 1);
    bench.ack(300, [2..=2]);
    assert_eq!(bench.lost(), [1]);
    assert!(bench.losses().is_empty());
    assert_eq!(bench.timeout(), None);
}

#[test]
fn the_last_packets_of_a_thin_stream_need_fewer_witnesses() {
    let mut bench = Bench::measured();
    bench.send(200, 2);
    bench.ack(300, [2..=2]);
    assert_eq!(bench.lost(), [1]);
}

#[test]
fn a_path_that_reorders_gets_no_short_cut() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [2..=2]);
    bench.ack(300, [1..=10]);
    bench.send(400, 2);
    bench.ack(500, [12..=12]);
    assert!(bench.lost().is_empty());
}

#[test]
fn persistent_congestion_when_all_is_lost_for_three_probe_timeouts() {
    let mut bench = Bench::measured();
    // The second sample of 100 ms leaves 3 * (100 + 4 * 37.5 + 25) = 825 ms.
    bench.send(200, 1);
    bench.send(700, 1);
    bench.send(1_025, 1);
    bench.send(1_200, 3);
    bench.ack(1_300, [4..=6]);
    assert_eq!(bench.lost(), [1, 2, 3]);
    assert_eq!(bench.persistent(), 1);
    assert!(bench.outcome.persistent_congestion);
    assert!(matches!(bench.heard().last(), Some(Heard::Acknowledged(_))));
}

#[test]
fn a_shorter_time_is_no_persistent_congestion() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.send(1_024, 1);
    bench.send(1_200, 3);
    bench.ack(1_300, [3..=5]);
    assert_eq!(bench.lost(), [1, 2]);
    assert_eq!(bench.persistent(), 0);
}

#[test]
fn an_acknowledgement_in_between_is_no_persistent_congestion() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.send(700, 1);
    bench.send(1_025, 1);
    bench.send(1_200, 3);
    bench.ack(1_300, [4..=6, 2..=2]);
    assert_eq!(bench.lost(), [1, 3]);
    assert_eq!(bench.persistent(), 0);
}

#[test]
fn losses_before_the_first_round_trip_are_no_persistent_congestion() {
    let mut bench = Bench::new();
    bench.send(0, 1);
    bench.send(5_000, 1);
    bench.send(5_000, 3);
    bench.ack(5_100, [2..=4]);
    assert_eq!(bench.lost(), [0, 1]);
    assert_eq!(bench.persistent(), 0);
}

#[test]
fn persistent_congestion_learns_the_smallest_round_trip_anew() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    // The sample of 300 ms leaves 3 * (125 + 4 * 87.5 + 25) = 1,500 ms.
    bench.send(1_700, 1);
    bench.send(1_700, 3);
    bench.ack(2_000, [3..=5]);
    assert_eq!(bench.persistent(), 1);
    assert_eq!(bench.recovery.rtt().min(), MS * 300);
}

#[test]
fn frames_that_repeat_what_is_known_cost_and_change_nothing() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [1..=5]);
    bench.hush();
    bench.ack(300, [1..=5]);
    assert!(bench.delivered().is_empty());
    assert!(bench.heard().is_empty());
}

#[test]
fn marked_packets_reach_the_controller() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Data, |packet| packet.ect0 = true);
    bench.send_in(200, SpaceId::Data, |packet| packet.ect0 = true);
    bench.send(200, 1);
    bench.ecn_marked = 1;
    bench.ack(300, [1..=3]);
    assert_eq!(bench.ect0_reported, 2);
    assert_eq!(bench.acknowledged()[0].ecn_marked, 1);
}

#[test]
fn counts_of_an_overtaken_frame_are_not_checked() {
    let mut bench = Bench::measured();
    for _ in 0..3 {
        bench.send_in(200, SpaceId::Data, |packet| packet.ect0 = true);
    }
    bench.ecn_marked = 1;
    bench.ack(300, [2..=2]);
    bench.ack(300, [1..=1]);
    assert_eq!(bench.ect0_reported, 1);
    assert_eq!(bench.acknowledged()[1].ecn_marked, 0);
    bench.ack(300, [3..=3]);
    assert_eq!(
        bench.ect0_reported, 3,
        "the packet of the overtaken frame is made up for"
    );
}
