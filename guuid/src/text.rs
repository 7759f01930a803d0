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
///
/// Aligned to eight bytes, so that a word at a time can be read and compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(8))]
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
pub(crate) fn decode(text: &str) -> Option<[u8; 16]> {
    let characters = text.as_bytes();
    if let Ok(characters) = characters.try_into() {
        hex::decode_hyphenated(characters)
    } else if let Ok(characters) = characters.try_into() {
        base32::decode(characters).map(u128::to_be_bytes)
    } else if let Ok(characters) = characters.try_into() {
        hex::decode(characters)
    } else {
        None
    }
}

/// Why [`decode`] refused a text. Apart from it, so that the errors do not slow the good case down.
#[cold]
#[inline(never)]
pub(crate) fn explain(text: &str) -> ParseError {
    match text.len() {
        26 => base32::explain(text),
        32 => hex::explain(text),
        36 => hex::explain_hyphenated(text),
        found => ParseError::Length { found },
    }
}

/// The error about the first character that `allowed` refuses at its position.
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
