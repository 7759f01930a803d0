//! Whether messages come in time, as far as the ends of a path can know the time.

use std::time::Duration;

use quantum_proto::time::Instant;

use crate::application::{Doubt, Fault};
use crate::violation::Rule;

/// Holds each message with a deadline to the quickest before it: a receiver counts delays from the
/// quickest packet it has seen, and does not know what that one took (Q-DLN-4).
#[derive(Default)]
pub(super) struct Lateness {
    quickest: Option<Duration>,
}

impl Lateness {
    /// A message that was accepted at `accepted` with this deadline is taken at `now`.
    pub(super) fn check(
        &mut self,
        now: Instant,
        accepted: Instant,
        deadline: Duration,
        doubt: Doubt,
    ) -> Result<(), Fault> {
        let took = now.since(accepted);
        let quickest = self
            .quickest
            .replace(self.quickest.map_or(took, |quickest| quickest.min(took)));
        let Some(quickest) = quickest.filter(|_| now < doubt.path_changes_at) else {
            return Ok(());
        };
        // Both ends read their clocks too early, at departure and arrival of either packet. The floor
        // rises by half a thousandth.
        let drift = now.since(Instant::ORIGIN) / 2_000;
        let doubt = quickest + doubt.clock_lag * 4 + drift + ROUNDING;
        if took <= deadline + doubt {
            return Ok(());
        }
        let detail = format!("taken after {took:?} of {deadline:?}, {doubt:?} in doubt");
        Err((Rule::Deadlines, detail))
    }
}

/// What is stated in tenths of a millisecond.
const ROUNDING: Duration = Duration::from_micros(300);
