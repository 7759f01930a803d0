//! Sets of numbers that lie in few runs: packet numbers, stream offsets, message ids.

use std::collections::VecDeque;
use std::ops::Range;

/// A set of `u64` below [`u64::MAX`], kept as sorted ranges that neither overlap nor touch.
///
/// Adding at the end costs constant time; elsewhere logarithmic time to find the place plus what
/// a shift of the ranges costs. Bound what a peer can grow with [`RangeSet::truncate_oldest`] or
/// by looking at [`RangeSet::len`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: VecDeque<Range<u64>>,
}

impl RangeSet {
    /// The empty set; allocates nothing.
    pub(crate) const fn new() -> Self {
        Self {
            ranges: VecDeque::new(),
        }
    }

    /// How many ranges there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Nothing is in the set.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The smallest number.
    #[inline]
    pub(crate) fn min(&self) -> Option<u64> {
        self.ranges.front().map(|range| range.start)
    }

    /// The largest number.
    #[inline]
    pub(crate) fn max(&self) -> Option<u64> {
        self.ranges.back().map(|range| range.end - 1)
    }

    /// How many numbers there are.
    pub(crate) fn covered(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// The ranges in ascending order; `.rev()` gives them in descending order.
    pub(crate) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = Range<u64>> + ExactSizeIterator + '_ {
        self.ranges.iter().cloned()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.ranges.front().cloned()
    }

    /// `number` is in the set.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.range_at(number).is_some()
    }

    /// Every number of `range` is in the set. True for an empty range.
    pub(crate) fn contains_all(&self, range: &Range<u64>) -> bool {
        range.is_empty()
            || self
                .range_at(range.start)
                .is_some_and(|found| found.end >= range.end)
    }

    /// The range that `number` lies in.
    pub(crate) fn range_at(&self, number: u64) -> Option<Range<u64>> {
        let index = self.ranges.partition_point(|range| range.end <= number);
        self.ranges
            .get(index)
            .filter(|range| range.start <= number)
            .cloned()
    }

    /// Adds one number. Returns whether it was new.
    #[inline]
    pub(crate) fn insert_one(&mut self, number: u64) -> bool {
        self.insert(number..number.saturating_add(1))
    }

    /// Adds all numbers of `range`. Returns whether at least one was new.
    #[inline]
    pub(crate) fn insert(&mut self, range: Range<u64>) -> bool {
        if range.is_empty() {
            return false;
        }
        match self.ranges.back_mut() {
            Some(last) if range.start < last.start => self.insert_within(range),
            Some(last) if range.start <= last.end => {
                let grows = range.end > last.end;
                last.end = last.end.max(range.end);
                grows
            }
            _ => {
                self.ranges.push_back(range);
                true
            }
        }
    }

    /// Adds a range that starts before the last one does.
    fn insert_within(&mut self, range: Range<u64>) -> bool {
        let first = self.ranges.partition_point(|it| it.end < range.start);
        let after = self.ranges.partition_point(|it| it.start <= range.end);
        if first == after {
            self.ranges.insert(first, range);
            return true;
        }
        let end = self.ranges.get(after - 1).map_or(0, |last| last.end);
        let Some(target) = self.ranges.get_mut(first) else {
            return false;
        };
        let known = target.start <= range.start && target.end >= range.end;
        target.start = target.start.min(range.start);
        target.end = end.max(range.end);
        self.ranges.drain(first + 1..after);
        !known
    }

    /// Takes all numbers of `range` away. Returns whether at least one was there.
    pub(crate) fn remove(&mut self, range: Range<u64>) -> bool {
        if range.is_empty() {
            return false;
        }
        let first = self.ranges.partition_point(|it| it.end <= range.start);
        let after = self.ranges.partition_point(|it| it.start < range.end);
        if first >= after {
            return false;
        }
        let left = self.ranges.get(first).map_or(0, |it| it.start)..range.start;
        let right = range.end..self.ranges.get(after - 1).map_or(0, |it| it.end);
        self.replace(first..after, left, right);
        true
    }

    /// Puts what is left of two ends in place of the ranges at `indices`.
    fn replace(&mut self, indices: Range<usize>, left: Range<u64>, right: Range<u64>) {
        let at = indices.start;
        self.ranges.drain(indices);
        if !right.is_empty() {
            self.ranges.insert(at, right);
        }
        if !left.is_empty() {
            self.ranges.insert(at, left);
        }
    }

    /// Takes all numbers below `limit` away.
    pub(crate) fn remove_below(&mut self, limit: u64) {
        while self.ranges.front().is_some_and(|range| range.end <= limit) {
            self.ranges.pop_front();
        }
        if let Some(first) = self.ranges.front_mut() {
            first.start = first.start.max(limit);
        }
    }

    /// Takes the lowest range away.
    pub(crate) fn pop_min(&mut self) -> Option<Range<u64>> {
        self.ranges.pop_front()
    }

    /// Takes at most `count` numbers from the lowest range away.
    pub(crate) fn take_min(&mut self, count: u64) -> Option<Range<u64>> {
        let first = self.ranges.front_mut()?;
        let split = first.start.saturating_add(count);
        if split >= first.end {
            return self.ranges.pop_front();
        }
        let taken = first.start..split;
        first.start = split;
        Some(taken)
    }

    /// Forgets the lowest ranges until at most `ranges_max` are left.
    #[inline]
    pub(crate) fn truncate_oldest(&mut self, ranges_max: usize) {
        if self.ranges.len() > ranges_max {
            self.ranges.drain(..self.ranges.len() - ranges_max);
        }
    }

    /// The parts of `range` that are not in the set, ascending.
    pub(crate) fn missing(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self.ranges.partition_point(|it| it.end <= range.start);
        let mut position = range.start;
        let present = self.ranges.range(first..).cloned();
        let end = range.end;
        present
            .take_while(move |it| it.start < end)
            .chain(std::iter::once(end..end))
            .filter_map(move |it| {
                let gap = position..it.start;
                position = position.max(it.end);
                (!gap.is_empty()).then_some(gap)
            })
    }

    /// Empties the set and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
    }
}

impl FromIterator<Range<u64>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::new();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests;
