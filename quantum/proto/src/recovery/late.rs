//! Packets given up as lost, remembered for a while: some arrive after all.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::carried::Contents;
use crate::time::Instant;

/// Records that are kept; beyond, the oldest are forgotten.
const RECORDS_MAX: usize = 4096;

/// A packet that was given up.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) sent_at: Instant,
    pub(crate) forget_at: Instant,
    pub(crate) contents: Contents,
    pub(crate) path: u32,
    /// The loss event that it belongs to; `None` if it had no bearing on congestion control.
    pub(crate) event: Option<u32>,
    pub(crate) bytes: u16,
    pub(crate) mtu_probe: bool,
    pub(crate) ect0: bool,
}

/// The packets of one number space that were given up lately, by number.
#[derive(Debug, Default)]
pub(crate) struct LostRecords {
    records: VecDeque<Record>,
}

impl LostRecords {
    pub(crate) fn insert(&mut self, record: Record) {
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        // Losses are found in rising order, so that this is nearly always the end.
        let at = self
            .records
            .partition_point(|known| known.number < record.number);
        self.records.insert(at, record);
    }

    /// Drops what is too old to arrive.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self
            .records
            .front()
            .is_some_and(|record| record.forget_at <= now)
        {
            self.records.pop_front();
        }
        if self.records.is_empty() && self.records.capacity() > 0 {
            self.records = VecDeque::new();
        }
    }

    /// Takes the records of `range` out.
    pub(crate) fn take(&mut self, range: &RangeInclusive<u64>, each: impl FnMut(Record)) {
        let start = self
            .records
            .partition_point(|record| record.number < *range.start());
        let end = self
            .records
            .partition_point(|record| record.number <= *range.end());
        if start < end {
            self.records.drain(start..end).for_each(each);
        }
    }

    /// What a lost packet carried.
    pub(crate) fn contents_mut(&mut self, number: u64) -> Option<&mut Contents> {
        let found = self
            .records
            .binary_search_by_key(&number, |record| record.number);
        let record = found.ok().and_then(|at| self.records.get_mut(at))?;
        Some(&mut record.contents)
    }

    /// When the next record, or the newest, is forgotten, whichever is later. The probe timeout may
    /// have fallen between them, so the newest alone could be due long before the others are.
    pub(crate) fn forget_at(&self) -> Option<Instant> {
        let [first, last] = [self.records.front()?, self.records.back()?];
        Some(first.forget_at.max(last.forget_at))
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.records = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgetting_makes_headway_whatever_order_records_end_in() {
        let at = Instant::from_nanos;
        let mut records = LostRecords::default();
        for (number, forget_at) in [(0, 900), (1, 300), (2, 950), (3, 200)] {
            records.insert(Record {
                number,
                sent_at: at(0),
                forget_at: at(forget_at),
                contents: Contents::new(),
                path: 0,
                event: None,
                bytes: 1,
                mtu_probe: false,
                ect0: false,
            });
        }
        let mut now = at(250);
        while let Some(next) = records.forget_at() {
            assert!(next > now, "a wake-up that is due at once would spin");
            now = next;
            records.expire(now);
        }
        assert!(records.is_empty());
    }
}
