//! Crockford's base 32: 26 characters for 130 bits, of which the top two are zero.
//!
//! Digits and letters are in ASCII order and the most significant comes first, so texts sort as
//! the numbers do. <https://www.crockford.com/base32.html>

use super::first_wrong;
use crate::ParseError;

#[inline]
pub(super) fn encode(value: u128) -> [u8; 26] {
    let mut text = [0; 26];
    text[0] = symbol((value >> 125) as u64);
    text[1] = symbol((value >> 120) as u64);
    encode_group((value >> GROUP_BITS) as u64, &mut text[2..14]);
    encode_group(value as u64, &mut text[14..26]);
    text
}

/// Twelve characters are 60 bits: shifts of 64-bit numbers cost less than those of 128-bit ones.
#[inline]
fn encode_group(value: u64, text: &mut [u8]) {
    for (index, character) in text.iter_mut().rev().enumerate() {
        *character = symbol(value >> (5 * index));
    }
}

#[inline]
const fn symbol(value: u64) -> u8 {
    SYMBOLS[(value & 0x1f) as usize]
}

#[inline]
pub(super) fn decode(text: &[u8; 26]) -> Option<u128> {
    let mut seen = 0;
    let head = decode_group(&text[..2], &mut seen);
    let middle = decode_group(&text[2..14], &mut seen);
    let tail = decode_group(&text[14..], &mut seen);
    let fits = seen <= 0x1f && head <= HEAD_MAX;
    fits.then_some(
        (u128::from(head) << (2 * GROUP_BITS))
            | (u128::from(middle) << GROUP_BITS)
            | u128::from(tail),
    )
}

#[inline]
fn decode_group(text: &[u8], seen: &mut u8) -> u64 {
    text.iter().fold(0, |group, &character| {
        let value = VALUES[character as usize];
        *seen |= value;
        (group << 5) | u64::from(value & 0x1f)
    })
}

/// Why [`decode`] refused a text.
#[cold]
pub(super) fn explain(text: &str) -> ParseError {
    let valid = |character: char| {
        u8::try_from(character).is_ok_and(|byte| VALUES[byte as usize] != INVALID)
    };
    if text.chars().all(valid) {
        return ParseError::Overflow;
    }
    first_wrong(text, |_, character| valid(character))
}

const GROUP_BITS: u32 = 60;

/// The first two characters hold the top eight bits of 128.
const HEAD_MAX: u64 = 0xff;

/// Without `i`, `l`, `o` and `u`. Lower case.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The value of each character, [`INVALID`] for all other bytes.
const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut value = 0;
    while value < 32 {
        let symbol = SYMBOLS[value as usize];
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
