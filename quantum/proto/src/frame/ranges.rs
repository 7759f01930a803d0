//! The ranges of an ACK frame.

use std::ops::RangeInclusive;

use super::Ack;
use crate::wire::Reader;

/// Ranges of acknowledged packet numbers, newest first.
#[derive(Clone, Debug)]
pub(crate) struct AckRanges<'a> {
    encoded: Reader<'a>,
    remaining: u64,
    next: Option<RangeInclusive<u64>>,
}

impl<'a> Ack<'a> {
    /// The ranges, newest first.
    pub(crate) fn ranges(&self) -> AckRanges<'a> {
        AckRanges {
            encoded: Reader::new(self.encoded_ranges),
            remaining: self.range_count,
            next: self
                .largest
                .checked_sub(self.first_range)
                .map(|start| start..=self.largest),
        }
    }
}

impl Iterator for AckRanges<'_> {
    type Item = RangeInclusive<u64>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let range = self.next.take()?;
        if self.remaining > 0 {
            self.remaining -= 1;
            self.next = next_range(&mut self.encoded, *range.start());
        }
        Some(range)
    }
}

/// The range below one that starts at `start`: gap and length, each less one
/// (RFC 9000 section 19.3.1). `None` if it would be below zero or the bytes end.
pub(super) fn next_range(encoded: &mut Reader<'_>, start: u64) -> Option<RangeInclusive<u64>> {
    let gap = encoded.varint().ok()?;
    let length = encoded.varint().ok()?;
    let end = start.checked_sub(gap)?.checked_sub(2)?;
    Some(end.checked_sub(length)?..=end)
}
