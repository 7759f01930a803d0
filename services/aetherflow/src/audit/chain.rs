//! One document's audit log, read from its store in portions and verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use statesync_core::{
    AuditFault, AuditVerifier, Digest, DocumentId, DocumentStore, Record, Since, StoreError,
    Version,
};

/// Entries and records that are read at a time. A record may have megabytes, few have.
const PORTION: usize = 128;

/// What was found out about a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Everything is as it was written, up to this version, which has this hash.
    Whole(Version, Digest),
    /// Something is not: where, and in which way.
    Broken(String),
}

/// Hashes of a document that somebody has kept.
pub(super) type Kept = BTreeMap<Version, Digest>;

/// Why a log was not followed to its end.
#[derive(Debug, thiserror::Error)]
enum Halt {
    #[error(transparent)]
    Fault(#[from] AuditFault),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies the audit log of one document, and every record of it that is still kept. What is written in
/// the meantime is not looked at.
///
/// # Errors
///
/// When it cannot be found out: there is no such document, or the store does not answer.
pub(super) async fn verify(
    store: &dyn DocumentStore,
    id: DocumentId,
    kept: Kept,
) -> Result<Finding, StoreError> {
    let was_there = !kept.is_empty();
    match follow(store, id, kept).await {
        Ok((version, hash)) => Ok(Finding::Whole(version, hash)),
        Err(Halt::Fault(fault)) => Ok(Finding::Broken(fault.to_string())),
        Err(Halt::Store(StoreError::Corrupt { lost, .. })) => {
            Ok(Finding::Broken(format!("damaged in the store: {lost}")))
        }
        Err(Halt::Store(StoreError::NotFound(_))) if was_there => {
            let gone = "the document is gone, a hash was kept of it";
            Ok(Finding::Broken(gone.to_owned()))
        }
        Err(Halt::Store(error)) => Err(error),
    }
}

async fn follow(
    store: &dyn DocumentStore,
    id: DocumentId,
    kept: Kept,
) -> Result<(Version, Digest), Halt> {
    let head = store.head(id).await?;
    let mut verifier = AuditVerifier::new(id).expecting(kept)?;
    while verifier.version() < head.version {
        let after = verifier.version();
        let left = usize::try_from(head.version.0 - after.0).unwrap_or(usize::MAX);
        let entries = store.audit(id, after, left.min(PORTION)).await?;
        if entries.is_empty() {
            break;
        }
        let records = records(store, id, after, after.after(entries.len())).await?;
        for entry in &entries {
            verifier.entry(entry, records.get(&entry.version).map(Arc::as_ref))?;
        }
    }
    let (version, hash) = (verifier.version(), verifier.hash());
    verifier.head(&head)?;
    // The store knows whether there are entries beyond the end, or whether the head has moved on.
    store.audit(id, head.version, 1).await?;
    Ok((version, hash))
}

/// The records after one version, up to another, that are still kept.
async fn records(
    store: &dyn DocumentStore,
    id: DocumentId,
    after: Version,
    last: Version,
) -> Result<BTreeMap<Version, Arc<Record>>, StoreError> {
    let mut after = after;
    while after < last {
        let count = usize::try_from(last.0 - after.0).unwrap_or(usize::MAX);
        match store.since(id, after, count).await? {
            Since::Records(records) => {
                let by_version = records.into_iter().map(|record| (record.version, record));
                return Ok(by_version.collect());
            }
            // Always later than what was asked for: this ends.
            Since::Pruned { oldest } => {
                after = Version(oldest.0.saturating_sub(1)).max(after.next())
            }
        }
    }
    Ok(BTreeMap::new())
}

#[cfg(test)]
mod tests;
