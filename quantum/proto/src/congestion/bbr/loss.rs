//! Which losses mean congestion.
//!
//! A bottleneck that overflows loses more the faster one sends; a bad radio link loses the same
//! share at any rate. So the share that is lost while sending no faster than the bottleneck passes
//! on, with no queue to be seen, is the path's own (the *baseline*). Only what is lost beyond it, and
//! beyond chance, counts as congestion, and only what is within it is taken to have passed the
//! bottleneck. See `docs/decisions/0006`.

use super::super::{Lost, SpuriousLoss};

/// Keeps the baseline, and counts the losses of the round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LossJudge {
    /// Packets of quiet rounds: how many arrived or were lost, and how many of them were lost. Old
    /// ones fade.
    quiet_packets: f64,
    quiet_lost: f64,
    /// The first packet number of the quiet phase that lasts, if one does.
    quiet_since: Option<u64>,
    /// The last packet number sent.
    newest: u64,
    /// Of the round: packets lost.
    round_lost: u64,
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
        self.round_lost += 1;
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
        let expected = (delivered + lost) as f64 * share * FORGIVEN_CHANCE;
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

/// A sample may lose this much more than the baseline and still be counted whole.
const FORGIVEN_CHANCE: f64 = 1.5;
