use super::*;

const START: Instant = Instant::from_nanos(1_000_000_000);
const RTT: Duration = Duration::from_millis(50);
const DATAGRAM: u64 = 1200;

fn limits(rate: Option<u64>, quantum: u64) -> SendLimits {
    SendLimits {
        window: 1_000_000,
        pacing_rate: rate,
        quantum,
    }
}

/// Sends all that may leave at `now`: how many bytes, and when the next packet may leave.
fn drain(pacer: &mut Pacer, now: Instant, limits: &SendLimits) -> (u64, Instant) {
    let mut bytes = 0;
    loop {
        if let Some(next) = pacer.poll(now, DATAGRAM, limits, RTT) {
            return (bytes, next);
        }
        pacer.on_sent(DATAGRAM);
        bytes += DATAGRAM;
        assert!(bytes < 100_000_000, "the pacer never stops");
    }
}

/// Bytes that leave within ten seconds if the sender wakes `late` after each deadline.
fn sent_in_ten_seconds(limits: &SendLimits, late: Duration) -> u64 {
    let mut pacer = Pacer::new();
    let (_, mut next) = drain(&mut pacer, START, limits);
    let mut total = 0;
    while next < START + Duration::from_secs(10) {
        let (bytes, following) = drain(&mut pacer, next + late, limits);
        assert!(bytes <= burst(rate(limits, RTT), limits, DATAGRAM) + DATAGRAM);
        total += bytes;
        next = following;
    }
    total
}

fn assert_near(bytes: u64, expected: u64) {
    let error = bytes.abs_diff(expected);
    assert!(error * 100 <= expected, "{bytes} instead of {expected}");
}

#[test]
fn first_burst_is_no_more_than_the_quantum() {
    let limits = limits(Some(1_000_000), 12_000);
    let (bytes, _) = drain(&mut Pacer::new(), START, &limits);
    assert_eq!(bytes, 12_000);
}

#[test]
fn long_run_rate_is_that_of_the_controller() {
    for rate in [100_000, 1_234_567, 12_500_000] {
        let limits = limits(Some(rate), 4 * DATAGRAM);
        assert_near(sent_in_ten_seconds(&limits, Duration::ZERO), rate * 10);
    }
}

#[test]
fn timers_that_are_a_millisecond_late_cost_no_rate() {
    let limits = limits(Some(12_500_000), 2 * DATAGRAM);
    let bytes = sent_in_ten_seconds(&limits, Duration::from_millis(1));
    assert_near(bytes, 125_000_000);
}

#[test]
fn controller_without_a_rate_gets_five_quarters_of_a_window_a_round_trip() {
    let limits = limits(None, 10 * DATAGRAM);
    let bytes = sent_in_ten_seconds(&limits, Duration::ZERO);
    assert_near(bytes, 1_000_000 * 20 * 10 * 5 / 4);
}

#[test]
fn idle_time_gives_no_more_than_a_burst() {
    let limits = limits(Some(1_000_000), 12_000);
    let mut pacer = Pacer::new();
    let (_, next) = drain(&mut pacer, START, &limits);
    let (bytes, _) = drain(&mut pacer, next + Duration::from_secs(3600), &limits);
    assert_eq!(bytes, 12_000);
}

#[test]
fn packet_may_leave_at_the_time_that_was_named_and_not_before() {
    let limits = limits(Some(1_000_000), 2 * DATAGRAM);
    let mut pacer = Pacer::new();
    let (_, next) = drain(&mut pacer, START, &limits);
    let before = next.before(Duration::from_micros(2));
    assert!(pacer.poll(before, DATAGRAM, &limits, RTT).is_some());
    assert_eq!(pacer.poll(next, DATAGRAM, &limits, RTT), None);
}
