//! Minting as a pure function.

use crate::{Guuid, Tick};

/// The id that follows one of tick `previous`, when the clock says `now`.
///
/// Strictly greater than every id of `previous`, whatever `now` is (except at [`Tick::MAX`], see
/// [`Tick::advance`]). The state to carry on is [`Guuid::tick`] of the result. `random` gives its
/// low 58 bits.
///
/// ```
/// use guuid::{Tick, mint};
///
/// let noon = Tick::from_bits(1 << 40);
/// let first = mint(Tick::ZERO, noon, 1);
/// // The clock stepped back to zero: the id still moves on, by one tick.
/// let second = mint(first.tick(), Tick::ZERO, 0);
/// assert!(first < second);
/// assert_eq!(second.tick().to_bits(), noon.to_bits() + 1);
/// ```
#[inline]
#[must_use]
pub const fn mint(previous: Tick, now: Tick, random: u64) -> Guuid {
    Guuid::from_tick(previous.advance(now), random)
}
