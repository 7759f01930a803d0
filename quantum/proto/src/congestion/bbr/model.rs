//! The model of the path: bandwidth, round-trip time, aggregation.

use std::time::Duration;

use super::super::{Acknowledged, RateSample};
use super::filter::{MaxFilter, RoundMax};
use super::loss::LossJudge;
use super::round::Round;
use super::{bytes_in, rate_of};
use crate::time::Instant;

/// What is believed of the path.
#[derive(Debug)]
pub(super) struct Model {
    max_bandwidth: MaxFilter,
    /// Samples of packets count that left when so much had been delivered.
    counts_from: u64,
    /// The rate that the last acknowledgement showed.
    latest_rate: u64,
    min_rtt: Option<Duration>,
    /// When it was measured, or a sample came close to it.
    min_rtt_at: Instant,
    /// The smallest sample since the round began, and how many there were; the smallest of the round
    /// before. Such a round lasts until it has enough samples.
    round_rtt: Option<Duration>,
    round_samples: u32,
    last_round_rtt: Option<Duration>,
    /// The last samples, in any order, in microseconds.
    recent_rtt: [u32; RECENT_SAMPLES],
    next_recent: usize,
    extra_acked: RoundMax<EXTRA_ACKED_ROUNDS>,
    /// Since when acknowledged bytes are compared with the bandwidth, and how many came.
    epoch: Instant,
    epoch_acked: u64,
}

