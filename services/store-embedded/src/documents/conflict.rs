//! Conflicts: one row each, and an empty one beside it while it waits.
//!
//! ```text
//!  0  check   8   XXH3-64 of everything after it; context: document, conflict
//!  8  layout  1   1
//!  9  open    1   1 while it waits
//! 10  the conflict, in postcard
//! ```
//!
//! The head has the sum of the checks of all that wait: none of them can be missing, or be an older
//! one, when a document is loaded.

use statesync_core::{Conflict, ConflictId, ConflictQuery, DocumentId, StoreError};

use super::head::Head;
use super::{corrupt, key};
use crate::encoding::{Fields, Malformed};
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::queue::Reads;
use crate::rows::Rows;
use crate::tables::{Lookup, View};

const LAYOUT: u8 = 1;

/// A conflict ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    conflict: ConflictId,
    is_open: bool,
    check: Check,
    pub(super) content: Vec<u8>,
}

impl Encoded {
    /// Of a conflict of `id`.
    pub(super) fn new(id: DocumentId, conflict: &Conflict) -> Result<Self, StoreError> {
        let is_open = conflict.is_open();
        let content = vec![LAYOUT, u8::from(is_open)];
        let content = postcard::to_extend(conflict, content)
            .map_err(|error| StoreError::Backend(Box::new(error)))?;
        Ok(Self {
            conflict: conflict.id,
            is_open,
            check: content_check(id, conflict.id, &content),
            content,
        })
    }

    /// Puts it in the place of what there was of this conflict.
    pub(super) fn write(
        &self,
        id: DocumentId,
        head: &mut Head,
        reads: &Reads<'_>,
        rows: &mut Rows,
    ) -> Result<(), Damage> {
        let row_key = key::conflict(id, self.conflict);
        let mut was_open = false;
        if let Some(row) = reads.value(&row_key)? {
            let present = Row::of(id, self.conflict, &row)?;
            was_open = present.is_open;
            if was_open {
                head.open_conflicts = integrity::sum(head.open_conflicts, present.check);
            }
        }
        if self.is_open {
            head.open_conflicts = integrity::sum(head.open_conflicts, self.check);
        }
        let waiting_key = key::open_conflict(id, self.conflict);
        match (was_open, self.is_open) {
            (false, true) => rows.put(&waiting_key, &[]),
            (true, false) => rows.delete(&waiting_key),
            _ => {}
        }
        rows.put(&row_key, &[&self.check.to_le_bytes(), &self.content]);
        Ok(())
    }
}

/// All that wait, in the order of their ids.
pub(super) fn open(
    view: &View<'_>,
    id: DocumentId,
    head: &Head,
) -> Result<Vec<Conflict>, StoreError> {
    let (mut conflicts, mut sum) = (Vec::new(), 0);
    for row in view.range(key::open_conflicts(id)) {
        let (row_key, _) = row.map_err(|damage| corrupt(id, damage))?;
        let conflict = key::parse_conflict(&row_key).map_err(|bad| corrupt(id, bad))?;
        let row = find(view, id, conflict)?;
        let row = row.ok_or_else(|| lost(id, conflict))?;
        let row = Row::of(id, conflict, &row).map_err(|_| lost(id, conflict))?;
        sum = integrity::sum(sum, row.check);
        conflicts.push(row.conflict().map_err(|_| lost(id, conflict))?);
    }
    if sum == head.open_conflicts {
        Ok(conflicts)
    } else {
        let what = "the open conflicts do not add up to what the head says";
        Err(corrupt(id, what))
    }
}

