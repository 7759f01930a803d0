use super::*;

/// Sends a packet each millisecond from `ms` on.
fn stream(bench: &mut Bench, ms: u64, count: u64) {
    (ms..ms + count).for_each(|ms| bench.send(ms, 1));
}

#[test]
fn one_sample_per_frame_from_its_newest_packet() {
    let mut bench = Bench::measured();
    stream(&mut bench, 200, 100);
    bench.hush();
    bench.ack(390, [1..=90]);
    assert_eq!(bench.acknowledged().len(), 1);
    let sample = bench.sample();
    // Sent at 289, when nothing of the flight was delivered that began at 200.
    assert_eq!(sample.delivered, 90_000);
    assert_eq!(sample.prior_delivered, 1_000);
    assert_eq!(sample.interval, MS * 190);
    assert_eq!(sample.rtt, MS * 101);
    assert_eq!(sample.sent_in_flight, 90_000);
    assert_eq!(sample.delivery_rate, 90_000 * 1_000 / 190);
}

#[test]
fn the_interval_is_the_longer_of_sending_and_acknowledging() {
    let mut bench = Bench::measured();
    stream(&mut bench, 200, 1);
    bench.send(350, 1);
    bench.ack(360, [1..=1]);
    bench.ack(470, [2..=2]);
    let sample = bench.sample();
    // 150 ms between the sending of both, 270 since the flight began.
    assert_eq!(sample.interval, MS * 270);
    bench.send(480, 1);
    bench.send(490, 1);
    bench.ack(590, [3..=4]);
    assert_eq!(bench.sample().interval, MS * 110);
}

#[test]
fn a_start_after_idle_is_not_blamed_on_the_path() {
    let mut bench = Bench::measured();
    bench.send(10_000, 1);
    let Heard::Sent(sent) = bench.heard()[0] else {
        panic!("{:?}", bench.heard());
    };
    assert!(sent.after_idle);
    bench.ack(10_100, [1..=1]);
    assert_eq!(bench.sample().interval, MS * 100);
    assert_eq!(bench.sample().delivered, 1_000);
}

#[test]
fn acknowledgements_that_arrive_in_one_burst_do_not_inflate_the_rate() {
    let mut bench = Bench::measured();
    stream(&mut bench, 200, 100);
    for packet in 1..=100 {
        bench.ack(400, [packet..=packet]);
    }
    let fastest = bench
        .acknowledged()
        .iter()
        .map(|heard| heard.rate.unwrap().delivery_rate)
        .max();
    assert!(fastest.unwrap() <= 1_000_000, "{fastest:?}: sent at 1 MB/s");
}

#[test]
fn samples_are_marked_while_the_application_limits_the_flow() {
    let mut bench = Bench::measured();
    bench.send(200, 2);
    bench.recovery.set_app_limited();
    bench.send(210, 1);
    bench.ack(300, [1..=2]);
    assert!(!bench.sample().app_limited);
    bench.ack(310, [3..=3]);
    assert!(bench.sample().app_limited);
    bench.send(320, 1);
    bench.ack(420, [4..=4]);
    assert!(!bench.sample().app_limited, "the bubble has left the path");
}

#[test]
fn a_full_window_is_not_limited_by_the_application() {
    let mut bench = Bench::measured();
    bench.recovery.path.controller = controller(&bench.log, 2_000);
    bench.send(200, 2);
    bench.recovery.set_app_limited();
    bench.send(210, 1);
    bench.ack(310, [1..=3]);
    assert!(!bench.sample().app_limited);
}

#[test]
fn losses_since_the_packet_left_belong_to_its_sample() {
    let mut bench = Bench::measured();
    bench.send(200, 10);
    bench.ack(300, [4..=10]);
    assert_eq!(bench.sample().lost, 3_000);
    bench.send(310, 1);
    bench.ack(410, [11..=11]);
    assert_eq!(bench.sample().lost, 0);
}

#[test]
fn an_acknowledgement_without_packets_in_flight_gives_no_sample() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Data, bare_ack);
    bench.ack(300, [1..=1]);
    assert!(bench.heard().is_empty());
    assert_eq!(bench.delivered(), [1]);
}
