use super::*;

const DATAGRAM: u64 = 1200;
const START: Instant = Instant::from_nanos(1_000_000_000);
const RTT: Duration = Duration::from_millis(100);

/// A controller and its clock.
struct Bench {
    cubic: CubicController,
    now: Instant,
    number: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            cubic: CubicController::new(START, 1200, INITIAL_WINDOW),
            now: START,
            number: 0,
        }
    }

    /// One that has a window of so many datagrams and is in slow start.
    fn with_window(datagrams: u64) -> Self {
        let mut bench = Self::new();
        bench.cubic.course.window = (datagrams * DATAGRAM) as f64;
        bench
    }

    fn window(&self) -> u64 {
        self.cubic.limits().window
    }

    fn datagrams(&self) -> f64 {
        self.cubic.course.window / DATAGRAM as f64
    }

    fn frame(&self, bytes: u64) -> Acknowledged {
        Acknowledged {
            now: self.now,
            bytes,
            lost_bytes: 0,
            prior_in_flight: self.window(),
            bytes_in_flight: self.window() - bytes.min(self.window()),
            largest: self.number,
            largest_sent_at: self.now.before(RTT),
            rtt: Some(RTT),
            smoothed_rtt: RTT,
            delivered: 0,
            lost: 0,
            rate: None,
            ecn_marked: 0,
            app_limited: false,
        }
    }

    /// A round trip in which the whole window is acknowledged, ten frames long.
    fn round(&mut self, app_limited: bool) {
        let bytes = self.window() / 10;
        for _ in 0..10 {
            self.now += RTT / 10;
            let frame = Acknowledged {
                app_limited,
                ..self.frame(bytes)
            };
            self.cubic.on_acknowledged(&frame);
        }
    }

    fn lose(&mut self, sent_at: Instant) {
        self.number += 1;
        self.cubic.on_lost(&Lost {
            now: self.now,
            packet_number: self.number,
            bytes: DATAGRAM,
            sent_at,
            sent_in_flight: 0,
            prior_delivered: 0,
            prior_lost: 0,
            app_limited: false,
            bytes_in_flight: 0,
            lost: DATAGRAM,
            continues_run: false,
        });
    }

    fn find_spurious(&mut self, whole_event: bool) {
        self.cubic.on_spurious_loss(&SpuriousLoss {
            now: self.now,
            packet_number: self.number,
            bytes: DATAGRAM,
            sent_at: self.now.before(RTT),
            whole_event,
        });
    }
}

#[test]
fn window_begins_with_ten_datagrams_and_names_no_rate() {
    let limits = Bench::new().cubic.limits();
    assert_eq!(limits.window, 10 * DATAGRAM);
    assert_eq!(limits.pacing_rate, None);
    assert_eq!(limits.quantum, 10 * DATAGRAM);
}

#[test]
fn slow_start_doubles_the_window_each_round_trip() {
    let mut bench = Bench::new();
    bench.round(false);
    assert_eq!(bench.window(), 20 * DATAGRAM);
    bench.round(false);
    assert_eq!(bench.window(), 40 * DATAGRAM);
}

#[test]
fn losses_of_one_round_reduce_the_window_once_to_seven_tenths() {
    let mut bench = Bench::with_window(100);
    bench.lose(bench.now);
    bench.lose(bench.now.before(RTT));
    bench.now += RTT / 2;
    bench.lose(START);
    assert_eq!(bench.window(), 70 * DATAGRAM);
    assert_eq!(bench.cubic.snapshot().state, "Recovery");
    assert_eq!(
        bench.cubic.snapshot().slow_start_threshold,
        Some(70 * DATAGRAM)
    );
    bench.lose(START + Duration::from_nanos(1));
    let window = bench.datagrams();
    assert!((window - 49.0).abs() < 1e-6, "sent after the first event");
}

#[test]
fn window_does_not_grow_in_recovery() {
    let mut bench = Bench::with_window(100);
    bench.lose(bench.now);
    bench.round(false);
    assert_eq!(bench.window(), 70 * DATAGRAM);
    bench.round(false);
    assert!(bench.window() > 70 * DATAGRAM);
    assert_eq!(bench.cubic.snapshot().state, "CongestionAvoidance");
}

#[test]
fn window_follows_the_curve_of_the_specification() {
    let mut bench = Bench::with_window(1000);
    bench.lose(bench.now);
    let epoch = bench.now + RTT + RTT / 10;
    let reach = (1000.0_f64 * 0.3 / 0.4).cbrt();
    for _ in 0..150 {
        bench.round(false);
        let elapsed = bench.now.since(epoch).as_secs_f64();
        let curve = |time: f64| 0.4 * (time - reach).powi(3) + 1000.0;
        // The window is on its way to what the curve says a round trip later.
        let range = curve(elapsed - 0.11) - 0.5..=curve(elapsed + 0.1) + 0.5;
        let window = bench.datagrams();
        assert!(
            elapsed < 0.3 || range.contains(&window),
            "{window} is outside {range:?} after {elapsed} s"
        );
    }
    assert!(bench.datagrams() > 1050.0, "it probes beyond the origin");
}

#[test]
fn second_loss_below_the_origin_gives_way_to_others() {
    let mut bench = Bench::with_window(100);
    bench.lose(bench.now);
    assert_eq!(bench.cubic.course.origin, Some(120_000.0));
    bench.now += RTT;
    bench.lose(bench.now);
    let origin = bench.cubic.course.origin.unwrap();
    assert!((origin - 70.0 * 0.85 * 1200.0).abs() < 1.0, "{origin}");
}

