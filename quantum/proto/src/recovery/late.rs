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
    pub(crate) fn insert(&mut self, mut record: Record) {
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        // Losses are found in rising order, so that this is nearly always the end.
        let at = self
            .records
            .partition_point(|known| known.number < record.number);
        // Times rise with the numbers, whatever the probe timeout did in between: what expires is
        // at the front, and when the last one does, all have.
        if let Some(next) = self.records.get(at) {
            record.forget_at = record.forget_at.min(next.forget_at);
        }
        if let Some(before) = at.checked_sub(1).and_then(|before| self.records.get(before)) {
            record.forget_at = record.forget_at.max(before.forget_at);
        }
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

    /// When the newest record is forgotten.
    pub(crate) fn forget_at(&self) -> Option<Instant> {
        self.records.back().map(|record| record.forget_at)
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
    fn a_shrinking_probe_timeout_leaves_nothing_behind() {
        let record = |number, forget_at| Record {
            number,
            sent_at: Instant::ORIGIN,
            forget_at: Instant::from_nanos(forget_at),
            contents: Contents::new(),
            path: 0,
            event: None,
            bytes: 1200,
            mtu_probe: false,
            ect0: false,
        };
        let mut records = LostRecords::default();
        for (number, forget_at) in [(1, 90), (5, 40), (3, 10), (6, 70)] {
            records.insert(record(number, forget_at));
        }
        let due = records.forget_at().expect("records are there");
        records.expire(due);
        assert!(records.is_empty());
    }
}
