//! What recent congestion has taught (section "Congestion Signals and Bounds").

/// Upper bounds: long-term ones from probing, short-term ones between probes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    inflight_long_term: u64,
    inflight_short_term: u64,
    bandwidth_short_term: u64,
    /// Before the last congestion.
    saved: (u64, u64, u64),
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            inflight_long_term: u64::MAX,
            inflight_short_term: u64::MAX,
            bandwidth_short_term: u64::MAX,
            saved: (u64::MAX, u64::MAX, u64::MAX),
        }
    }
}

impl Bounds {
    pub(super) fn inflight_long_term(&self) -> u64 {
        self.inflight_long_term
    }

    pub(super) fn inflight_short_term(&self) -> u64 {
        self.inflight_short_term
    }

    pub(super) fn bandwidth_short_term(&self) -> u64 {
        self.bandwidth_short_term
    }

    /// Leaves room for others to grow into (BBR.Headroom).
    pub(super) fn inflight_with_headroom(&self, least: u64) -> u64 {
        if self.inflight_long_term == u64::MAX {
            return u64::MAX;
        }
        ((self.inflight_long_term as f64 * (1.0 - HEADROOM)) as u64).max(least)
    }

    /// So much in flight was too much.
    pub(super) fn limit_inflight(&mut self, inflight: u64) {
        self.save();
        self.inflight_long_term = inflight;
    }

    /// So much in flight is fine.
    pub(super) fn allow_inflight(&mut self, inflight: u64) {
        if self.inflight_long_term != u64::MAX {
            self.inflight_long_term = self.inflight_long_term.max(inflight);
        }
    }

    pub(super) fn grow_inflight(&mut self, bytes: u64) {
        if self.inflight_long_term != u64::MAX {
            self.inflight_long_term = self.inflight_long_term.saturating_add(bytes);
        }
    }

    /// Congestion between probes: less, by BBR.Beta at most, but not less than what was seen to
    /// arrive.
    pub(super) fn shrink(&mut self, latest: Latest, current: Latest) {
        self.save();
        let less = |bound: u64, current: u64, latest: u64| {
            let bound = if bound == u64::MAX { current } else { bound };
            latest.max((bound as f64 * BETA) as u64)
        };
        self.bandwidth_short_term = less(
            self.bandwidth_short_term,
            current.bandwidth,
            latest.bandwidth,
        );
        self.inflight_short_term =
            less(self.inflight_short_term, current.inflight, latest.inflight);
    }

    pub(super) fn reset_short_term(&mut self) {
        self.bandwidth_short_term = u64::MAX;
        self.inflight_short_term = u64::MAX;
    }

    fn save(&mut self) {
        self.saved = (
            self.inflight_long_term,
            self.inflight_short_term,
            self.bandwidth_short_term,
        );
    }

    /// The losses were none.
    pub(super) fn undo(&mut self) {
        let (long_term, inflight, bandwidth) = self.saved;
        self.inflight_long_term = self.inflight_long_term.max(long_term);
        self.inflight_short_term = self.inflight_short_term.max(inflight);
        self.bandwidth_short_term = self.bandwidth_short_term.max(bandwidth);
    }
}

/// A bandwidth and an amount in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    pub(super) bandwidth: u64,
    pub(super) inflight: u64,
}

/// BBR.Headroom.
const HEADROOM: f64 = 0.15;

/// BBR.Beta.
pub(super) const BETA: f64 = 0.7;
