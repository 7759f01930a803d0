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
    if (text[8], text[13], text[18], text[23]) != (b'-', b'-', b'-', b'-') {
        return None;
    }
    decode_words(
        eight(text, 0, 4),
        eight(text, 9, 14),
        eight(text, 19, 24),
        eight(text, 28, 32),
    )
}

#[inline]
pub(super) fn decode(text: &[u8; 32]) -> Option<[u8; 16]> {
    decode_words(
        eight(text, 0, 4),
        eight(text, 8, 12),
        eight(text, 16, 20),
        eight(text, 24, 28),
    )
}

/// Eight characters in one number, the first in the lowest byte: four from each of two places.
#[inline]
fn eight<const N: usize>(text: &[u8; N], low: usize, high: usize) -> u64 {
    let four = |at: usize| {
        u64::from(u32::from_le_bytes([
            text[at],
            text[at + 1],
            text[at + 2],
            text[at + 3],
        ]))
    };
    four(low) | (four(high) << 32)
}

/// Everything stays in registers until the end: bytes written one by one and read back as a whole
/// cost more than the decoding.
#[inline(always)]
fn decode_words(first: u64, second: u64, third: u64, fourth: u64) -> Option<[u8; 16]> {
    let (first, wrong_in_first) = decode_word(first);
    let (second, wrong_in_second) = decode_word(second);
    let (third, wrong_in_third) = decode_word(third);
    let (fourth, wrong_in_fourth) = decode_word(fourth);
    if wrong_in_first | wrong_in_second | wrong_in_third | wrong_in_fourth != 0 {
        return None;
    }
    let (low, high) = (first | (second << 32), third | (fourth << 32));
    Some((u128::from(low) | (u128::from(high) << 64)).to_le_bytes())
}

/// The four bytes of eight digits, which are worked on all at once, each in its byte of `word`. The
/// second result is zero if all of them are digits.
#[inline(always)]
const fn decode_word(word: u64) -> (u64, u64) {
    // 0x40 tells letters from digits, 0x20 the cases of a letter.
    let is_letter = (word >> 6) & EACH;
    let nibbles = ((word & (EACH * 0xf)) + is_letter * 9) & (EACH * 0xf);
    // All are right if the digits of the nibbles are what stands there.
    let above_nine = ((nibbles + EACH * 6) >> 4) & EACH;
    let expected = nibbles + EACH * (b'0' as u64) + above_nine * (TO_LETTER as u64);
    let difference = expected ^ (word | (is_letter << 5));
    // Two nibbles become a byte, then bytes move together: first two of them, then four.
    let bytes = ((nibbles << 4) | (nibbles >> 8)) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
    ((pairs | (pairs >> 16)) & 0xffff_ffff, difference)
}

/// Why [`decode_hyphenated`] refused a text.
pub(super) fn explain_hyphenated(text: &str) -> ParseError {
    first_wrong(text, |position, character| match character {
        '-' => HYPHENS.contains(&position),
        other => other.is_ascii_hexdigit() && !HYPHENS.contains(&position),
    })
}

/// Why [`decode`] refused a text.
pub(super) fn explain(text: &str) -> ParseError {
    first_wrong(text, |_, character| character.is_ascii_hexdigit())
}

/// From the character after `9` to `a`.
const TO_LETTER: u8 = b'a' - b'0' - 10;

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

const HYPHENS: [usize; 4] = [8, 13, 18, 23];
