//! Values that change at given times.

use std::fmt;

use quantum_proto::time::Instant;

/// A value from the beginning, and other values from later times on.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule<T> {
    first: T,
    steps: Vec<(Instant, T)>,
}

impl<T: Copy> Schedule<T> {
    /// The same value for ever.
    #[must_use]
    pub const fn constant(value: T) -> Self {
        Self {
            first: value,
            steps: Vec::new(),
        }
    }

    /// From `at` on, this value. Steps are given in order of time.
    #[must_use]
    pub fn then(mut self, at: Instant, value: T) -> Self {
        self.steps.push((at, value));
        self.steps.sort_by_key(|(at, _)| *at);
        self
    }

    /// The value at a time.
    #[must_use]
    pub fn at(&self, now: Instant) -> T {
        let passed = self.steps.partition_point(|(at, _)| *at <= now);
        passed
            .checked_sub(1)
            .and_then(|last| self.steps.get(last))
            .map_or(self.first, |(_, value)| *value)
    }

    /// The same steps with other values.
    #[must_use]
    pub fn map<U>(&self, change: impl Fn(T) -> U) -> Schedule<U> {
        let steps = self.steps.iter();
        Schedule {
            first: change(self.first),
            steps: steps.map(|(at, value)| (*at, change(*value))).collect(),
        }
    }

    /// When the value changes next after `now`.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let passed = self.steps.partition_point(|(at, _)| *at <= now);
        self.steps.get(passed).map(|(at, _)| *at)
    }
}

impl<T: Copy> From<T> for Schedule<T> {
    fn from(value: T) -> Self {
        Self::constant(value)
    }
}

impl<T> Schedule<T> {
    /// Writes `value [at time value]...`.
    pub(crate) fn describe(
        &self,
        f: &mut fmt::Formatter<'_>,
        show: impl Fn(&T) -> String,
    ) -> fmt::Result {
        f.write_str(&show(&self.first))?;
        for (at, value) in &self.steps {
            let seconds = at.since(Instant::ORIGIN).as_secs_f64();
            write!(f, " [{seconds:.3}s: {}]", show(value))?;
        }
        Ok(())
    }
}
