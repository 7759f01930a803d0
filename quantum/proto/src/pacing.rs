//! The pacer: no packet leaves before its time (Q-CC-1).
//!
//! A bucket that fills at the controller's rate. It holds no more than a burst, so that neither an
//! idle period nor a coarse timer turns into a queue at the bottleneck.

use std::time::Duration;

use crate::congestion::SendLimits;
use crate::time::Instant;

/// Lets packets go at the controller's rate.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Bytes that may leave at `filled_at`; below zero by what left ahead of its time.
    tokens: i64,
    filled_at: Option<Instant>,
    /// Nanoseconds of rate that were too few for a whole byte.
    fraction: u64,
}

impl Pacer {
    /// Lets a burst go at once.
    pub(crate) const fn new() -> Self {
        Self {
            tokens: i64::MAX / 4,
            filled_at: None,
            fraction: 0,
        }
    }

    /// When a packet of `bytes` may leave; `None`: now.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        bytes: u64,
        limits: &SendLimits,
        smoothed_rtt: Duration,
    ) -> Option<Instant> {
        // Packets that leave together find the bucket filled: the rate costs a long division.
        if self.filled_at != Some(now) {
            self.fill(now, rate(limits, smoothed_rtt), limits, bytes);
        }
        // A packet leaves when the bucket is not empty, whatever its size: the debt delays the next.
        if self.tokens > 0 {
            return None;
        }
        let rate = rate(limits, smoothed_rtt);
        let missing = u64::try_from(1 - self.tokens).unwrap_or(0);
        let wait = missing.saturating_mul(NANOS).div_ceil(rate);
        Some(now + Duration::from_nanos(wait))
    }

    /// Whether something urgent of up to `bytes` may leave ahead of its time: debts are less than one
    /// such packet.
    pub(crate) fn lends(&self, bytes: u64) -> bool {
        self.tokens.saturating_add_unsigned(bytes) > 0
    }

    /// A packet left.
    #[inline]
    pub(crate) fn on_sent(&mut self, bytes: u64) {
        self.tokens = self
            .tokens
            .saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn fill(&mut self, now: Instant, rate: u64, limits: &SendLimits, datagram: u64) {
        let filled_at = self.filled_at.replace(now).unwrap_or(now);
        let elapsed = u64::try_from(now.since(filled_at).as_nanos()).unwrap_or(u64::MAX);
        let gained = u128::from(elapsed) * u128::from(rate) + u128::from(self.fraction);
        self.fraction = (gained % u128::from(NANOS)) as u64;
        let gained = i64::try_from(gained / u128::from(NANOS)).unwrap_or(i64::MAX);
        let most = i64::try_from(burst(rate, limits, datagram)).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(most);
    }
}

/// Bytes per second.
#[inline]
fn rate(limits: &SendLimits, smoothed_rtt: Duration) -> u64 {
    limits
        .pacing_rate
        .unwrap_or_else(|| {
            // RFC 9002 section 7.7: a little more than a window in each round trip.
            let nanos = u64::try_from(smoothed_rtt.as_nanos())
                .unwrap_or(u64::MAX)
                .max(1);
            let window = u128::from(limits.window) * u128::from(NANOS) * 5 / 4;
            u64::try_from(window / u128::from(nanos)).unwrap_or(u64::MAX)
        })
        .max(1)
}

/// What may leave at once: the controller's quantum, or what a timer of a millisecond makes wait
/// twice over; never more than ten datagrams, which RFC 9002 section 7.7 allows, at low rates.
#[inline]
fn burst(rate: u64, limits: &SendLimits, datagram: u64) -> u64 {
    let timer = rate / 1000 * 2;
    limits.quantum.max(timer).max(2 * datagram)
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
