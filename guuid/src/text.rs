//! The three text forms, both ways, without allocation.

mod base32;
mod hex;

use core::{fmt, ops::Deref, str};

use crate::ParseError;

/// The text of an id, `N` ASCII characters on the stack. Use it as a `&str`.
///
/// ```
/// let text = guuid::Guuid::first_at(0).sortable();
/// assert_eq!(text.len(), 26);
/// assert_eq!(format!("/documents/{text}"), "/documents/0000000000e008000000000000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every byte comes from an alphabet of ASCII characters: the default is never taken.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its ASCII characters.
    #[inline]
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for Text<N> {
    #[inline]
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

pub(crate) fn simple(bytes: &[u8; 16]) -> Text<32> {
    Text(hex::encode(bytes))
}

pub(crate) fn hyphenated(bytes: &[u8; 16]) -> Text<36> {
    Text(hex::hyphenate(&hex::encode(bytes)))
}

pub(crate) fn sortable(bytes: &[u8; 16]) -> Text<26> {
    Text(base32::encode(u128::from_be_bytes(*bytes)))
}

/// The bytes that a text stands for, of whatever version.
#[inline]
pub(crate) fn decode(text: &str) -> Result<[u8; 16], ParseError> {
    let characters = text.as_bytes();
    if let Ok(characters) = <&[u8; 36]>::try_from(characters) {
        return hex::decode_hyphenated(characters).ok_or_else(|| hex::explain_hyphenated(text));
    }
    if let Ok(characters) = <&[u8; 26]>::try_from(characters) {
        return base32::decode(characters)
            .map(u128::to_be_bytes)
            .ok_or_else(|| base32::explain(text));
    }
    if let Ok(characters) = <&[u8; 32]>::try_from(characters) {
        return hex::decode(characters).ok_or_else(|| hex::explain(text));
    }
    Err(ParseError::Length {
        found: characters.len(),
    })
}

/// The error about the first character that `allowed` refuses at its position.
#[cold]
fn first_wrong(text: &str, allowed: impl Fn(usize, char) -> bool) -> ParseError {
    text.char_indices()
        .find(|&(position, character)| !allowed(position, character))
        .map_or(
            ParseError::Length { found: text.len() },
            |(position, character)| ParseError::Character {
                character,
                position,
            },
        )
}
