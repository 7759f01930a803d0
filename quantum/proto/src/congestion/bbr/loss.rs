//! Which losses mean congestion.
//!
//! A bottleneck that overflows loses more the faster one sends; a bad radio link loses the same
//! share at any rate. So the share that is lost while sending no faster than the bottleneck passes
//! on, with no queue to be seen, is the path's own (the *baseline*). Only what is lost beyond it, and
//! beyond chance, counts as congestion, and only what is within it is taken to have passed the
//! bottleneck. See `docs/decisions/0006`.

use std::ops::Range;

use smallvec::SmallVec;

use super::super::{Lost, SpuriousLoss};
use super::tally::Tally;

/// How fast a flow is that does not make a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Faster each round, in Startup.
    Rising,
    /// Slower than the bottleneck.
    Slow,
    /// As fast, as far as is known.
    Even,
}

/// Packets from this number on were sent at this pace; `None`: perhaps too fast.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    pace: Option<Pace>,
}

/// Keeps the baseline, and counts the losses of the round.
#[derive(Clone, Debug, Default)]
pub(super) struct LossJudge {
    /// Packets that were sent slowly, and as fast as the bottleneck, and met no queue.
    slow: Tally,
    even: Tally,
    /// Packets of this round of Startup and of the one before.
    rising: [Tally; 2],
    /// Lately, whatever the pace and the queue.
    all: Tally,
    /// The even ones seem to have been too fast: they lose more than the slow ones.
    distrusts_even: bool,
    /// At which pace the packets under way were sent, the oldest first.
    spans: SmallVec<[Span; SPANS_MAX]>,
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

    /// The last packet number sent.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// What is sent from now on is sent at this pace.
    pub(super) fn set_pace(&mut self, pace: Option<Pace>) {
        if self.spans.last().is_some_and(|span| span.pace == pace) {
            return;
        }
        if self.spans.len() == SPANS_MAX {
            self.spans.remove(0);
        }
        let first = self.newest + 1;
        self.spans.push(Span { first, pace });
    }

    /// Packets wait: whatever is under way may be lost to a queue.
    pub(super) fn on_queue(&mut self) {
        self.spans.clear();
    }

    fn tally_of(&mut self, number: u64) -> Option<&mut Tally> {
        let span = self.spans.iter().rev().find(|span| number >= span.first)?;
        match span.pace? {
            Pace::Rising => Some(&mut self.rising[0]),
            Pace::Slow => Some(&mut self.slow),
            Pace::Even => Some(&mut self.even),
        }
    }

    pub(super) fn on_lost(&mut self, lost: &Lost) {
        self.round_lost += u64::from(lost.packet_number >= self.counted_from);
        self.probe_lost += u64::from(self.probe.contains(&lost.packet_number));
        if let Some(tally) = self.tally_of(lost.packet_number) {
            tally.on_lost(lost.packet_number);
        }
        self.all.on_lost(lost.packet_number);
        self.reconsider();
    }

    /// `packets` up to number `largest` have arrived.
    pub(super) fn on_arrived(&mut self, packets: f64, largest: u64, marked: bool) {
        self.marked |= marked;
        if let Some(tally) = self.tally_of(largest) {
            tally.on_arrived(packets);
        }
        self.all.on_arrived(packets);
        self.reconsider();
    }

    /// What a shallow buffer drops depends on the rate, what the path loses does not: even packets are
    /// as good a witness as slow ones if they lose no more.
    ///
    /// And the path itself loses no more than is lost altogether: a wrong idea of it, which makes the
    /// flow too fast to ever be quiet, is corrected by that.
    fn reconsider(&mut self) {
        if self.all.packets() >= SURVEY_PACKETS {
            let all = std::mem::take(&mut self.all);
            self.slow.bound_by(&all);
            self.even.bound_by(&all);
        }
        let (even, slow) = (&self.even, &self.slow);
        if even.packets().min(slow.packets()) >= WITNESSES {
            self.distrusts_even = slow.is_exceeded(even.lost(), even.packets(), 0.0, 2.0);
        }
    }

    /// A round of Startup has ended. If it brought more than the one before, then that one was not
    /// too fast for the bottleneck.
    pub(super) fn on_startup_round(&mut self, grew: bool) {
        if grew {
            self.slow = self.slow.with(self.rising[1]);
        }
        self.rising = [Tally::default(), self.rising[0]];
    }

    /// A packet that counted as lost has arrived.
    pub(super) fn on_spurious(&mut self, spurious: &SpuriousLoss) {
        self.round_lost = self.round_lost.saturating_sub(1);
        if self.probe.contains(&spurious.packet_number) {
            self.probe_lost = self.probe_lost.saturating_sub(1);
        }
        if let Some(tally) = self.tally_of(spurious.packet_number) {
            tally.on_spurious();
        }
    }

    /// What was sent so far belongs to a phase that is over, and its losses are accounted for.
    pub(super) fn count_from_now(&mut self) {
        self.counted_from = self.newest + 1;
        self.round_lost = 0;
    }

    /// The number of the first packet of the phase.
    pub(super) fn counted_from(&self) -> u64 {
        self.counted_from
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

    /// Something without a queue drops what is too fast: a shallow buffer, or a policer. What was
    /// learnt about the path's own losses may have been its drops.
    pub(super) fn distrust(&mut self) {
        self.slow = Tally::default();
        self.even = Tally::default();
        self.rising = [Tally::default(); 2];
        self.spans.clear();
        self.distrusts_even = true;
    }

    /// Forgets what was learnt, but for what slow packets have just shown.
    pub(super) fn believe(&mut self, slow: Tally) {
        self.distrust();
        self.slow = slow;
    }

    fn quiet(&self) -> Tally {
        if self.distrusts_even {
            self.slow
        } else {
            self.slow.with(self.even)
        }
    }

    /// Something drops what is too fast, and too few slow packets have shown what the path loses.
    fn lacks_witnesses(&self) -> bool {
        self.distrusts_even && self.slow.packets() < WITNESSES
    }

    /// The share that the path loses by itself.
    pub(super) fn baseline(&self) -> f64 {
        if self.lacks_witnesses() {
            return 0.0;
        }
        self.quiet().share().min(BASELINE_MAX)
    }

    /// Whether `lost` of `packets` are more than the path's own losses, by more than the threshold
    /// and by more than chance.
    pub(super) fn is_congestion(&self, lost: f64, packets: f64) -> bool {
        let quiet = self.quiet();
        // What the quiet ones lose beyond the largest baseline is not excused by it.
        let beyond = (quiet.share() - BASELINE_MAX).max(0.0);
        packets > 0.0 && quiet.is_exceeded(lost, packets, LOSS_THRESHOLD - beyond, DEVIATIONS)
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

/// Standard deviations that are chance: one sample in a thousand.
const DEVIATIONS: f64 = 3.0;

/// A path that loses more by itself is not worth sending to at full rate.
const BASELINE_MAX: f64 = 0.20;

/// Packets of each pace that have to agree.
const WITNESSES: f64 = 300.0;

/// Packets that are counted before they bound what quiet ones say.
const SURVEY_PACKETS: f64 = 1000.0;

/// Changes of pace within a round-trip time: the phases of a cycle.
const SPANS_MAX: usize = 4;
