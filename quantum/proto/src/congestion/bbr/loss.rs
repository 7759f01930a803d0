//! Which losses mean congestion.
//!
//! A bottleneck that overflows loses more the faster one sends; a bad radio link loses the same
//! share at any rate. So the share that is lost while sending no faster than the bottleneck passes
//! on, with no queue to be seen, is the path's own (the *baseline*). Only what is lost beyond it, and
//! beyond chance, counts as congestion, and only what is within it is taken to have passed the
//! bottleneck. See `docs/decisions/0006`.

use std::ops::Range;

use super::super::{Lost, SpuriousLoss};

/// Keeps the baseline, and counts the losses of the round.
#[derive(Clone, Debug, Default)]
pub(super) struct LossJudge {
    /// Packets of quiet rounds: how many arrived or were lost, and how many of them were lost. Old
    /// ones fade.
    quiet_packets: f64,
    quiet_lost: f64,
    /// The first packet number of the quiet phase that lasts, if one does.
    quiet_since: Option<u64>,
    /// The last packet number sent.
    newest: u64,
    /// Of the round: packets lost, but for those sent before `counted_from`.
    round_lost: u64,
    counted_from: u64,
    /// Numbers of the packets of the last probe, and how many of them were lost.
    probe: Range<u64>,
    probe_lost: u64,
    last_round_lost: u64,
    /// Marked packets of the round.
    marked: bool,
    last_marked: bool,
}

impl LossJudge {
    pub(super) fn on_sent(&mut self, number: u64) {
        self.newest = number;
    }

    /// The sender is, or is no longer, quiet: no faster than the bottleneck, and without a queue.
    pub(super) fn set_quiet(&mut self, quiet: bool) {
        self.quiet_since = match (quiet, self.quiet_since) {
            (true, Some(since)) => Some(since),
            (true, None) => Some(self.newest + 1),
            (false, _) => None,
        };
    }

    fn is_quiet(&self, number: u64) -> bool {
        self.quiet_since.is_some_and(|since| number >= since)
    }

    pub(super) fn on_lost(&mut self, lost: &Lost) {
        self.round_lost += u64::from(lost.packet_number >= self.counted_from);
        self.probe_lost += u64::from(self.probe.contains(&lost.packet_number));
        if self.is_quiet(lost.packet_number) {
            self.quiet_lost += 1.0;
            self.count_quiet(1.0);
        }
    }

    /// `packets` up to number `largest` have arrived.
    pub(super) fn on_arrived(&mut self, packets: f64, largest: u64, marked: bool) {
        self.marked |= marked;
        if self.is_quiet(largest) {
            self.count_quiet(packets);
        }
    }

    fn count_quiet(&mut self, packets: f64) {
        self.quiet_packets += packets;
        if self.quiet_packets > MEMORY_PACKETS {
            let fade = MEMORY_PACKETS / self.quiet_packets;
            self.quiet_packets *= fade;
            self.quiet_lost *= fade;
        }
    }

    /// A packet that counted as lost has arrived.
    pub(super) fn on_spurious(&mut self, spurious: &SpuriousLoss) {
        self.round_lost = self.round_lost.saturating_sub(1);
        if self.is_quiet(spurious.packet_number) {
            self.quiet_lost = (self.quiet_lost - 1.0).max(0.0);
        }
    }

    /// What was sent so far belongs to a phase that is over, and its losses are accounted for.
    pub(super) fn count_from_now(&mut self) {
        self.counted_from = self.newest + 1;
        self.round_lost = 0;
    }

    /// Packets sent from now on are a probe.
    pub(super) fn begin_probe(&mut self) {
        self.probe = self.newest + 1..u64::MAX;
        self.probe_lost = 0;
    }

    pub(super) fn end_probe(&mut self) {
        self.probe.end = self.probe.end.min(self.newest + 1);
    }

    /// Whether the probe, as far as it has been acknowledged, lost too much.
    pub(super) fn probe_is_congested(&self, acknowledged: u64) -> bool {
        let seen = acknowledged
            .min(self.probe.end)
            .saturating_sub(self.probe.start);
        seen > 0 && self.is_congestion(self.probe_lost as f64, seen as f64)
    }

    /// Everything of the probe is acknowledged or lost.
    pub(super) fn probe_is_over(&self, acknowledged: u64) -> bool {
        acknowledged >= self.probe.end
    }

    pub(super) fn on_round(&mut self, started: bool) {
        if started {
            self.last_round_lost = std::mem::take(&mut self.round_lost);
            self.last_marked = std::mem::take(&mut self.marked);
        }
    }

    /// What was learnt about the path's own losses was wrong.
    pub(super) fn forget(&mut self) {
        self.quiet_packets = 0.0;
        self.quiet_lost = 0.0;
        self.quiet_since = None;
    }

    /// The share that the path loses by itself.
    pub(super) fn baseline(&self) -> f64 {
        // A few packets prove nothing: they are drowned by packets that arrived.
        (self.quiet_lost / (self.quiet_packets + PRIOR_PACKETS)).min(BASELINE_MAX)
    }

    /// How many of `packets` may be lost by the path itself, give or take chance.
    fn expected(&self, packets: f64) -> f64 {
        let share = self.baseline();
        packets * share + DEVIATIONS * (packets * share * (1.0 - share)).sqrt()
    }

    /// Whether `lost` of `packets` are more than the path's own losses by more than the threshold.
    pub(super) fn is_congestion(&self, lost: f64, packets: f64) -> bool {
        lost > self.expected(packets) + packets * LOSS_THRESHOLD
    }

    /// Of `lost` bytes beside `delivered` ones: how many passed the bottleneck and were lost behind
    /// it, as the path's own share.
    pub(super) fn forgiven(&self, delivered: u64, lost: u64) -> u64 {
        let share = self.baseline();
        if lost == 0 || share <= 0.0 {
            return 0;
        }
        // No more than expected: what chance adds to one sample it takes from the next, and the
        // filter keeps the largest.
        let expected = (delivered + lost) as f64 * share;
        lost.min(expected as u64)
    }

    /// Packets lost in the round that has just ended.
    pub(super) fn last_round_lost(&self) -> u64 {
        self.last_round_lost
    }

    /// Packets of the round that has just ended were marked.
    pub(super) fn last_round_marked(&self) -> bool {
        self.last_marked
    }
}

/// BBR.LossThresh.
const LOSS_THRESHOLD: f64 = 0.02;

/// Standard deviations that are chance: one round in some hundred thousand.
const DEVIATIONS: f64 = 3.0;

/// Packets over which the baseline is remembered: some seconds of a fast flow.
const MEMORY_PACKETS: f64 = 4000.0;

/// Packets that are taken to have arrived before anything was seen.
const PRIOR_PACKETS: f64 = 20.0;

/// A path that loses more by itself is not worth sending to at full rate.
const BASELINE_MAX: f64 = 0.20;
