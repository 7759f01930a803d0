//! Quantities as a path is read: `ms(20)`, `mbit(50)`.

use std::time::Duration;

/// Milliseconds.
#[must_use]
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Seconds.
#[must_use]
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(pub u64);

/// Thousands of bits per second.
#[must_use]
pub const fn kbit(kilobits: u64) -> BitRate {
    BitRate(kilobits.saturating_mul(1_000))
}

/// Millions of bits per second.
#[must_use]
pub const fn mbit(megabits: u64) -> BitRate {
    BitRate(megabits.saturating_mul(1_000_000))
}

impl BitRate {
    /// As much as there is.
    pub const UNLIMITED: Self = Self(u64::MAX);

    /// How long `bytes` take.
    #[must_use]
    pub fn time_for(self, bytes: u64) -> Duration {
        let bits = u128::from(bytes) * 8_000_000_000;
        let nanoseconds = bits.div_ceil(u128::from(self.0.max(1)));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many bytes pass in `time`.
    #[must_use]
    pub fn bytes_in(self, time: Duration) -> u64 {
        let bits = time.as_nanos().saturating_mul(u128::from(self.0));
        u64::try_from(bits / 8_000_000_000).unwrap_or(u64::MAX)
    }

    /// This times `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor) as u64)
    }
}

/// Bandwidth-delay product in bytes: what a path of `rate` and round-trip time `rtt` holds.
#[must_use]
pub fn bdp(rate: BitRate, rtt: Duration) -> u64 {
    rate.bytes_in(rtt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_turns_bytes_into_time_and_back() {
        assert_eq!(mbit(8).time_for(1_000_000), seconds(1));
        assert_eq!(mbit(8).bytes_in(ms(500)), 500_000);
        assert_eq!(bdp(mbit(50), ms(40)), 250_000);
    }
}
