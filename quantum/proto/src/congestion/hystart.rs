//! HyStart++ (RFC 9406): slow start ends when the queue grows, not when it overflows.
//!
//! The smallest round-trip time of each round is compared with that of the round before. When it
//! has risen, the window grows more slowly for some rounds (Conservative Slow Start). If the rise
//! turns out to be jitter, slow start resumes; otherwise it is over.

use std::time::Duration;

use super::Acknowledged;
use crate::time::Instant;

/// How the window grows in the first slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// By what is acknowledged.
    SlowStart,
    /// By a quarter of that, for some rounds.
    Conservative,
    /// Slow start is over.
    Done,
}

/// Watches round-trip times in the first slow start of a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyStart {
    phase: Phase,
    /// Packets sent since then belong to the next round.
    round_began_at: Instant,
    /// Smallest round-trip times of this round and of the one before.
    current: Option<Duration>,
    last: Option<Duration>,
    samples: u32,
    /// What made Conservative Slow Start begin, and its rounds so far.
    baseline: Duration,
    conservative_rounds: u32,
}

impl HyStart {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::SlowStart,
            round_began_at: now,
            current: None,
            last: None,
            samples: 0,
            baseline: Duration::MAX,
            conservative_rounds: 0,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Slow start ended for another reason. RFC 9406 section 4.3: only the first one is watched.
    pub(super) fn finish(&mut self) {
        self.phase = Phase::Done;
    }

    /// How much the window grows when `bytes` are acknowledged in slow start.
    pub(super) fn growth(&self, bytes: u64) -> u64 {
        match self.phase {
            Phase::Conservative => bytes / CONSERVATIVE_GROWTH_DIVISOR,
            Phase::SlowStart | Phase::Done => bytes,
        }
    }

    /// An ACK frame; true if it ends slow start.
    pub(super) fn on_acknowledged(&mut self, acked: &Acknowledged) -> bool {
        if self.phase == Phase::Done {
            return false;
        }
        if let Some(rtt) = acked.rtt {
            self.current = Some(self.current.map_or(rtt, |current| current.min(rtt)));
            self.samples = self.samples.saturating_add(1);
        }
        self.judge();
        if acked.largest_sent_at >= self.round_began_at {
            self.end_round(acked.now);
        }
        self.phase == Phase::Done
    }

    fn judge(&mut self) {
        let Some(current) = self.current else {
            return;
        };
        if self.samples < ROUND_SAMPLES {
            return;
        }
        if self.phase == Phase::Conservative {
            if current < self.baseline {
                self.phase = Phase::SlowStart;
            }
        } else if let Some(last) = self.last
            && current >= last.saturating_add(threshold(last))
        {
            self.phase = Phase::Conservative;
            self.baseline = current;
            self.conservative_rounds = 0;
        }
    }

    fn end_round(&mut self, now: Instant) {
        self.round_began_at = now;
        self.last = self.current.take();
        self.samples = 0;
        if self.phase == Phase::Conservative {
            // Section 4.2: the round in which it began counts, although it is partial.
            self.conservative_rounds += 1;
            if self.conservative_rounds >= CONSERVATIVE_ROUNDS {
                self.phase = Phase::Done;
            }
        }
    }
}

/// The rise that counts, after a round whose smallest round-trip time was `last`.
fn threshold(last: Duration) -> Duration {
    (last / RTT_DIVISOR).clamp(THRESHOLD_MIN, THRESHOLD_MAX)
}

/// RFC 9406 section 4.3: N_RTT_SAMPLE.
const ROUND_SAMPLES: u32 = 8;

/// RFC 9406 section 4.3: MIN_RTT_DIVISOR.
const RTT_DIVISOR: u32 = 8;

/// RFC 9406 section 4.3: MIN_RTT_THRESH.
const THRESHOLD_MIN: Duration = Duration::from_millis(4);

/// RFC 9406 section 4.3: MAX_RTT_THRESH.
const THRESHOLD_MAX: Duration = Duration::from_millis(16);

/// RFC 9406 section 4.3: CSS_GROWTH_DIVISOR. (L is infinite: packets are paced.)
const CONSERVATIVE_GROWTH_DIVISOR: u64 = 4;

/// RFC 9406 section 4.3: CSS_ROUNDS.
const CONSERVATIVE_ROUNDS: u32 = 5;

#[cfg(test)]
mod tests;
