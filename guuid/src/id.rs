//! [`Guuid`]: the value.

use core::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{NotVersion7, ParseError, Text, Tick, text};

/// A UUIDv7: sixteen bytes, version 7, variant `10` (RFC 9562 sections 4.1, 4.2 and 5.7).
///
/// Ids compare by their bytes, which is the order in which they were minted (RFC 9562 section
/// 6.11). `Display` and `Debug` print the hyphenated form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Guuid(Uuid);

impl Guuid {
    /// The id of a tick: its 64 bits around the version and the variant, then the low 58 bits of
    /// `random`. The six high bits of `random` are ignored.
    #[inline]
    #[must_use]
    pub const fn from_tick(tick: Tick, random: u64) -> Self {
        let tick = tick.to_bits();
        let high = (tick & UNIX_MS_MASK) | VERSION_7 | ((tick >> 4) & FRACTION_HIGH_MASK);
        let low = VARIANT_10 | ((tick & FRACTION_LOW_MASK) << RANDOM_BITS) | (random & RANDOM_MASK);
        Self(Uuid::from_u64_pair(high, low))
    }

    /// The inverse of [`Guuid::from_tick`]: the time of an id that a [`Generator`] minted, to
    /// about 15 ns.
    ///
    /// For an id from elsewhere only the milliseconds are certain; the rest may be random.
    ///
    /// [`Generator`]: crate::Generator
    #[inline]
    #[must_use]
    pub const fn tick(self) -> Tick {
        let (high, low) = self.0.as_u64_pair();
        let fraction = ((high & FRACTION_HIGH_MASK) << 4) | ((low & !VARIANT_MASK) >> RANDOM_BITS);
        Tick::from_bits((high & UNIX_MS_MASK) | fraction)
    }

    /// Milliseconds since 1970 when the id was minted: true of every UUIDv7, whoever minted it.
    #[inline]
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        let (high, _) = self.0.as_u64_pair();
        high >> 16
    }

    /// The least id of a millisecond since 1970, to begin a range of ids at a time. Past 2^48 - 1
    /// (the year 10889) it is that of the last millisecond.
    #[must_use]
    pub const fn first_at(unix_ms: u64) -> Self {
        Self::from_tick(Tick::from_bits(clamp(unix_ms) << 16), 0)
    }

    /// The greatest id of a millisecond since 1970, to end a range of ids (inclusive) at a time.
    /// Past 2^48 - 1 (the year 10889) it is that of the last millisecond.
    #[must_use]
    pub const fn last_at(unix_ms: u64) -> Self {
        Self::from_tick(Tick::from_bits((clamp(unix_ms) << 16) | 0xffff), u64::MAX)
    }

    /// An id from its bytes, the most significant first.
    ///
    /// # Errors
    ///
    /// [`NotVersion7`] if the version is not 7 or the variant is not `10`.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Result<Self, NotVersion7> {
        if u128::from_ne_bytes(bytes) & KIND_MASK == KIND {
            Ok(Self(Uuid::from_bytes(bytes)))
        } else {
            Err(NotVersion7::new(bytes))
        }
    }

    /// An id from a [`Uuid`]: one comparison, no copy.
    ///
    /// # Errors
    ///
    /// [`NotVersion7`] if the version is not 7 or the variant is not `10`.
    #[inline]
    pub const fn from_uuid(uuid: Uuid) -> Result<Self, NotVersion7> {
        Self::from_bytes(uuid.into_bytes())
    }

    /// The bytes, the most significant first.
    #[inline]
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The bytes, the most significant first.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The same id as a [`Uuid`], at no cost.
    #[inline]
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }

    /// The same id as a [`Uuid`], at no cost.
    #[inline]
    #[must_use]
    pub const fn to_uuid(self) -> Uuid {
        self.0
    }

    /// `017f22e2-79b0-7cc3-98c4-dc0c0c07398f`: 36 characters, lower case (RFC 9562 section 4).
    #[inline]
    #[must_use]
    pub fn hyphenated(&self) -> Text<36> {
        text::hyphenated(self.as_bytes())
    }

    /// `017f22e279b07cc398c4dc0c0c07398f`: 32 characters, lower case.
    #[inline]
    #[must_use]
    pub fn simple(&self) -> Text<32> {
        text::simple(self.as_bytes())
    }

    /// `01fwhe4ydgfk1shh6w1g60eecf`: 26 characters, lower case, the digits and letters of
    /// Crockford's base 32, most significant first.
    ///
    /// The encoding of a ULID and of a TypeID's suffix.
    #[inline]
    #[must_use]
    pub fn sortable(&self) -> Text<26> {
        text::sortable(self.as_bytes())
    }

    /// Reads any of the three text forms, told apart by their length, in either case.
    ///
    /// In the 26-character form `i` and `l` are read as `1`, `o` as `0`, as Crockford defines it
    /// for texts that people copy by hand. Braces, URNs and blanks are refused.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong, and where.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text::decode(text) {
            Some(bytes) => Ok(Self::from_bytes(bytes)?),
            None => Err(text::explain(text)),
        }
    }
}

