//! What the committer knows without asking the tables.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range};

use crate::documents::is_never_decided_upon;
use crate::error::Damage;
use crate::rows;
use crate::tables::Value;

/// Memory that a remembered row takes, as a rule: a head, its key and its place in the map.
const REMEMBERED_ROW_BYTES: u64 = 256;

/// Longest row that is remembered: a head is shorter.
const REMEMBERED_BYTES_MAX: usize = 256;

/// Longest key of a row that is remembered: that of a head. Records, which are written once and
/// hardly ever decided upon, have longer keys.
const REMEMBERED_KEY_BYTES_MAX: usize = 18;

/// Rows decided in the present group, which later decisions of the group must see, and rows of
/// earlier groups that are likely to be looked at again.
///
/// Only the committer writes, so what is remembered cannot be out of date.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Where the values are in the frame of the group. Few are ever asked for, so none is copied.
    group: BTreeMap<Value, Option<Range<usize>>>,
    /// The heads of documents that are being edited. When there are too many, all are forgotten, and found
    /// in the tables.
    remembered: HashMap<Value, Value>,
    remembered_max: u64,
}

impl Decided {
    /// One that remembers about as much as fits in so many bytes.
    pub(crate) fn within(bytes: u64) -> Self {
        Self {
            group: BTreeMap::new(),
            remembered: HashMap::new(),
            remembered_max: bytes / REMEMBERED_ROW_BYTES,
        }
    }

    /// What is known to be under `key`: `None` if that is unknown, `Some(None)` if nothing is. `frame` is
    /// that of the group.
    pub(crate) fn value(&self, frame: &[u8], key: &[u8]) -> Option<Option<Value>> {
        match self.group.get(key) {
            Some(place) => Some(value_at(frame, place)),
            None => self.remembered.get(key).cloned().map(Some),
        }
    }

    /// Everything decided in this group for keys that begin with `prefix`.
    pub(crate) fn prefixed<'a>(
        &'a self,
        frame: &'a [u8],
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a Value, Option<Value>)> {
        let from = self
            .group
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let rows = from.take_while(|(key, _)| key.starts_with(prefix));
        rows.map(|(key, place)| (key, value_at(frame, place)))
    }

    /// Adds to the group the rows of a request, which are the last step of `frame`, from `start` on.
    pub(crate) fn take_in(&mut self, frame: &[u8], start: usize) -> Result<(), Damage> {
        rows::walk(frame.get(start..).unwrap_or_default(), |_, row| {
            if is_never_decided_upon(row.key) {
                return;
            }
            let place = row.value.map(|value| {
                let start = rows::offset(frame, value);
                start..start + value.len()
            });
            self.group.insert(Value::from(row.key), place);
        })?;
        Ok(())
    }

    /// The group was committed, with this frame, and is in the tables.
    pub(crate) fn committed(&mut self, frame: &[u8]) {
        if self.remembered.len() as u64 > self.remembered_max {
            self.remembered.clear();
        }
        while let Some((key, place)) = self.group.pop_first() {
            let is_short = key.len() <= REMEMBERED_KEY_BYTES_MAX
                && place
                    .as_ref()
                    .is_some_and(|place| place.len() <= REMEMBERED_BYTES_MAX);
            match value_at(frame, &place.filter(|_| is_short)) {
                Some(value) => drop(self.remembered.insert(key, value)),
                None => drop(self.remembered.remove(&key)),
            }
        }
    }

    /// The group was not committed.
    pub(crate) fn discarded(&mut self) {
        self.group.clear();
    }
}

/// A copy of its own: the frame is written over by the next group.
fn value_at(frame: &[u8], place: &Option<Range<usize>>) -> Option<Value> {
    let bytes = frame.get(place.clone()?)?;
    Some(Value::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;

    fn frame(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
        let mut rows = Rows::default();
        match value {
            Some(value) => rows.put(key, &[value]),
            None => rows.delete(key),
        }
        let mut frame = b"header".to_vec();
        rows.append_to(&mut frame);
        frame
    }

    const START: usize = b"header".len();

    #[test]
    fn a_group_that_was_not_committed_leaves_what_was_before() {
        let mut decided = Decided::within(1024);
        let first = frame(b"head", Some(b"1"));
        decided.take_in(&first, START).unwrap();
        decided.committed(&first);
        let second = frame(b"head", Some(b"2"));
        decided.take_in(&second, START).unwrap();
        let value = |decided: &Decided| decided.value(&second, b"head");
        assert_eq!(value(&decided), Some(Some(Value::from(b"2"))));
        decided.discarded();
        assert_eq!(value(&decided), Some(Some(Value::from(b"1"))));
    }

    #[test]
    fn a_removed_or_grown_row_is_not_remembered_as_it_was() {
        for after in [None, Some([0; 300].as_slice())] {
            let mut decided = Decided::within(1024);
            for frame in [frame(b"head", Some(b"1")), frame(b"head", after)] {
                decided.take_in(&frame, START).unwrap();
                decided.committed(&frame);
            }
            assert_eq!(decided.value(&[], b"head"), None, "the tables know");
        }
    }

    #[test]
    fn more_rows_than_fit_are_forgotten_and_the_newest_are_remembered() {
        let mut decided = Decided::within(4 * REMEMBERED_ROW_BYTES);
        for number in 0..100_u8 {
            let key = |number| [b'h', number];
            let frame = frame(&key(number), Some(b"head"));
            decided.take_in(&frame, START).unwrap();
            decided.committed(&frame);
            let value = |number| decided.value(&[], &key(number));
            assert_eq!(value(number), Some(Some(Value::from(b"head"))));
            let remembered = (0..=number).filter(|&known| value(known).is_some());
            assert!(remembered.count() <= 5);
        }
    }
}
