//! Hexadecimal text, with and without hyphens.

use super::first_wrong;
use crate::ParseError;

/// Lower-case digits, two for each byte.
#[inline]
pub(super) fn encode(bytes: &[u8; 16]) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 0xf);
    }
    digits
}

/// Arithmetic instead of a table: the compiler turns the loop around it into vector instructions.
#[inline]
const fn digit(nibble: u8) -> u8 {
    const TO_LETTER: u8 = b'a' - b'0' - 10;
    nibble + b'0' + TO_LETTER * (nibble > 9) as u8
}

/// Groups of 8, 4, 4, 4 and 12 digits (RFC 9562 section 4).
#[inline]
pub(super) fn hyphenate(digits: &[u8; 32]) -> [u8; 36] {
    let mut text = [b'-'; 36];
    text[0..8].copy_from_slice(&digits[0..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..36].copy_from_slice(&digits[20..32]);
    text
}

#[inline]
pub(super) fn decode_hyphenated(text: &[u8; 36]) -> Option<[u8; 16]> {
    if HYPHENS.iter().any(|&position| text[position] != b'-') {
        return None;
    }
    let mut digits = [0; 32];
    digits[0..8].copy_from_slice(&text[0..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..32].copy_from_slice(&text[24..36]);
    decode(&digits)
}

#[inline]
pub(super) fn decode(digits: &[u8; 32]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[pair[0] as usize], VALUES[pair[1] as usize]);
        *byte = (high << 4) | (low & 0xf);
        seen |= high | low;
    }
    (seen <= 0xf).then_some(bytes)
}

/// Why [`decode_hyphenated`] refused a text.
#[cold]
pub(super) fn explain_hyphenated(text: &str) -> ParseError {
    first_wrong(text, |position, character| match character {
        '-' => HYPHENS.contains(&position),
        other => other.is_ascii_hexdigit() && !HYPHENS.contains(&position),
    })
}

/// Why [`decode`] refused a text.
#[cold]
pub(super) fn explain(text: &str) -> ParseError {
    first_wrong(text, |_, character| character.is_ascii_hexdigit())
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The value of each digit, [`INVALID`] for all other bytes.
const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut nibble = 0;
    while nibble < 16 {
        values[digit(nibble) as usize] = nibble;
        values[digit(nibble).to_ascii_uppercase() as usize] = nibble;
        nibble += 1;
    }
    values
};

const INVALID: u8 = 0xff;
