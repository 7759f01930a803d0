//! What can be wrong with bytes and text that claim to be an id.

use core::{error::Error, fmt};

use uuid::Uuid;

/// Sixteen bytes that are no UUIDv7.
///
/// RFC 9562 sections 4.1 and 4.2: the variant must be `10`, the version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotVersion7 {
    bytes: [u8; 16],
}

impl NotVersion7 {
    pub(crate) const fn new(bytes: [u8; 16]) -> Self {
        Self { bytes }
    }

    /// The version that was found, 0 to 15. It means something only when
    /// [`NotVersion7::variant_bits`] is `0b10`.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.bytes[6] >> 4
    }

    /// The two bits that say which family of UUIDs this is. RFC 9562 describes `0b10`.
    #[must_use]
    pub const fn variant_bits(&self) -> u8 {
        self.bytes[8] >> 6
    }

    /// What was refused, unchanged.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.bytes)
    }
}

impl fmt::Display for NotVersion7 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, variant) = (self.version(), self.variant_bits());
        write!(
            f,
            "not a version 7 UUID: version {version}, variant bits {variant:02b}"
        )
    }
}

impl Error for NotVersion7 {}

/// Why a text is no id. Positions count from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseError {
    /// No text form has this length: they have 26, 32 or 36 characters.
    Length {
        /// How many bytes the text has.
        found: usize,
    },
    /// This character cannot stand at this position.
    Character {
        /// The first one that is wrong.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// The 26 characters encode a number of more than 128 bits: the first one is above `7`.
    Overflow,
    /// Well-formed, but another kind of UUID.
    NotVersion7(NotVersion7),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => {
                write!(f, "wrong length: {found} bytes, an id has 26, 32 or 36")
            }
            Self::Character {
                character,
                position,
            } => {
                write!(f, "wrong character {character:?} at position {position}")
            }
            Self::Overflow => f.write_str("out of range: the first of 26 characters is above 7"),
            Self::NotVersion7(error) => error.fmt(f),
        }
    }
}

impl Error for ParseError {}

impl From<NotVersion7> for ParseError {
    fn from(error: NotVersion7) -> Self {
        Self::NotVersion7(error)
    }
}