impl Model {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            max_bandwidth: MaxFilter::default(),
            counts_from: 0,
            latest_rate: 0,
            min_rtt: None,
            min_rtt_at: now,
            round_rtt: None,
            round_samples: 0,
            last_round_rtt: None,
            recent_rtt: [0; RECENT_SAMPLES],
            next_recent: 0,
            extra_acked: RoundMax::default(),
            epoch: now,
            epoch_acked: 0,
        }
    }

    /// BBR.max_bw: bytes per second that the bottleneck passes on.
    pub(super) fn bandwidth(&self) -> u64 {
        self.max_bandwidth.max()
    }

    /// The current cycle has seen more than the one before, by more than chance.
    pub(super) fn bandwidth_grew(&self) -> bool {
        self.max_bandwidth.grew()
    }

    pub(super) fn latest_rate(&self) -> u64 {
        self.latest_rate
    }

    pub(super) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt
    }

    /// How long packets wait in queues, by the smallest sample of the last round; and the
    /// round-trip time without any queue.
    pub(super) fn queueing_delay(&self) -> Option<(Duration, Duration)> {
        let base = self.min_rtt?;
        let seen = self.last_round_rtt?;
        Some((seen.saturating_sub(base), base))
    }

    /// Whether the last samples have all waited for more than the `part`th of an empty path's time.
    pub(super) fn shows_queue(&self, part: u32) -> bool {
        let above = self.min_rtt.map(|base| microseconds(base + base / part));
        above.is_some_and(|above| self.recent_rtt.iter().all(|rtt| *rtt > above))
    }

    pub(super) fn extra_acked(&self) -> u64 {
        self.extra_acked.max()
    }

    /// A cycle of probing has ended (section "BBR.max_bw Max Filter").
    pub(super) fn advance_bandwidth_filter(&mut self) {
        self.max_bandwidth.advance();
    }

    pub(super) fn update(&mut self, acked: &Acknowledged, round: &Round, loss: &LossJudge) {
        if round.started() {
            self.end_rtt_round();
            // A flow that fills the link never falls behind the bandwidth: without this, one lump, such as
            // a path that gets shorter delivers, would count for ever.
            if self.extra_acked.advance() {
                self.epoch = acked.now;
                self.epoch_acked = 0;
            }
        }
        self.update_rtt(acked);
        if let Some(sample) = &acked.rate {
            self.update_bandwidth(sample, loss);
        }
        self.update_aggregation(acked);
    }

    /// Few samples may all have been delayed by something other than a queue: they are kept until there
    /// are more.
    fn end_rtt_round(&mut self) {
        if self.round_samples >= ROUND_SAMPLES_MIN {
            self.last_round_rtt = self.round_rtt.take();
            self.round_samples = 0;
        }
    }

    /// Samples of a flow that had nothing to send count only if they are larger: it may simply not
    /// have tried.
    fn update_bandwidth(&mut self, sample: &RateSample, loss: &LossJudge) {
        let carried = sample.delivered + loss.forgiven(sample.delivered, sample.lost);
        self.latest_rate = if sample.interval.is_zero() {
            sample.delivery_rate
        } else {
            rate_of(carried, sample.interval)
        };
        if sample.prior_delivered < self.counts_from {
            return;
        }
        if !sample.app_limited || self.latest_rate >= self.bandwidth() {
            self.max_bandwidth.update(self.latest_rate);
        }
    }

    /// The bottleneck is slower than it was. What is under way says more of the old one.
    pub(super) fn replace_bandwidth(&mut self, rate: u64, acked: &Acknowledged) {
        self.max_bandwidth = MaxFilter::default();
        self.max_bandwidth.update(rate);
        self.counts_from = acked.delivered;
        self.extra_acked = RoundMax::default();
        self.epoch = acked.now;
        self.epoch_acked = 0;
    }

    fn update_rtt(&mut self, acked: &Acknowledged) {
        let Some(rtt) = acked.rtt.filter(|rtt| !rtt.is_zero()) else {
            return;
        };
        self.recent_rtt[self.next_recent] = microseconds(rtt);
        self.next_recent = (self.next_recent + 1) % RECENT_SAMPLES;
        self.round_samples = self.round_samples.saturating_add(1);
        self.round_rtt = Some(self.round_rtt.map_or(rtt, |smallest| smallest.min(rtt)));
        match self.min_rtt {
            Some(min) if rtt > min => {
                // A sample that comes close confirms: there is no need to empty the pipe to see it.
                if rtt <= min + min / CONFIRMED_WITHIN + CONFIRMED_SLACK {
                    self.min_rtt_at = acked.now;
                }
            }
            _ => {
                self.min_rtt = Some(rtt);
                self.min_rtt_at = acked.now;
            }
        }
    }

    /// When the round-trip time was last measured or confirmed.
    pub(super) fn min_rtt_at(&self) -> Instant {
        self.min_rtt_at
    }

    /// Whether the round-trip time was neither measured nor confirmed for `interval`.
    pub(super) fn min_rtt_is_older_than(&self, interval: Duration, now: Instant) -> bool {
        self.min_rtt.is_some() && now.since(self.min_rtt_at) > interval
    }

    /// The pipe was emptied: what is measured now counts, be it larger than before.
    pub(super) fn replace_min_rtt(&mut self, now: Instant, rtt: Duration) {
        self.min_rtt = Some(rtt);
        self.min_rtt_at = now;
    }

    /// Acknowledgements that come in lumps need a larger window (section "BBR.extra_acked").
    fn update_aggregation(&mut self, acked: &Acknowledged) {
        let expected = bytes_in(self.bandwidth(), acked.now.since(self.epoch));
        if self.epoch_acked <= expected {
            self.epoch_acked = 0;
            self.epoch = acked.now;
        }
        self.epoch_acked += acked.bytes;
        let expected = bytes_in(self.bandwidth(), acked.now.since(self.epoch));
        let extra = self.epoch_acked.saturating_sub(expected);
        // No more than a bandwidth-delay product: lumps, not flights.
        let most = self
            .min_rtt
            .map_or(extra, |rtt| bytes_in(self.bandwidth(), rtt));
        self.extra_acked.update(extra.min(most));
    }
}

/// More than an hour counts as that.
fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Fewer samples may all have been delayed by jitter, an acknowledgement that was lost, a peer that
/// slept.
const ROUND_SAMPLES_MIN: u32 = 8;

/// As much evidence as a hurry allows.
const RECENT_SAMPLES: usize = 3;

/// BBR.ExtraAckedFilterLen.
const EXTRA_ACKED_ROUNDS: usize = 10;

/// A sample within this part of the smallest confirms it.
const CONFIRMED_WITHIN: u32 = 32;

/// What timers and schedulers add to a sample.
const CONFIRMED_SLACK: Duration = Duration::from_micros(200);
