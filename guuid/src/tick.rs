//! [`Tick`]: the generator's scale of time.

use core::time::Duration;

/// A point in unix time in units of 1/65536 ms, about 15.26 ns: 48 bits of milliseconds, then 16
/// bits of their fraction.
///
/// The scale is the finest that keeps time in one 64-bit number over the whole range of a UUIDv7,
/// up to the year 10889. Conversions round down and saturate at [`Tick::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Tick(u64);

impl Tick {
    /// The beginning of unix time, 1970-01-01T00:00:00Z.
    pub const ZERO: Self = Self(0);

    /// The last tick, just before the year 10889-08-02T05:31:50.656Z.
    pub const MAX: Self = Self(u64::MAX);

    /// The tick that contains the given time since 1970; [`Tick::MAX`] if that is out of range.
    #[inline]
    #[must_use]
    pub const fn from_unix_time(since_1970: Duration) -> Self {
        let whole_seconds = since_1970.as_secs().saturating_mul(PER_SECOND);
        // At most 10^9 * 65536 before the division: far from overflow.
        let fraction = since_1970.subsec_nanos() as u64 * PER_MILLISECOND / NANOS_PER_MILLISECOND;
        Self(whole_seconds.saturating_add(fraction))
    }

    /// The number of units of 1/65536 ms since 1970.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The inverse of [`Tick::to_bits`].
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whole milliseconds since 1970, below 2^48.
    #[inline]
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0 / PER_MILLISECOND
    }

    /// Time since 1970 at the start of this tick, rounded up to a nanosecond, so that
    /// [`Tick::from_unix_time`] gives this tick again.
    #[inline]
    #[must_use]
    pub const fn unix_time(self) -> Duration {
        let fraction = self.0 % PER_SECOND;
        let nanos = (fraction * NANOS_PER_MILLISECOND).div_ceil(PER_MILLISECOND);
        // Below 10^9: a second has 65,536,000 ticks of more than 15 ns each.
        Duration::new(self.0 / PER_SECOND, nanos as u32)
    }

    /// The tick of the next id, when `self` was that of the last one and the clock says `now`: the
    /// clock if it moved on, else one more than the last.
    ///
    /// RFC 9562 section 6.2, "Monotonic Error Checking": after a rollback reuse the previous
    /// timestamp and increment. [`Tick::MAX`] has no successor and returns itself.
    #[inline]
    #[must_use]
    pub const fn advance(self, now: Self) -> Self {
        let successor = self.0.saturating_add(1);
        if now.0 > successor {
            now
        } else {
            Self(successor)
        }
    }
}

const NANOS_PER_MILLISECOND: u64 = 1_000_000;
const PER_MILLISECOND: u64 = 1 << 16;
const PER_SECOND: u64 = 1_000 * PER_MILLISECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_a_fixed_point_number_of_milliseconds() {
        let tick = Tick::from_unix_time(Duration::from_micros(1_500));
        assert_eq!(tick.to_bits(), 0x1_8000);
        assert_eq!(tick.unix_ms(), 1);
        assert_eq!(tick.unix_time(), Duration::from_micros(1_500));
    }

    #[test]
    fn the_time_of_a_tick_lies_in_that_tick() {
        for bits in [
            0,
            1,
            2,
            65_535,
            65_536,
            65_535_999,
            65_536_000,
            0x017f_22e2_79b0_cc36,
        ] {
            let tick = Tick::from_bits(bits);
            assert_eq!(Tick::from_unix_time(tick.unix_time()), tick);
        }
    }

    #[test]
    fn time_past_the_year_10889_is_the_last_tick() {
        assert_eq!(Tick::from_unix_time(Duration::MAX), Tick::MAX);
        assert_eq!(
            Tick::from_unix_time(Duration::from_millis(1 << 48)),
            Tick::MAX
        );
        let last = Duration::from_millis((1 << 48) - 1);
        assert_eq!(Tick::from_unix_time(last).unix_ms(), (1 << 48) - 1);
    }

    #[test]
    fn the_next_tick_is_the_clock_or_one_more_than_the_last() {
        let (five, nine) = (Tick::from_bits(5), Tick::from_bits(9));
        assert_eq!(five.advance(nine), nine);
        assert_eq!(nine.advance(five), Tick::from_bits(10));
        assert_eq!(nine.advance(nine), Tick::from_bits(10));
        assert_eq!(Tick::MAX.advance(nine), Tick::MAX);
    }
}