/// Those that are asked for.
pub(super) fn page(view: &View<'_>, query: &ConflictQuery) -> Result<Vec<Conflict>, StoreError> {
    let id = query.document_id;
    let head = Head::expect(view, id)?;
    if query.open == Some(true) {
        let open = open(view, id, &head)?.into_iter();
        let matching = open.filter(|conflict| query.matches(conflict));
        return Ok(matching.take(query.limit).collect());
    }
    let mut page = Vec::new();
    for row in view.range(key::conflicts_from(id, query.after)) {
        if page.len() >= query.limit {
            break;
        }
        let (row_key, row) = row.map_err(|damage| corrupt(id, damage))?;
        let conflict = key::parse_conflict(&row_key).map_err(|bad| corrupt(id, bad))?;
        let decoded = Row::of(id, conflict, &row).and_then(|row| row.conflict());
        let decoded = decoded.map_err(|_| lost(id, conflict))?;
        if query.matches(&decoded) {
            page.push(decoded);
        }
    }
    Ok(page)
}

/// One of them.
pub(super) fn one(
    view: &View<'_>,
    id: DocumentId,
    conflict: ConflictId,
) -> Result<Option<Conflict>, StoreError> {
    Head::expect(view, id)?;
    let Some(row) = find(view, id, conflict)? else {
        return Ok(None);
    };
    let decoded = Row::of(id, conflict, &row).and_then(|row| row.conflict());
    decoded.map(Some).map_err(|_| lost(id, conflict))
}

fn find(
    view: &View<'_>,
    id: DocumentId,
    conflict: ConflictId,
) -> Result<Option<crate::tables::Value>, StoreError> {
    let row = view.value(&key::conflict(id, conflict));
    row.map_err(|damage| corrupt(id, damage))
}

fn lost(id: DocumentId, conflict: ConflictId) -> StoreError {
    corrupt(id, format!("conflict {conflict}"))
}

/// A row as it was written.
struct Row<'a> {
    check: Check,
    is_open: bool,
    postcard: &'a [u8],
}

impl<'a> Row<'a> {
    fn of(id: DocumentId, conflict: ConflictId, row: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(row, "conflict");
        let malformed = fields.malformed();
        let check = fields.u64()?;
        if check != content_check(id, conflict, fields.clone().rest()) || fields.u8()? != LAYOUT {
            return Err(malformed);
        }
        Ok(Self {
            check,
            is_open: fields.u8()? != 0,
            postcard: fields.rest(),
        })
    }

    fn conflict(&self) -> Result<Conflict, Malformed> {
        match postcard::take_from_bytes(self.postcard) {
            Ok((conflict, [])) => Ok(conflict),
            _ => Err(Malformed { what: "conflict" }),
        }
    }
}

fn content_check(id: DocumentId, conflict: ConflictId, content: &[u8]) -> Check {
    integrity::check(&[id.0.as_bytes(), conflict.0.as_bytes()], content)
}

#[cfg(test)]
mod tests {
    use guuid::Guuid;
    use statesync_core::{Disagreement, PolicyName, Timestamp};

    use super::*;

    #[test]
    fn a_conflict_comes_back_and_any_flipped_bit_or_cut_is_noticed() {
        let id = DocumentId(Guuid::now());
        let conflict = Conflict {
            id: ConflictId(Guuid::now()),
            document_id: id,
            detected_at: Timestamp(1),
            about: vec![Disagreement::Text],
            operations: Vec::new(),
            policy: PolicyName::Custom("vote".to_owned()),
            outcome: None,
        };
        let encoded = Encoded::new(id, &conflict).unwrap();
        let row = [&encoded.check.to_le_bytes(), encoded.content.as_slice()].concat();
        let read = |row: &[u8]| Row::of(id, conflict.id, row).and_then(|row| row.conflict());
        assert_eq!(read(&row).unwrap(), conflict);
        for place in 0..row.len() * 8 {
            let mut altered = row.clone();
            altered[place / 8] ^= 1 << (place % 8);
            assert!(read(&altered).is_err(), "bit {place}");
        }
        for length in 0..row.len() {
            assert!(read(&row[..length]).is_err(), "cut at {length}");
        }
        let other = ConflictId(Guuid::now());
        assert!(Row::of(id, other, &row).is_err(), "of another conflict");
    }
}
