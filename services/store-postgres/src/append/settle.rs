//! What became of a commit whose answer was lost.

use statesync_core::Append;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::rows::{Columns, bigint};
use crate::transaction::{Statement, Transactions};

/// Whether the append is in the log.
///
/// The head was locked by the attempt until it ended, whichever way: once this has the lock, there is
/// nothing still on its way. The audit log tells, because it is never pruned, and the hash of its
/// entry is about everything in the append: no other append ends in the same one.
pub(super) async fn is_written(
    transactions: &Transactions,
    append: &Append,
) -> Result<bool, Failure> {
    let Some(last) = append.audit.last() else {
        return Ok(false);
    };
    let id = append.document.id;
    let (uuid, version) = (id.0.to_uuid(), bigint(last.version));
    let lock = Statement::new(LOCK_HEAD, [(&uuid, Type::UUID)]);
    let entry = Statement::new(ENTRY, [(&uuid, Type::UUID), (&version, Type::INT8)]);
    let answers = transactions.write([lock, entry]).await;
    let [_, entry] = answers.map_err(|failure| match failure {
        // Nothing new is in doubt: the question is asked again.
        Failure::Doubtful(reason) => Failure::Lost(reason),
        other => other,
    })?;
    let Some(row) = entry.first() else {
        return Ok(false);
    };
    let hash = Columns::of(row, id, "audit entry").get::<&[u8]>("hash")?;
    Ok(hash == last.hash.0)
}

const LOCK_HEAD: &str = "SELECT version FROM documents WHERE id = $1 FOR UPDATE";
const ENTRY: &str = "SELECT hash FROM audit WHERE document_id = $1 AND version = $2";
