use super::*;

const START: Instant = Instant::from_nanos(1_000_000_000);

/// Feeds rounds of acknowledgements and counts time.
struct Bench {
    hystart: HyStart,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            hystart: HyStart::new(START),
            now: START,
        }
    }

    /// A round of `samples` frames that all show `rtt`; true if slow start is over.
    fn round(&mut self, rtt: u64, samples: u32) -> bool {
        let sent_at = self.now;
        self.now += Duration::from_millis(rtt);
        let mut over = false;
        for sample in 0..samples {
            // Only the last packet was sent after the round began.
            let age = Duration::from_nanos(u64::from(sample + 1 < samples));
            over = self
                .hystart
                .on_acknowledged(&acknowledged(self.now, sent_at.before(age), rtt));
        }
        over
    }
}

fn acknowledged(now: Instant, sent_at: Instant, rtt: u64) -> Acknowledged {
    Acknowledged {
        now,
        bytes: 1200,
        lost_bytes: 0,
        prior_in_flight: 12_000,
        bytes_in_flight: 10_800,
        largest: 0,
        largest_sent_at: sent_at,
        rtt: Some(Duration::from_millis(rtt)),
        smoothed_rtt: Duration::from_millis(rtt),
        delivered: 0,
        lost: 0,
        rate: None,
        ecn_marked: 0,
        app_limited: false,
    }
}

#[test]
fn steady_round_trips_keep_slow_start() {
    let mut bench = Bench::new();
    assert!((0..20).all(|_| !bench.round(40, 10)));
    assert_eq!(bench.hystart.phase(), Phase::SlowStart);
    assert_eq!(bench.hystart.growth(1200), 1200);
}

#[test]
fn rise_by_an_eighth_slows_growth_to_a_quarter() {
    let mut bench = Bench::new();
    bench.round(80, 10);
    bench.round(89, 10);
    assert_eq!(bench.hystart.phase(), Phase::SlowStart, "below 80 + 80 / 8");
    let mut bench = Bench::new();
    bench.round(80, 10);
    bench.round(90, 10);
    assert_eq!(bench.hystart.phase(), Phase::Conservative);
    assert_eq!(bench.hystart.growth(1200), 300);
}

#[test]
fn threshold_stays_between_4_and_16_milliseconds() {
    let threshold = |millis| threshold(Duration::from_millis(millis)).as_millis();
    assert_eq!(threshold(1), 4);
    assert_eq!(threshold(80), 10);
    assert_eq!(threshold(400), 16);
}

#[test]
fn few_samples_prove_nothing() {
    let mut bench = Bench::new();
    bench.round(40, 10);
    bench.round(80, 7);
    assert_eq!(bench.hystart.phase(), Phase::SlowStart);
}

#[test]
fn queue_that_stays_ends_slow_start_after_five_rounds() {
    let mut bench = Bench::new();
    bench.round(40, 10);
    assert!((0..4).all(|_| !bench.round(50, 10)));
    assert!(bench.round(50, 10));
    assert_eq!(bench.hystart.phase(), Phase::Done);
}

#[test]
fn round_trips_that_fall_again_resume_slow_start() {
    let mut bench = Bench::new();
    bench.round(40, 10);
    bench.round(50, 10);
    bench.round(50, 10);
    bench.round(49, 10);
    assert_eq!(bench.hystart.phase(), Phase::SlowStart);
    // The rounds of the first attempt do not count for the next.
    bench.round(60, 10);
    assert!((0..3).all(|_| !bench.round(60, 10)));
    assert!(bench.round(60, 10));
}
