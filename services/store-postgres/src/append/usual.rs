//! Usual appends: they change nothing but the log, and in a head what every append changes.
//!
//! All of a group are one call of a function that the database has (`migrations/0003_append.sql`): it
//! locks, looks, writes, and with the `COMMIT` behind it that is one round trip. If anything is not as
//! usual it writes nothing, and `group` takes its time to find out what it is.

use std::sync::Arc;

use statesync_core::{Append, AuditEntry, Record};

use super::columns::UsualColumns;
use crate::failure::Failure;
use crate::transaction::Transactions;

/// Whether an append asks for nothing else, if its head is known to be as the append has it.
pub(super) fn is_usual(append: &Append) -> bool {
    let relies_on_a_lock = |record: &Arc<Record>| record.terms.fence.is_some();
    append.conflicts.is_empty()
        && append.settled.is_empty()
        && !append.records.iter().any(relies_on_a_lock)
        && append.records.len() == append.audit.len()
        && std::iter::zip(&append.records, &append.audit)
            .all(|(record, entry)| is_of(entry, record))
}

/// Whether all that an entry says apart from its hashes is what the record says.
fn is_of(entry: &AuditEntry, record: &Record) -> bool {
    entry.version == record.version
        && entry.operation_id == record.operation_id
        && entry.user_id == record.author.user_id
        && entry.timestamp == record.timestamp
        && entry.kind == record.change.kind()
}

/// Commits all of them, each of another document, and says whether it did: if not, nothing was written.
pub(super) async fn commit(
    transactions: &Transactions,
    appends: &[Arc<Append>],
) -> Result<bool, Failure> {
    let mut columns = UsualColumns::default();
    for append in appends {
        columns.add(append);
    }
    let [answer] = transactions.write([columns.call()]).await?;
    let written = answer.first().map(|row| row.try_get::<_, bool>("written"));
    let missing = || Failure::Doubtful("the database does not say whether it wrote".to_owned());
    written.and_then(Result::ok).ok_or_else(missing)
}
