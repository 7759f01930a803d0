//! A bottleneck that has become much slower.
//!
//! The draft keeps the largest bandwidth of two probe cycles, some five seconds. When the bottleneck
//! falls to a tenth, the flow sends ten times too much for so long, and its own queue then passes for
//! the path. But while packets wait in a queue, the rate at which they leave it *is* the
//! bottleneck's: there is nothing to wait for.

use std::time::Duration;

use super::super::Acknowledged;
use super::bounds::Bounds;
use super::{BbrController, State, rate_of};
use crate::time::Instant;

/// Watches at which rate packets come out of a queue.
#[derive(Debug, Default)]
pub(super) struct QueueWatch {
    span: Option<Span>,
}

/// Acknowledgements in a row that all tell of a queue.
#[derive(Clone, Copy, Debug)]
struct Span {
    since: Instant,
    /// When the newest packet was sent that was acknowledged by then.
    sent: Instant,
    bytes: u32,
    frames: u32,
    last: Instant,
    longest_gap_microseconds: u32,
    /// The application could have sent more at some time.
    app_limited: bool,
}

impl Span {
    fn new(acked: &Acknowledged) -> Self {
        Self {
            since: acked.now,
            sent: acked.largest_sent_at,
            bytes: 0,
            frames: 0,
            last: acked.now,
            longest_gap_microseconds: 0,
            app_limited: false,
        }
    }

    fn add(&mut self, acked: &Acknowledged) {
        self.bytes = self.bytes.saturating_add(clamp(acked.bytes.into()));
        self.frames += 1;
        let gap = clamp(acked.now.since(self.last).as_micros());
        self.longest_gap_microseconds = self.longest_gap_microseconds.max(gap);
        self.last = acked.now;
        self.app_limited |= acked.rate.is_some_and(|sample| sample.app_limited);
    }

    /// The bottleneck's rate, if that is what the span shows. After an outage packets come all at
    /// once, behind one long gap. And an application that sends little sees its own rate, unless its
    /// packets arrive further apart than they were sent.
    fn rate(&self, acked: &Acknowledged) -> Option<u64> {
        let elapsed = acked.now.since(self.since);
        let departures = acked.largest_sent_at.since(self.sent);
        let longest_gap = Duration::from_micros(self.longest_gap_microseconds.into());
        let is_steady = longest_gap * GAPS_MIN <= elapsed;
        let is_bottleneck = !self.app_limited || departures * 3 <= elapsed * 2;
        (is_steady && is_bottleneck).then(|| rate_of(self.bytes.into(), elapsed))
    }
}

/// What does not fit counts as the most that does.
fn clamp(value: u128) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl QueueWatch {
    /// The rate of the bottleneck, as far as a queue shows it; `base`: the round-trip time without
    /// one.
    fn update(&mut self, acked: &Acknowledged, base: Duration) -> Option<u64> {
        if acked.rtt.is_some_and(|rtt| rtt <= base + base / 2) {
            self.span = None;
            return None;
        }
        let Some(span) = &mut self.span else {
            self.span = acked.rtt.map(|_| Span::new(acked));
            return None;
        };
        span.add(acked);
        if span.frames < FRAMES_MIN || acked.now.since(span.since) < base.max(SPAN_MIN) {
            return None;
        }
        let rate = span.rate(acked);
        *span = Span::new(acked);
        rate
    }
}

impl BbrController {
    /// Believes a queue at once that tells of less than a third of the bandwidth, and empties it. Then
    /// it looks whether that was all: some links fall for a moment only.
    pub(super) fn follow_fall(&mut self, acked: &Acknowledged) {
        let Some(base) = self.model.min_rtt() else {
            return;
        };
        let rate = self.queue_watch.update(acked, base);
        let Some(rate) = rate.filter(|rate| *rate < self.model.bandwidth() / 3) else {
            return;
        };
        self.model.replace_bandwidth(rate, acked);
        self.bounds = Bounds::default();
        self.probe_bw.wait_max = Duration::ZERO;
        // An application that sent less than the link took before has not left Startup yet.
        self.full_pipe.set_reached();
        if self.state != State::ProbeRtt {
            self.enter_drain();
        }
    }
}

/// Shorter, a radio link may be slow by chance.
const SPAN_MIN: Duration = Duration::from_millis(200);

/// Frames that a span has at least, and gaps between them of which none is longer than the part: own
/// choice. Eight frames of a steady flow have gaps of an eighth.
const FRAMES_MIN: u32 = 8;
const GAPS_MIN: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(50);

    /// A frame for 1,200 bytes that comes so many milliseconds after the first.
    fn acked(at: u64, rtt: u64, sent: u64) -> Acknowledged {
        let start = Instant::from_nanos(1_000_000_000);
        Acknowledged {
            now: start + Duration::from_millis(at),
            bytes: 1200,
            lost_bytes: 0,
            prior_in_flight: 12_000,
            bytes_in_flight: 10_800,
            largest: at,
            largest_sent_at: start + Duration::from_millis(sent),
            rtt: Some(Duration::from_millis(rtt)),
            smoothed_rtt: BASE,
            delivered: 0,
            lost: 0,
            rate: None,
            ecn_marked: 0,
            app_limited: false,
        }
    }

    /// The first rate that frames show, one each `interval` milliseconds.
    fn shown(frames: u64, interval: u64, rtt: u64) -> Option<u64> {
        let mut watch = QueueWatch::default();
        let times = (0..frames).map(|frame| frame * interval);
        let mut rates = times.map(|at| watch.update(&acked(at, rtt, at), BASE));
        rates.find_map(|rate| rate)
    }

    #[test]
    fn a_queue_shows_the_rate_of_its_bottleneck() {
        assert_eq!(shown(30, 10, 80), Some(120_000));
        assert_eq!(shown(30, 5, 80), None, "not for long enough");
        assert_eq!(shown(100, 10, 75), None, "no queue");
    }

    #[test]
    fn what_comes_all_at_once_after_an_outage_shows_nothing() {
        let mut watch = QueueWatch::default();
        for at in [0, 300, 301, 302, 303, 304, 305, 306, 307, 308] {
            assert_eq!(watch.update(&acked(at, 350, at), BASE), None, "at {at}");
        }
    }

    #[test]
    fn an_application_that_sends_little_sees_its_own_rate() {
        for (apart, expected) in [(10, None), (2, Some(120_000))] {
            let mut watch = QueueWatch::default();
            let mut rates = (0..30).map(|frame| {
                let mut acked = acked(frame * 10, 80, frame * apart);
                acked.rate = Some(limited());
                watch.update(&acked, BASE)
            });
            assert_eq!(
                rates.find_map(|rate| rate),
                expected,
                "sent {apart} ms apart"
            );
        }
    }

    fn limited() -> super::super::super::RateSample {
        super::super::super::RateSample {
            delivery_rate: 120_000,
            interval: BASE,
            delivered: 6_000,
            prior_delivered: 0,
            lost: 0,
            sent_in_flight: 0,
            app_limited: true,
            rtt: BASE,
        }
    }
}
