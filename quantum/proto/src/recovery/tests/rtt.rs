use super::*;

#[test]
fn the_first_sample_sets_everything() {
    let mut bench = Bench::new();
    bench.send(0, 1);
    bench.ack(60, [0..=0]);
    let rtt = bench.recovery.rtt();
    assert_eq!(
        (rtt.latest(), rtt.smoothed(), rtt.min()),
        (MS * 60, MS * 60, MS * 60)
    );
    assert_eq!(rtt.variation(), MS * 30);
}

#[test]
fn later_samples_are_smoothed() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.ack(380, [1..=1]);
    let rtt = bench.recovery.rtt();
    assert_eq!(rtt.min(), MS * 100);
    assert_eq!(rtt.smoothed(), MS * 110);
    assert_eq!(rtt.variation(), Duration::from_micros(57_500));
}

#[test]
fn acknowledgement_delay_is_taken_off_but_not_below_the_minimum() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.ack_in(320, SpaceId::Data, MS * 20, &[1..=1]).unwrap();
    assert_eq!(bench.acknowledged()[0].rtt, Some(MS * 100));
    bench.send(400, 1);
    bench.ack_in(510, SpaceId::Data, MS * 20, &[2..=2]).unwrap();
    assert_eq!(bench.acknowledged()[1].rtt, Some(MS * 110));
}

#[test]
fn acknowledgement_delay_is_bounded_once_the_handshake_is_confirmed() {
    let mut bench = Bench::measured();
    bench.send(200, 1);
    bench.ack_in(400, SpaceId::Data, MS * 90, &[1..=1]).unwrap();
    assert_eq!(bench.acknowledged()[0].rtt, Some(MS * 175));
}

#[test]
fn initial_packets_have_no_acknowledgement_delay() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Initial, |_| {});
    bench
        .ack_in(320, SpaceId::Initial, MS * 20, &[0..=0])
        .unwrap();
    assert_eq!(bench.acknowledged()[0].rtt, Some(MS * 120));
}

#[test]
fn no_sample_if_the_largest_packet_was_acknowledged_before() {
    let mut bench = Bench::measured();
    bench.send(200, 5);
    bench.ack(300, [2..=2]);
    bench.ack(310, [1..=2]);
    assert_eq!(bench.acknowledged()[1].rtt, None);
    assert_eq!(bench.recovery.rtt().latest(), MS * 100);
}

#[test]
fn no_sample_if_nothing_acknowledged_elicits_an_acknowledgement() {
    let mut bench = Bench::measured();
    bench.send_in(200, SpaceId::Data, bare_ack);
    bench.ack(900, [1..=1]);
    assert_eq!(bench.recovery.rtt().latest(), MS * 100);
    assert!(!bench.outcome.ack_eliciting);
}
