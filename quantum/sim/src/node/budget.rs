//! Whether a connection keeps to its controller's window and rate.

use std::time::Duration;

use quantum_proto::stats::Statistics;
use quantum_proto::time::Instant;

use crate::application::Fault;
use crate::violation::Rule;

/// Datagrams that may leave for each probe timeout, whatever the window says (RFC 9002 section
/// 6.2.4).
const PROBES: u64 = 2;
/// Datagrams that ask whether the peer is at a new address leave whatever is in flight: one for
/// each of the probe timeouts that the answer may take.
const CHALLENGES: u64 = 5;
/// The least that may leave at once: RFC 9002 section 7.7, and a datagram more.
const BURST_BYTES_MIN: u64 = 11 * 1472;
/// A controller's rate may rise right after what was sent at the old one was counted.
const RATE_MARGIN: f64 = 1.25;

/// What one connection has used of its allowance.
#[derive(Default)]
pub(super) struct Budget {
    /// Bytes that left ahead of the rate.
    ahead: u64,
    updated: Instant,
    rate: u64,
    probe_timeouts: u64,
    path_changes: u64,
    probes_left: u64,
    challenges_left: u64,
}

impl Budget {
    /// Something left: `before` and `after` frame the sending.
    pub(super) fn on_sent(
        &mut self,
        now: Instant,
        confirmed: bool,
        before: &Statistics,
        after: &Statistics,
    ) -> Result<(), Fault> {
        self.grant(after);
        let grown = after.bytes_in_flight.saturating_sub(before.bytes_in_flight);
        self.drain(now, after);
        if grown == 0 {
            return Ok(());
        }
        let over = after
            .bytes_in_flight
            .saturating_sub(before.window.max(after.window));
        // Data that the peer may not read yet must not hold up the handshake that lets it.
        if over > 0 && confirmed && !self.spend(grown.div_ceil(1473)) {
            let (bytes, window) = (after.bytes_in_flight, after.window);
            let detail = format!("{bytes} in flight, window {window}");
            return Err((Rule::CongestionBudget, detail));
        }
        self.pace(grown, after)
    }

    fn spend(&mut self, datagrams: u64) -> bool {
        let purse = if self.probes_left >= datagrams {
            &mut self.probes_left
        } else {
            &mut self.challenges_left
        };
        let left = purse.checked_sub(datagrams);
        *purse = left.unwrap_or(*purse);
        left.is_some()
    }

    fn grant(&mut self, after: &Statistics) {
        let new = after.probe_timeouts.saturating_sub(self.probe_timeouts);
        self.probe_timeouts = after.probe_timeouts;
        if after.bytes_in_flight <= after.window {
            self.probes_left = 0;
        }
        let moves = after.path_changes.saturating_sub(self.path_changes);
        self.path_changes = after.path_changes;
        self.probes_left += PROBES * new;
        self.challenges_left += CHALLENGES * moves;
    }

    fn drain(&mut self, now: Instant, after: &Statistics) {
        let rate = self.rate.max(after.pacing_rate.unwrap_or(0));
        let elapsed = now.since(self.updated);
        let allowed = rate as f64 * RATE_MARGIN * elapsed.as_secs_f64();
        self.ahead = self.ahead.saturating_sub(allowed as u64);
        self.updated = now;
        self.rate = after.pacing_rate.unwrap_or(0);
    }

    fn pace(&mut self, grown: u64, after: &Statistics) -> Result<(), Fault> {
        let Some(rate) = after.pacing_rate else {
            self.ahead = 0;
            return Ok(());
        };
        self.ahead += grown;
        // Two milliseconds for timers, and what the pacer grants at the beginning.
        let burst = (rate as f64 * Duration::from_millis(4).as_secs_f64()) as u64;
        let most = burst.max(2 * BURST_BYTES_MIN).max(2 * 65_536);
        if self.ahead > most {
            let detail = format!("{} bytes ahead of {rate} bytes per second", self.ahead);
            return Err((Rule::CongestionBudget, detail));
        }
        Ok(())
    }
}
