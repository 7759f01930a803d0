//! A set of numbers, kept as ranges.

use std::ops::Range;

use smallvec::SmallVec;

/// Disjoint ranges that do not touch, in rising order. The largest number is where most changes
/// happen, so they are kept in a flat list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet(SmallVec<[Range<u64>; 2]>);

impl RangeSet {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds all numbers of `range`.
    #[inline]
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        match self.0.last_mut() {
            None => self.0.push(range),
            Some(last) if last.end < range.start => self.0.push(range),
            Some(last) if last.start <= range.start => last.end = last.end.max(range.end),
            Some(_) => self.insert_inside(range),
        }
    }

    fn insert_inside(&mut self, mut range: Range<u64>) {
        let first = self.0.partition_point(|known| known.end < range.start);
        let after = self.0.partition_point(|known| known.start <= range.end);
        if let Some(touched) = self
            .0
            .get(first..after)
            .filter(|touched| !touched.is_empty())
        {
            range.start = range.start.min(touched[0].start);
            range.end = range.end.max(touched[touched.len() - 1].end);
            self.0[first] = range;
            self.0.drain(first + 1..after);
        } else {
            self.0.insert(first, range);
        }
    }

    /// Adds one number.
    #[inline]
    pub(crate) fn insert_one(&mut self, number: u64) {
        self.insert(number..number.saturating_add(1));
    }

    /// Takes all numbers below `end` out.
    pub(crate) fn remove_below(&mut self, end: u64) {
        self.remove(0..end);
    }

    /// Takes all numbers of `range` out.
    pub(crate) fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|known| known.end <= range.start);
        let after = self.0.partition_point(|known| known.start < range.end);
        if first >= after {
            return;
        }
        let left = self.0[first].start..range.start;
        let right = range.end..self.0[after - 1].end;
        let kept = [left, right].into_iter().filter(|kept| !kept.is_empty());
        let kept: SmallVec<[Range<u64>; 2]> = kept.collect();
        self.0.drain(first..after);
        self.0.insert_many(first, kept);
    }

    /// Whether `number` is in the set.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|known| known.end <= number);
        self.0.get(at).is_some_and(|known| known.start <= number)
    }

    /// Whether all of `range` is in the set.
    pub(crate) fn covers(&self, range: &Range<u64>) -> bool {
        let at = self.0.partition_point(|known| known.end <= range.start);
        range.is_empty()
            || self
                .0
                .get(at)
                .is_some_and(|known| known.start <= range.start && known.end >= range.end)
    }

    pub(crate) fn min(&self) -> Option<u64> {
        self.0.first().map(|range| range.start)
    }

    pub(crate) fn max(&self) -> Option<u64> {
        self.0.last().map(|range| range.end - 1)
    }

    /// The range with the smallest numbers.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.0.first().cloned()
    }

    /// Takes the range with the smallest numbers out.
    pub(crate) fn pop_first(&mut self) -> Option<Range<u64>> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Ranges in rising order.
    pub(crate) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = Range<u64>> + ExactSizeIterator + '_ {
        self.0.iter().cloned()
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the `ranges` ranges with the largest numbers.
    pub(crate) fn truncate_oldest(&mut self, ranges: usize) {
        let surplus = self.0.len().saturating_sub(ranges);
        self.0.drain(..surplus);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0 = SmallVec::new();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(
            steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..12), 0..60),
        ) {
            let mut set = RangeSet::new();
            let mut model = BTreeSet::new();
            for (insert, start, length) in steps {
                let range = start..start + length;
                if insert {
                    set.insert(range.clone());
                    model.extend(range);
                } else {
                    set.remove(range.clone());
                    model.retain(|number| !range.contains(number));
                }
                let listed: Vec<u64> = set.iter().flatten().collect();
                prop_assert_eq!(listed, model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(set.min(), model.first().copied());
                prop_assert_eq!(set.max(), model.last().copied());
                for number in 0..75 {
                    prop_assert_eq!(set.contains(number), model.contains(&number));
                }
                let ranges: Vec<_> = set.iter().collect();
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }
}
