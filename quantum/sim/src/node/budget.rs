//! Whether a connection keeps to its controller's window and rate.

use quantum_proto::stats::Statistics;
use quantum_proto::time::Instant;

use crate::application::Fault;
use crate::violation::Rule;

/// Datagrams that may leave for each probe timeout, whatever the window says (RFC 9002 section
/// 6.2.4).
const PROBES: u64 = 2;
/// Datagrams that ask whether the peer is at a new address leave whatever is in flight: one for
/// each of the probe timeouts that the answer may take, which double.
const CHALLENGES: u64 = 16;
/// The largest datagram of a run.
const DATAGRAM_BYTES: u64 = 1472;
/// The most that may leave at once at any rate: ten datagrams (RFC 9002 section 7.7), and twice as
/// many that no pacer holds back: answers to challenges, tries of the path's size, what repeats the
/// handshake.
const BURST_BYTES_MIN: u64 = 30 * DATAGRAM_BYTES;
/// What a coarse timer makes wait, in nanoseconds of rate.
const BURST_NANOSECONDS: u64 = 2_000_000;
/// A controller's rate may change between two looks at it.
const RATE_MARGIN: f64 = 1.05;

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
    /// Bytes that may leave ahead of the rate, being no part of what is paced.
    unpaced: u64,
}

impl Budget {
    /// Nothing left, though it could have.
    pub(super) fn on_looked(&mut self, now: Instant, figures: &Statistics) {
        self.grant(figures);
        self.drain(now, figures);
    }

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
        let burst = self.drain(now, after);
        if grown == 0 {
            return Ok(());
        }
        let over = after
            .bytes_in_flight
            .saturating_sub(before.window.max(after.window));
        // Data that the peer may not read yet must not hold up the handshake that lets it.
        if over > 0 && confirmed && !self.spend(grown.div_ceil(DATAGRAM_BYTES + 1)) {
            let (bytes, window) = (after.bytes_in_flight, after.window);
            let detail = format!("{bytes} in flight, window {window}");
            return Err((Rule::CongestionBudget, detail));
        }
        // The packets of the handshake do not wait for the pacer either.
        if confirmed {
            self.pace(grown, burst)
        } else {
            Ok(())
        }
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
        self.unpaced += (PROBES * new + CHALLENGES * moves) * DATAGRAM_BYTES;
        if moves > 0 {
            // Another path, another controller, and a pacer that has not sent anything yet.
            self.ahead = 0;
        }
    }

    /// Lets time pass. Returns how much may leave at once.
    fn drain(&mut self, now: Instant, figures: &Statistics) -> u64 {
        let new = rate(figures);
        let rate = self.rate.max(new);
        let elapsed = now.since(self.updated);
        let allowed = rate as f64 * RATE_MARGIN * elapsed.as_secs_f64();
        self.ahead = self.ahead.saturating_sub(allowed as u64);
        if self.ahead == 0 {
            self.unpaced = self.unpaced.min(PROBES * DATAGRAM_BYTES);
        }
        self.updated = now;
        self.rate = new;
        let nanoseconds = u128::from(rate) * u128::from(BURST_NANOSECONDS);
        let burst = u64::try_from(nanoseconds / 1_000_000_000).unwrap_or(u64::MAX);
        burst.saturating_add(BURST_BYTES_MIN)
    }

    fn pace(&mut self, grown: u64, burst: u64) -> Result<(), Fault> {
        self.ahead += grown;
        let over = self.ahead.saturating_sub(burst);
        if over == 0 {
            return Ok(());
        }
        if let Some(left) = self.unpaced.checked_sub(over) {
            self.unpaced = left;
            self.ahead -= over;
            return Ok(());
        }
        let detail = format!(
            "{} bytes ahead of {} bytes per second",
            self.ahead, self.rate
        );
        Err((Rule::CongestionBudget, detail))
    }
}

/// Bytes per second: the controller's; or, of one that names only a window (CUBIC), that window
/// in a round trip, and a quarter more (RFC 9002 section 7.7). That rate moves with every
/// acknowledgement, which is why the budget looks whenever the transport could have sent.
fn rate(figures: &Statistics) -> u64 {
    figures.pacing_rate.unwrap_or_else(|| {
        let round_trip = figures.rtt_smoothed.as_secs_f64().max(1e-9);
        (figures.window as f64 * 1.25 / round_trip) as u64
    })
}
