//! The fingerprint of a run.

use quantum_proto::time::Instant;

/// Kinds of events that count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Sent = 1,
    Arrived,
    Dropped,
    Unroutable,
    Overflow,
    Timeout,
}

/// A running 64-bit hash (the mixing step of FxHash with a rotation that spreads high bits).
#[derive(Default)]
pub(super) struct EventHash(u64);

impl EventHash {
    pub(super) fn record(&mut self, now: Instant, mark: Mark, values: &[u64]) {
        self.mix(now.as_nanos());
        self.mix(mark as u64);
        for value in values {
            self.mix(*value);
        }
    }

    fn mix(&mut self, value: u64) {
        let mixed = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    pub(super) fn value(&self) -> u64 {
        self.0
    }
}
