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
/// The least that may leave at once: ten datagrams (RFC 9002 section 7.7), and the one that finds the
/// bucket not quite empty.
const BURST_BYTES_MIN: i64 = 11 * DATAGRAM_BYTES as i64;
/// What no pacer holds back: answers to challenges, tries of the path's size, what repeats the
/// handshake.
const UNPACED_BYTES: i64 = 40 * DATAGRAM_BYTES as i64;
/// What a coarse timer makes wait, in nanoseconds of rate.
const BURST_NANOSECONDS: u64 = 2_000_000;
/// Bytes per second beyond which there is no rate: a coarse clock has measured no round trip at all.
const RATE_MAX: u64 = 10_000_000_000;
/// A controller's rate may change between two looks at it.
const RATE_MARGIN: f64 = 1.05;

/// What one connection has used of its allowance.
#[derive(Default)]
pub(super) struct Budget {
    /// Bytes that may leave now, as a bucket that fills at the rate has them.
    tokens: i64,
    updated: Option<Instant>,
    rate: u64,
    probe_timeouts: u64,
    path_changes: u64,
    probes_left: u64,
    challenges_left: u64,
    /// Bytes that may leave beside these, being no part of what is paced.
    unpaced: i64,
}

impl Budget {
    /// Nothing left, though it could have.
    pub(super) fn on_looked(&mut self, now: Instant, figures: &Statistics) {
        self.grant(figures);
        if figures.pacing_rate.is_some() {
            self.fill(now, figures);
        }
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
        self.fill(now, after);
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
        if confirmed { self.pace(grown) } else { Ok(()) }
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
        let datagrams = PROBES * new + CHALLENGES * moves;
        self.unpaced = self
            .unpaced
            .saturating_add(signed(datagrams * DATAGRAM_BYTES));
        if moves > 0 || rate(after) > RATE_MAX {
            // Another path, another controller, and a pacer that has not sent anything yet.
            self.tokens = i64::MAX;
        }
    }

    /// Lets time pass.
    fn fill(&mut self, now: Instant, figures: &Statistics) {
        let new = rate(figures);
        let rate = self.rate.max(new);
        self.rate = new;
        // What the bucket holds at one instant is decided once.
        let updated = self.updated.replace(now).unwrap_or(Instant::ORIGIN);
        if updated == now && now > Instant::ORIGIN {
            return;
        }
        let gained = rate as f64 * RATE_MARGIN * now.since(updated).as_secs_f64();
        let burst = u128::from(rate) * u128::from(BURST_NANOSECONDS) / 1_000_000_000;
        let burst = i64::try_from(burst)
            .unwrap_or(i64::MAX)
            .max(BURST_BYTES_MIN);
        self.tokens = self.tokens.saturating_add(gained as i64).min(burst);
        if self.tokens == burst {
            self.unpaced = self.unpaced.min(signed(PROBES * DATAGRAM_BYTES));
        }
    }

    fn pace(&mut self, grown: u64) -> Result<(), Fault> {
        self.tokens = self.tokens.saturating_sub(signed(grown));
        let over = -(self.tokens.saturating_add(UNPACED_BYTES));
        if over <= 0 {
            return Ok(());
        }
        if over <= self.unpaced {
            self.unpaced -= over;
            self.tokens += over;
            return Ok(());
        }
        let detail = format!("{} bytes ahead of {} per second", -self.tokens, self.rate);
        Err((Rule::CongestionBudget, detail))
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Bytes per second: the controller's; or, of one that names only a window (CUBIC), that window
/// in a round trip, and a quarter more (RFC 9002 section 7.7). That rate moves with every
/// acknowledgement, and the time since the last packet counts at the newest: while the window is what
/// holds packets back, nobody asks the pacer.
fn rate(figures: &Statistics) -> u64 {
    figures.pacing_rate.unwrap_or_else(|| {
        let round_trip = figures.rtt_smoothed.as_secs_f64().max(1e-9);
        (figures.window as f64 * 1.25 / round_trip) as u64
    })
}
