//! ACK frames: ranges of packet numbers, newest first, each as a distance to the one above it.

use std::ops::RangeInclusive;

use super::decode::{Problem, RANGE_BELOW_ZERO};
use super::{Ack, EcnCounts, kind};
use crate::range_set::RangeSet;
use crate::wire::{Reader, UnexpectedEnd, write_varint};

/// Ranges of one frame that are looked at; older ones are ignored, so that what a frame costs is
/// bounded by what a receiver has reason to send (T8 of the attack catalogue).
pub(crate) const RANGES_KEPT_MAX: u64 = 64;

/// The ranges of an ACK frame, newest first. Never yields a range that is empty or below zero.
#[derive(Clone, Debug)]
pub(crate) struct Ranges<'a> {
    next: Option<RangeInclusive<u64>>,
    encoded: Reader<'a>,
}

impl<'a> Ack<'a> {
    /// The packets that arrived, newest range first, at most [`RANGES_KEPT_MAX`].
    #[inline]
    pub(crate) fn ranges(&self) -> Ranges<'a> {
        let lowest = self.largest.saturating_sub(self.first_range);
        Ranges {
            next: Some(lowest..=self.largest),
            encoded: Reader::new(self.encoded_ranges),
        }
    }
}

impl Iterator for Ranges<'_> {
    type Item = RangeInclusive<u64>;

    #[inline]
    fn next(&mut self) -> Option<RangeInclusive<u64>> {
        let current = self.next.take()?;
        if !self.encoded.is_empty() {
            self.next = range_below(*current.start(), &mut self.encoded).unwrap_or_default();
        }
        Some(current)
    }
}

/// The range that follows one that starts at `lowest` (RFC 9000 section 19.3.1); `None` if it
/// would be below zero.
#[inline]
fn range_below(
    lowest: u64,
    encoded: &mut Reader<'_>,
) -> Result<Option<RangeInclusive<u64>>, UnexpectedEnd> {
    let (gap, length) = (encoded.varint()?, encoded.varint()?);
    let largest = lowest.checked_sub(gap + 2);
    let bounds = largest.and_then(|largest| Some(largest.checked_sub(length)?..=largest));
    Ok(bounds)
}

/// Reads what follows the type of an ACK frame and checks every range.
#[inline]
pub(super) fn decode<'a>(reader: &mut Reader<'a>, with_ecn: bool) -> Result<Ack<'a>, Problem> {
    let (largest, delay) = (reader.varint()?, reader.varint()?);
    let (range_count, first_range) = (reader.varint()?, reader.varint()?);
    let lowest = largest.checked_sub(first_range).ok_or(RANGE_BELOW_ZERO)?;
    let encoded_ranges = match range_count {
        0 => &[],
        _ => decode_ranges(reader, lowest, range_count)?,
    };
    let ecn = match with_ecn {
        true => Some(decode_ecn(reader)?),
        false => None,
    };
    Ok(Ack {
        largest,
        delay,
        encoded_ranges,
        first_range,
        range_count: range_count.min(RANGES_KEPT_MAX - 1),
        ecn,
    })
}

/// Walks over `count` ranges and returns the bytes of those that are kept. Each range takes two
/// bytes at least, so that the packet bounds the walk whatever the count claims.
fn decode_ranges<'a>(
    reader: &mut Reader<'a>,
    mut lowest: u64,
    count: u64,
) -> Result<&'a [u8], Problem> {
    let before = *reader;
    let mut kept_bytes = 0;
    for index in 1..=count {
        let range = range_below(lowest, reader)?.ok_or(RANGE_BELOW_ZERO)?;
        lowest = *range.start();
        if index < RANGES_KEPT_MAX {
            kept_bytes = before.remaining() - reader.remaining();
        }
    }
    Ok(Reader::new(before.peek_rest()).bytes(kept_bytes)?)
}

fn decode_ecn(reader: &mut Reader<'_>) -> Result<EcnCounts, UnexpectedEnd> {
    Ok(EcnCounts {
        ect0: reader.varint()?,
        ect1: reader.varint()?,
        ce: reader.varint()?,
    })
}

/// The most bytes that an ACK frame of `ranges` ranges takes, ECN counts included.
pub(crate) const fn ack_bytes_max(ranges: usize) -> usize {
    1 + 4 * 8 + 3 * 8 + ranges.saturating_sub(1) * 2 * 8
}

/// Appends an ACK frame of the newest `ranges_max` (at least one) ranges of `received`; appends
/// nothing if there are none. `delay` is in units of 2^`ack_delay_exponent` microseconds.
pub(crate) fn write_ack(
    buffer: &mut Vec<u8>,
    received: &RangeSet,
    delay: u64,
    ecn: Option<EcnCounts>,
    ranges_max: usize,
) {
    let mut ranges = received.iter().rev().take(ranges_max.max(1));
    let additional = ranges.len().saturating_sub(1);
    let Some(newest) = ranges.next() else {
        return;
    };
    let frame_type = if ecn.is_some() {
        kind::ACK_ECN
    } else {
        kind::ACK
    };
    write_varint(buffer, frame_type);
    write_varint(buffer, newest.end - 1);
    write_varint(buffer, delay);
    write_varint(buffer, additional as u64);
    write_varint(buffer, newest.end - 1 - newest.start);
    let mut lowest = newest.start;
    for range in ranges {
        // Ranges of a set do not touch: at least one number lies between them.
        write_varint(buffer, lowest - range.end - 1);
        write_varint(buffer, range.end - 1 - range.start);
        lowest = range.start;
    }
    write_ecn(buffer, ecn);
}

fn write_ecn(buffer: &mut Vec<u8>, ecn: Option<EcnCounts>) {
    if let Some(counts) = ecn {
        write_varint(buffer, counts.ect0);
        write_varint(buffer, counts.ect1);
        write_varint(buffer, counts.ce);
    }
}

/// Appends a decoded frame again.
pub(super) fn write_decoded(buffer: &mut Vec<u8>, ack: &Ack<'_>) {
    let frame_type = if ack.ecn.is_some() {
        kind::ACK_ECN
    } else {
        kind::ACK
    };
    write_varint(buffer, frame_type);
    write_varint(buffer, ack.largest);
    write_varint(buffer, ack.delay);
    write_varint(buffer, ack.range_count);
    write_varint(buffer, ack.first_range);
    buffer.extend_from_slice(ack.encoded_ranges);
    write_ecn(buffer, ack.ecn);
}