#[test]
fn small_window_grows_no_slower_than_reno_would() {
    let mut bench = Bench::with_window(20);
    bench.lose(bench.now);
    bench.round(false);
    for _ in 0..10 {
        bench.round(false);
    }
    // The curve alone: K = cbrt(6 / 0.4) = 2.47 s, 0.4 x (1 - 2.47)^3 + 20 = 18.7.
    let reno = 14.0 + 10.0 * 3.0 * 0.3 / 1.7;
    let window = bench.datagrams();
    assert!((window - reno).abs() < 0.6, "{window} instead of {reno}");
}

#[test]
fn application_that_leaves_the_window_unused_does_not_make_it_grow() {
    let mut bench = Bench::with_window(100);
    bench.round(true);
    assert_eq!(bench.window(), 100 * DATAGRAM);
    bench.now += RTT;
    let idle = Acknowledged {
        prior_in_flight: 49 * DATAGRAM,
        ..bench.frame(DATAGRAM)
    };
    bench.cubic.on_acknowledged(&idle);
    assert_eq!(bench.window(), 100 * DATAGRAM);
}

#[test]
fn time_without_data_does_not_advance_the_curve() {
    let mut busy = Bench::with_window(1000);
    let mut paused = Bench::with_window(1000);
    for bench in [&mut busy, &mut paused] {
        bench.lose(bench.now);
        (0..5).for_each(|_| bench.round(false));
    }
    (0..100).for_each(|_| paused.round(true));
    assert_eq!(busy.window(), paused.window());
    (0..5).for_each(|_| busy.round(false));
    (0..5).for_each(|_| paused.round(false));
    assert_eq!(busy.window(), paused.window());
}

#[test]
fn idle_time_before_a_packet_does_not_advance_the_curve() {
    let mut bench = Bench::with_window(1000);
    bench.lose(bench.now);
    (0..5).for_each(|_| bench.round(false));
    let before = bench.cubic.course.avoidance.unwrap().elapsed;
    bench.now += Duration::from_secs(60);
    bench.cubic.on_sent(&Sent {
        now: bench.now,
        packet_number: 0,
        bytes: DATAGRAM,
        bytes_in_flight: 0,
        after_idle: true,
        app_limited: false,
    });
    bench.round(false);
    let after = bench.cubic.course.avoidance.unwrap().elapsed;
    assert_eq!(after.checked_sub(before), Some(RTT));
}

#[test]
fn mark_counts_as_loss_and_cannot_be_undone() {
    let mut bench = Bench::with_window(100);
    bench.now += RTT;
    let marked = Acknowledged {
        ecn_marked: 1,
        ..bench.frame(DATAGRAM)
    };
    bench.cubic.on_acknowledged(&marked);
    assert_eq!(bench.window(), 70 * DATAGRAM);
    bench.cubic.on_acknowledged(&marked);
    assert_eq!(bench.window(), 70 * DATAGRAM, "once a round");
    bench.find_spurious(true);
    assert_eq!(bench.window(), 70 * DATAGRAM);
}

#[test]
fn spurious_event_gives_back_window_and_slow_start() {
    let mut bench = Bench::with_window(100);
    bench.lose(bench.now);
    bench.find_spurious(false);
    assert_eq!(bench.window(), 70 * DATAGRAM, "a part proves nothing");
    bench.find_spurious(true);
    assert_eq!(bench.window(), 100 * DATAGRAM);
    assert_eq!(bench.cubic.snapshot().slow_start_threshold, None);
    bench.round(false);
    assert_eq!(bench.window(), 200 * DATAGRAM);
    bench.find_spurious(true);
    assert_eq!(
        bench.window(),
        200 * DATAGRAM,
        "there is nothing left to undo"
    );
}

#[test]
fn persistent_congestion_leaves_two_datagrams_and_slow_start_to_the_threshold() {
    let mut bench = Bench::with_window(100);
    bench.lose(bench.now);
    bench.cubic.on_persistent_congestion(bench.now);
    assert_eq!(bench.window(), 2 * DATAGRAM);
    bench.find_spurious(true);
    assert_eq!(bench.window(), 2 * DATAGRAM);
    bench.now += RTT;
    bench.round(false);
    assert_eq!(bench.window(), 4 * DATAGRAM);
    (0..5).for_each(|_| bench.round(false));
    let window = bench.datagrams();
    assert!((70.0..72.0).contains(&window), "{window}");
}

#[test]
fn queue_that_builds_up_ends_slow_start_without_loss() {
    let mut bench = Bench::new();
    for round in 0..12_u32 {
        let rtt = RTT + Duration::from_millis(20) * round.min(3);
        let sent_at = bench.now;
        bench.now += rtt;
        for sample in 0..10 {
            let frame = Acknowledged {
                rtt: Some(rtt),
                largest_sent_at: sent_at.before(Duration::from_nanos(u64::from(sample < 9))),
                ..bench.frame(bench.window() / 20)
            };
            bench.cubic.on_acknowledged(&frame);
        }
    }
    let snapshot = bench.cubic.snapshot();
    assert_eq!(snapshot.state, "CongestionAvoidance");
    assert!(snapshot.slow_start_threshold.is_some());
}

#[test]
fn hostile_numbers_do_not_break_the_arithmetic() {
    let mut bench = Bench::new();
    bench.lose(bench.now);
    bench.now = Instant::DISTANT;
    for _ in 0..3 {
        let frame = Acknowledged {
            smoothed_rtt: Duration::from_nanos(u64::MAX),
            prior_in_flight: u64::MAX,
            largest_sent_at: Instant::DISTANT,
            ..bench.frame(1 << 62)
        };
        bench.cubic.on_acknowledged(&frame);
    }
    assert!(bench.cubic.course.window.is_finite());
    bench.cubic.on_datagram_size(u16::MAX);
    assert!(bench.window() >= 2 * u64::from(u16::MAX));
}
