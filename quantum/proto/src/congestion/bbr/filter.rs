//! The largest value of the last few periods.

/// Keeps the maximum of each of the last two periods (BBR.MaxBwFilterLen = 2 probe cycles).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaxFilter {
    previous: u64,
    current: u64,
}

impl MaxFilter {
    pub(super) fn update(&mut self, value: u64) {
        self.current = self.current.max(value);
    }

    /// A period ends. One without a value leaves the last one in force.
    pub(super) fn advance(&mut self) {
        if self.current > 0 {
            self.previous = self.current;
            self.current = 0;
        }
    }

    pub(super) fn max(&self) -> u64 {
        self.previous.max(self.current)
    }

    /// The current period is better than the last by a twentieth.
    pub(super) fn grew(&self) -> bool {
        self.current > self.previous + self.previous / 20
    }
}

/// The largest value of the last `N` rounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundMax<const N: usize> {
    /// More than 4 GiB count as that.
    values: [u32; N],
    at: usize,
}

impl<const N: usize> Default for RoundMax<N> {
    fn default() -> Self {
        Self {
            values: [0; N],
            at: 0,
        }
    }
}

impl<const N: usize> RoundMax<N> {
    pub(super) fn update(&mut self, value: u64) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.values[self.at] = self.values[self.at].max(value);
    }

    /// The next round begins; says whether `N` have passed.
    pub(super) fn advance(&mut self) -> bool {
        self.at = (self.at + 1) % N;
        self.values[self.at] = 0;
        self.at == 0
    }

    pub(super) fn max(&self) -> u64 {
        self.values.iter().copied().max().unwrap_or(0).into()
    }
}
