use super::*;

#[test]
fn packets_of_the_old_path_say_nothing_about_the_new_one() {
    let mut bench = Bench::measured();
    bench.send(200, 6);
    let log = Log::default();
    bench.hush();
    let _old = bench
        .recovery
        .on_path_change(at(250), controller(&log, 1_000_000));
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    bench.send(260, 1);
    assert_eq!(bench.recovery.bytes_in_flight(), 1_000);
    bench.ack(300, [4..=6]);
    assert_eq!(bench.delivered(), [4, 5, 6]);
    assert_eq!(bench.lost(), [1, 2, 3], "they are still missed");
    assert!(bench.heard().is_empty());
    assert_eq!(log.lock().unwrap().len(), 1, "only the packet sent since");
    assert_eq!(bench.recovery.rtt().first_sample_at(), None);
    bench.ack(340, [7..=7]);
    assert_eq!(bench.recovery.rtt().latest(), MS * 80);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
}

#[test]
fn a_path_can_be_returned_to() {
    let mut bench = Bench::measured();
    bench.send(200, 6);
    let log = Log::default();
    let old = bench
        .recovery
        .on_path_change(at(250), controller(&log, 1_000_000));
    bench.send(260, 2);
    bench.ack(300, [1..=3]);
    bench.recovery.restore_path(old);
    assert_eq!(bench.recovery.bytes_in_flight(), 3_000);
    assert_eq!(bench.recovery.rtt().smoothed(), MS * 100);
    bench.ack(310, [4..=8]);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
}
