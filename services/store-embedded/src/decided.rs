//! What the committer knows without asking the tables.

use std::collections::{BTreeMap, HashMap};

use crate::documents::is_never_decided_upon;
use crate::error::Damage;
use crate::rows::Rows;
use crate::tables::Value;

/// Rows remembered after their commit: the heads of documents that are being edited, a few
/// megabytes at most. Beyond it all are forgotten, and found in the tables.
const REMEMBERED_MAX: usize = 16 * 1024;

/// Longest row that is remembered: a head is shorter.
const REMEMBERED_BYTES_MAX: usize = 256;

/// Longest key of a row that is remembered: that of a head. Records, which are written once and
/// hardly ever decided upon, have longer keys.
const REMEMBERED_KEY_BYTES_MAX: usize = 18;

/// Rows decided in the present group, which later decisions of the group must see, and rows of
/// earlier groups that are likely to be looked at again.
///
/// Only the committer writes, so what is remembered cannot be out of date.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    group: BTreeMap<Vec<u8>, Option<Value>>,
    remembered: HashMap<Vec<u8>, Value>,
}

impl Decided {
    /// What is known to be under `key`: `None` if that is unknown, `Some(None)` if nothing is.
    pub(crate) fn value(&self, key: &[u8]) -> Option<Option<Value>> {
        let remembered = || self.remembered.get(key).cloned().map(Some);
        self.group.get(key).cloned().or_else(remembered)
    }

    /// Everything decided in this group for keys that begin with `prefix`.
    pub(crate) fn prefixed<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a Option<Value>)> {
        let from = self.group.range(prefix.to_vec()..);
        let rows = from.map(|(key, value)| (key.as_slice(), value));
        rows.take_while(|(key, _)| key.starts_with(prefix))
    }

    /// Adds the rows of a request to the group.
    pub(crate) fn take_in(&mut self, rows: &Rows) -> Result<(), Damage> {
        for row in rows.iter() {
            let row = row?;
            if is_never_decided_upon(row.key) {
                continue;
            }
            self.group
                .insert(row.key.to_vec(), row.value.map(Value::from));
        }
        Ok(())
    }

    /// The group was committed, and is in the tables.
    pub(crate) fn committed(&mut self) {
        if self.remembered.len() > REMEMBERED_MAX {
            self.remembered.clear();
        }
        for (key, value) in std::mem::take(&mut self.group) {
            match value {
                Some(value)
                    if key.len() <= REMEMBERED_KEY_BYTES_MAX
                        && value.len() <= REMEMBERED_BYTES_MAX =>
                {
                    self.remembered.insert(key, value);
                }
                _ => drop(self.remembered.remove(&key)),
            }
        }
    }

    /// The group was not committed.
    pub(crate) fn discarded(&mut self) {
        self.group.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(key: &[u8], value: Option<&[u8]>) -> Rows {
        let mut rows = Rows::default();
        match value {
            Some(value) => rows.put(key, &[value]),
            None => rows.delete(key),
        }
        rows
    }

    #[test]
    fn a_group_that_was_not_committed_leaves_what_was_before() {
        let mut decided = Decided::default();
        decided.take_in(&rows(b"head", Some(b"1"))).unwrap();
        decided.committed();
        decided.take_in(&rows(b"head", Some(b"2"))).unwrap();
        assert_eq!(decided.value(b"head"), Some(Some(Value::from(b"2"))));
        decided.discarded();
        assert_eq!(decided.value(b"head"), Some(Some(Value::from(b"1"))));
    }

    #[test]
    fn a_removed_or_grown_row_is_not_remembered_as_it_was() {
        for after in [None, Some([0; 300].as_slice())] {
            let mut decided = Decided::default();
            decided.take_in(&rows(b"head", Some(b"1"))).unwrap();
            decided.committed();
            decided.take_in(&rows(b"head", after)).unwrap();
            decided.committed();
            assert_eq!(decided.value(b"head"), None, "the tables know");
        }
    }
}
