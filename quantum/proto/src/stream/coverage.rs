//! Which bytes, counted from zero, are done with.

use std::ops::Range;

use crate::range_set::RangeSet;

/// Gaps that are always tolerated: as many packets as a reordering network may hold back.
const GAPS_ALLOWED: u64 = 256;

/// One more gap is tolerated for as many bytes of span: what random loss leaves in large windows.
const BYTES_PER_GAP: u64 = 1024;

/// No more gaps than this, whatever the span: inserting a range moves the ones behind it.
const GAPS_MAX: u64 = 2048;

/// A prefix, and ranges beyond it. In-order growth touches nothing but a number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    contiguous: u64,
    beyond: RangeSet,
}

impl Coverage {
    /// Everything before this offset is covered; the byte at it is not.
    pub(crate) fn contiguous(&self) -> u64 {
        self.contiguous
    }

    /// Covered ranges beyond the first gap.
    pub(crate) fn beyond(&self) -> &RangeSet {
        &self.beyond
    }

    /// Adds `range`, which may overlap what is there.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        if range.start > self.contiguous {
            self.beyond.insert(range);
        } else if range.end > self.contiguous {
            self.contiguous = range.end;
            self.absorb();
        }
    }

    /// Whether there are more gaps than honest peers cause: each one costs memory and time.
    pub(crate) fn is_fragmented(&self) -> bool {
        let gaps = self.beyond.len() as u64;
        gaps > GAPS_ALLOWED && gaps > self.gaps_max()
    }

    fn gaps_max(&self) -> u64 {
        let end = self.beyond.max().unwrap_or(self.contiguous);
        let span = end.saturating_sub(self.contiguous);
        (GAPS_ALLOWED + span / BYTES_PER_GAP).min(GAPS_MAX)
    }

    fn absorb(&mut self) {
        while let Some(start) = self.beyond.min() {
            if start > self.contiguous {
                break;
            }
            let Some(range) = self.beyond.pop_first() else {
                break;
            };
            self.contiguous = self.contiguous.max(range.end);
        }
    }
}