impl fmt::Display for Guuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hyphenated(), f)
    }
}

impl fmt::Debug for Guuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guuid {
    type Err = ParseError;

    #[inline]
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl From<Guuid> for Uuid {
    #[inline]
    fn from(id: Guuid) -> Self {
        id.0
    }
}

impl From<Guuid> for [u8; 16] {
    #[inline]
    fn from(id: Guuid) -> Self {
        id.to_bytes()
    }
}

impl TryFrom<Uuid> for Guuid {
    type Error = NotVersion7;

    #[inline]
    fn try_from(uuid: Uuid) -> Result<Self, NotVersion7> {
        Self::from_uuid(uuid)
    }
}

impl TryFrom<[u8; 16]> for Guuid {
    type Error = NotVersion7;

    #[inline]
    fn try_from(bytes: [u8; 16]) -> Result<Self, NotVersion7> {
        Self::from_bytes(bytes)
    }
}

const fn clamp(unix_ms: u64) -> u64 {
    if unix_ms > UNIX_MS_MAX {
        UNIX_MS_MAX
    } else {
        unix_ms
    }
}

/// RFC 9562 section 5.7: `unix_ts_ms` has 48 bits.
const UNIX_MS_MAX: u64 = (1 << 48) - 1;
const UNIX_MS_MASK: u64 = UNIX_MS_MAX << 16;
/// RFC 9562 section 5.7: `rand_a`, here the high part of the fraction.
const FRACTION_HIGH_MASK: u64 = 0xfff;
/// The low part of the fraction, at the head of `rand_b`.
const FRACTION_LOW_MASK: u64 = 0xf;
/// RFC 9562 section 4.2.
const VERSION_7: u64 = 7 << 12;
/// RFC 9562 section 4.1.
const VARIANT_10: u64 = 0b10 << 62;
const VARIANT_MASK: u64 = 0b11 << 62;
const RANDOM_BITS: u32 = 58;
const RANDOM_MASK: u64 = (1 << RANDOM_BITS) - 1;

/// The six bits that make sixteen bytes a UUIDv7, in memory order: checking them swaps no bytes.
const KIND_MASK: u128 = u128::from_ne_bytes([0, 0, 0, 0, 0, 0, 0xf0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0]);
const KIND: u128 = u128::from_ne_bytes([0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_as_large_as_a_uuid() {
        assert_eq!(size_of::<Guuid>(), 16);
        assert_eq!(align_of::<Guuid>(), 1);
    }

    #[test]
    fn the_tick_survives_any_random_bits() {
        for tick in [0, 1, 0xffff, 0x017f_22e2_79b0_cc36, u64::MAX].map(Tick::from_bits) {
            for random in [0, u64::MAX, 0x5555_5555_5555_5555] {
                let id = Guuid::from_tick(tick, random);
                assert_eq!(id.tick(), tick);
                assert_eq!(id.unix_ms(), tick.unix_ms());
                assert_eq!(Guuid::from_bytes(id.to_bytes()), Ok(id));
            }
        }
    }

    #[test]
    fn the_bounds_of_a_millisecond_hold_its_ids_and_no_others() {
        let (first, last) = (Guuid::first_at(1_000), Guuid::last_at(1_000));
        assert_eq!((first.unix_ms(), last.unix_ms()), (1_000, 1_000));
        assert!(Guuid::last_at(999) < first && first < last && last < Guuid::first_at(1_001));
        assert_eq!(Guuid::last_at(u64::MAX), Guuid::last_at(UNIX_MS_MAX));
        assert_eq!(Guuid::first_at(u64::MAX), Guuid::first_at(UNIX_MS_MAX));
    }

    #[test]
    fn other_versions_and_variants_are_refused_by_name() {
        let version_4 = Uuid::from_u128(0x017f_22e2_79b0_4cc3_98c4_dc0c_0c07_398f);
        let error = Guuid::try_from(version_4).unwrap_err();
        assert_eq!(
            (error.version(), error.variant_bits(), error.uuid()),
            (4, 0b10, version_4)
        );
        let microsoft = Uuid::from_u128(0x017f_22e2_79b0_7cc3_d8c4_dc0c_0c07_398f);
        let error = Guuid::try_from(microsoft).unwrap_err();
        assert_eq!((error.version(), error.variant_bits()), (7, 0b11));
        assert!(Guuid::try_from(Uuid::nil()).is_err() && Guuid::try_from(Uuid::max()).is_err());
    }
}
