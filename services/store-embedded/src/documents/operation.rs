//! Operations by the names that their authors gave them.
//!
//! ```text
//!  0  check    8   XXH3-64 of the version; context: document, operation
//!  8  version  8   u64
//! ```
//!
//! A name is deleted with its record. One that stayed, because its record could not be read when it
//! was pruned, points to a version that is gone, and counts for nothing.

use statesync_core::{DocumentId, OperationId, Record, StoreError, Version};

use super::head::Head;
use super::record::{self, Linked};
use super::{corrupt, key};
use crate::encoding::{Fields, Malformed};
use crate::error::Damage;
use crate::integrity::{self, Check};
use crate::rows::Rows;
use crate::tables::{Lookup, View};

/// Puts a name under its key.
pub(super) fn write(id: DocumentId, operation: OperationId, version: Version, rows: &mut Rows) {
    let check = content_check(id, operation, version).to_le_bytes();
    let version = version.0.to_le_bytes();
    rows.put(&key::operation(id, operation), &[&check, &version]);
}

/// The version of the operation of this name, if the log has it.
pub(super) fn find(
    lookup: &impl Lookup,
    id: DocumentId,
    head: &Head,
    operation: OperationId,
) -> Result<Option<Version>, Damage> {
    let Some(row) = lookup.value(&key::operation(id, operation))? else {
        return Ok(None);
    };
    let version = decode(id, operation, &row)?;
    Ok((version > head.pruned_through).then_some(version))
}

/// Its record.
pub(super) fn record(
    view: &View<'_>,
    id: DocumentId,
    operation: OperationId,
) -> Result<Option<Record>, StoreError> {
    let head = Head::expect(view, id)?;
    let found = find(view, id, &head, operation).map_err(|damage| corrupt(id, damage))?;
    let Some(version) = found else {
        return Ok(None);
    };
    let lost = || corrupt(id, format!("1 records: versions {version}"));
    let row = view.value(&key::record(id, version)).map_err(|_| lost())?;
    let linked = row.map(|row| Linked::decode(id, version, &row));
    let Some(Ok(Linked { record, .. })) = linked else {
        return Err(lost());
    };
    if record.terms.operation_id == Some(operation) && record.operation_id == operation {
        Ok(Some(record))
    } else {
        Err(corrupt(id, format!("operation {operation} is another one")))
    }
}

/// Which of the next `records_max` records that are to be pruned have a name.
///
/// Records that cannot be read are left out: damage to what is to be forgotten is no reason to keep
/// it.
pub(super) fn names_to_prune(
    view: &View<'_>,
    id: DocumentId,
    head: &Head,
    through: Version,
    records_max: u64,
) -> Vec<(Version, OperationId)> {
    let first = head.pruned_through.next();
    let last = Version(head.pruned_through.0.saturating_add(records_max));
    let last = last.min(through).min(head.version);
    if first > last {
        return Vec::new();
    }
    let rows = view.range(key::record(id, first)..=key::record(id, last));
    let named = rows.map_while(Result::ok).filter_map(|(row_key, row)| {
        let version = key::parse_version(&row_key).ok()?;
        Some((version, record::name(&row)?))
    });
    named.collect()
}

fn decode(id: DocumentId, operation: OperationId, row: &[u8]) -> Result<Version, Malformed> {
    let mut fields = Fields::of(row, "name of an operation");
    let (check, version) = (fields.u64()?, Version(fields.u64()?));
    fields.end()?;
    if check == content_check(id, operation, version) {
        Ok(version)
    } else {
        Err(fields.malformed())
    }
}

fn content_check(id: DocumentId, operation: OperationId, version: Version) -> Check {
    let context: [&[u8]; 2] = [id.0.as_bytes(), operation.0.as_bytes()];
    integrity::check(&context, &version.0.to_le_bytes())
}
