//! Rows to write: what a commit consists of, in the log and on its way into the tables.
//!
//! ```text
//! commit   step, step, ...                       one step for each request of the group
//! step     count u32, then so many rows
//! row      1 u8, key length u16, value length u32, key, value      put
//!          2 u8, key length u16, key                               delete
//! ```

use crate::encoding::{Fields, Malformed};

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// The rows of one request.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    count: u32,
}

impl Rows {
    /// Writes `parts`, joined, under `key`. A key occurs at most once in the rows of a request.
    pub(crate) fn put(&mut self, key: &[u8], parts: &[&[u8]]) {
        let value_length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.reserve(7 + key.len() + value_length);
        self.bytes.push(PUT);
        self.bytes.extend((key.len() as u16).to_le_bytes());
        self.bytes.extend((value_length as u32).to_le_bytes());
        self.bytes.extend(key);
        parts
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        self.count += 1;
    }

    /// Removes what is under `key`.
    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.bytes.push(DELETE);
        self.bytes.extend((key.len() as u16).to_le_bytes());
        self.bytes.extend(key);
        self.count += 1;
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets everything, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// Adds them as one step to a commit.
    pub(crate) fn append_to(&self, commit: &mut Vec<u8>) {
        commit.extend(self.count.to_le_bytes());
        commit.extend_from_slice(&self.bytes);
    }
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// Where.
    pub(crate) key: &'a [u8],
    /// What; `None` deletes.
    pub(crate) value: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        let kind = fields.u8()?;
        let key_length = usize::from(fields.u16()?);
        match kind {
            PUT => {
                let value_length = fields.u32()? as usize;
                let key = fields.bytes(key_length)?;
                Ok(Self {
                    key,
                    value: Some(fields.bytes(value_length)?),
                })
            }
            DELETE => Ok(Self {
                key: fields.bytes(key_length)?,
                value: None,
            }),
            _ => Err(fields.malformed()),
        }
    }
}

/// Walks over the steps of a commit; `visit` gets the number of the step with each row.
pub(crate) fn walk<'a>(
    commit: &'a [u8],
    mut visit: impl FnMut(u64, Row<'a>),
) -> Result<(), Malformed> {
    let mut fields = Fields::of(commit, "commit");
    let mut step = 0;
    while !fields.is_empty() {
        for _ in 0..fields.u32()? {
            visit(step, Row::decode(&mut fields)?);
        }
        step += 1;
    }
    Ok(())
}

/// Where in `whole` its part `part` begins.
pub(crate) fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_with_their_step() {
        let mut commit = Vec::new();
        let mut rows = Rows::default();
        rows.put(b"a", &[b"1", b"", b"23"]);
        rows.delete(b"b");
        rows.append_to(&mut commit);
        rows.clear();
        rows.put(b"", &[]);
        rows.append_to(&mut commit);

        let mut seen = Vec::new();
        walk(&commit, |step, row| seen.push((step, row))).unwrap();
        let put = |key, value| Row {
            key,
            value: Some(value),
        };
        let deleted = Row {
            key: b"b".as_slice(),
            value: None,
        };
        assert_eq!(
            seen,
            [
                (0, put(b"a", b"123".as_slice())),
                (0, deleted),
                (1, put(b"", b""))
            ]
        );
    }

    #[test]
    fn a_cut_or_altered_commit_is_malformed_and_never_panics() {
        let mut commit = Vec::new();
        let mut rows = Rows::default();
        rows.put(b"key", &[b"value"]);
        rows.append_to(&mut commit);
        for length in 1..commit.len() {
            assert!(
                walk(&commit[..length], |_, _| ()).is_err(),
                "cut at {length}"
            );
        }
        for place in 0..commit.len() {
            for bit in 0..8 {
                let mut altered = commit.clone();
                altered[place] ^= 1 << bit;
                // Whether it still reads as rows is not its business: checksums are above it.
                let _ = walk(&altered, |_, _| ());
            }
        }
    }
}
