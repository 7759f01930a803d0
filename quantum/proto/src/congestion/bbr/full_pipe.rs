//! Whether sending faster still delivers faster
//! (section "Exiting Startup Based on Bandwidth Plateau").

use super::super::Acknowledged;
use super::model::Model;
use super::round::Round;

/// Looks for a bandwidth that does not grow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FullPipe {
    /// It was found full once: for good, unless the path changes.
    reached: bool,
    /// It is found full in the current probe.
    now: bool,
    baseline: u64,
    rounds: u32,
}

impl FullPipe {
    pub(super) fn reached(&self) -> bool {
        self.reached
    }

    pub(super) fn now(&self) -> bool {
        self.now
    }

    /// The last round brought no growth.
    pub(super) fn stalls(&self) -> bool {
        self.rounds > 0
    }

    pub(super) fn set_reached(&mut self) {
        self.reached = true;
        self.now = true;
    }

    /// It was not found full after all.
    pub(super) fn set_unreached(&mut self) {
        *self = Self::default();
    }

    pub(super) fn reset(&mut self) {
        self.now = false;
        self.baseline = 0;
        self.rounds = 0;
    }

    /// Something else limits how much is in flight: a bandwidth that does not grow says nothing, and
    /// growth is looked for from `rate` on.
    pub(super) fn excuse(&mut self, rate: u64) {
        self.reset();
        self.baseline = rate;
    }

    pub(super) fn update(&mut self, acked: &Acknowledged, model: &Model, round: &Round) {
        let limited = acked.rate.is_none_or(|sample| sample.app_limited);
        if limited || self.now || !round.started() {
            return;
        }
        let rate = model.latest_rate();
        if rate as f64 >= self.baseline as f64 * GROWTH {
            self.reset();
            self.baseline = rate;
            return;
        }
        self.rounds += 1;
        // A queue that builds up says the same as another round without growth.
        let needed = match model.queueing_delay() {
            Some((queue, base)) if queue > base / 2 => 1,
            Some((queue, base)) if queue > base / 4 => ROUNDS - 1,
            _ => ROUNDS,
        };
        if self.rounds >= needed {
            self.now = true;
            self.reached = true;
        }
    }
}

/// Growth by less than a quarter is none.
const GROWTH: f64 = 1.25;

/// Rounds without growth.
const ROUNDS: u32 = 3;
