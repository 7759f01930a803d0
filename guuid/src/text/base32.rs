//! Crockford's base 32: 26 characters for 130 bits, of which the top two are zero.
//!
//! Digits and letters are in ASCII order and the most significant comes first, so texts sort as
//! the numbers do. <https://www.crockford.com/base32.html>

use super::first_wrong;
use crate::ParseError;

#[inline]
pub(super) fn encode(value: u128) -> [u8; 26] {
    let mut text = [0; 26];
    let [.., first, second] = symbols((value >> 120) as u64);
    text[0..2].copy_from_slice(&[first, second]);
    text[2..10].copy_from_slice(&symbols((value >> 80) as u64));
    text[10..18].copy_from_slice(&symbols((value >> 40) as u64));
    text[18..26].copy_from_slice(&symbols(value as u64));
    text
}

/// The eight characters of the low 40 bits, which are worked on all at once, each in its byte of a
/// 64-bit number.
#[inline]
const fn symbols(value: u64) -> [u8; 8] {
    // Halves move apart, then quarters, then eighths.
    let halves = ((value << 12) & 0x000f_ffff_0000_0000) | (value & 0x0000_0000_000f_ffff);
    let quarters = ((halves << 6) & 0x03ff_0000_03ff_0000) | (halves & 0x0000_03ff_0000_03ff);
    let eighths = ((quarters << 3) & 0x1f00_1f00_1f00_1f00) | (quarters & 0x001f_001f_001f_001f);
    // Letters start after 9, and those after i, l, o and u, which are left out, move up by one.
    let mut text = eighths + EACH * (b'0' as u64);
    text += above(eighths, 9) * TO_LETTER;
    text += above(eighths, 17) + above(eighths, 19) + above(eighths, 21) + above(eighths, 26);
    text.to_be_bytes()
}

/// One in each byte that is greater than `limit`: adding the rest to 128 sets its top bit.
#[inline]
const fn above(bytes: u64, limit: u64) -> u64 {
    ((bytes + EACH * (127 - limit)) >> 7) & EACH
}

#[inline]
pub(super) fn decode(text: &[u8; 26]) -> Option<u128> {
    let head = gather(&text[..2])?;
    let (high, middle, low) = (
        gather(&text[2..10])?,
        gather(&text[10..18])?,
        gather(&text[18..])?,
    );
    let tail = (u128::from(high) << 80) | (u128::from(middle) << 40) | u128::from(low);
    (head <= HEAD_MAX).then_some((u128::from(head) << 120) | tail)
}

/// The number that a few characters stand for.
#[inline]
fn gather(text: &[u8]) -> Option<u64> {
    let mut number = 0;
    for &character in text {
        let value = VALUES[character as usize];
        if value == INVALID {
            return None;
        }
        number = (number << 5) | u64::from(value);
    }
    Some(number)
}

/// Why [`decode`] refused a text.
pub(super) fn explain(text: &str) -> ParseError {
    let valid = |character: char| {
        u8::try_from(character).is_ok_and(|byte| VALUES[byte as usize] != INVALID)
    };
    if text.chars().all(valid) {
        return ParseError::Overflow;
    }
    first_wrong(text, |_, character| valid(character))
}

/// From the character after `9` to `a`.
const TO_LETTER: u64 = (b'a' - b'0' - 10) as u64;

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The first two characters hold the top eight bits of 128.
const HEAD_MAX: u64 = 0xff;

/// The value of each character, [`INVALID`] for all other bytes.
const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut value = 0;
    while value < 32 {
        let symbol = symbols(value as u64)[7];
        values[symbol as usize] = value;
        values[symbol.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    let mut index = 0;
    while index < MISREAD.len() {
        let (letter, meant) = MISREAD[index];
        values[letter as usize] = meant;
        values[letter.to_ascii_uppercase() as usize] = meant;
        index += 1;
    }
    values
};

/// Letters that a person may write for a digit.
const MISREAD: [(u8, u8); 3] = [(b'i', 1), (b'l', 1), (b'o', 0)];

const INVALID: u8 = 0xff;
