//! The audit log: what was done, by whom and when, in a chain of hashes that shows any change.
//!
//! Every record has an entry, of the same atomic write. Entries stay when old records are pruned:
//! they hold a digest of what was done, not the thing itself.

mod verify;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::identity::{DocumentId, OperationId, Timestamp, UserId, Version};
use crate::operation::OperationKind;
use crate::record::Record;

pub use verify::{AuditFault, AuditVerifier, InvalidDigest};

/// A SHA-256 (FIPS 180-4).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Version of the record.
    pub version: Version,
    /// Name of the record.
    pub operation_id: OperationId,
    /// Who did it.
    pub user_id: UserId,
    /// When.
    pub timestamp: Timestamp,
    /// What kind of thing.
    pub kind: OperationKind,
    /// Of the record's body.
    pub digest: Digest,
    /// Of the previous entry's hash and everything above.
    pub hash: Digest,
}

impl AuditEntry {
    /// The entry of `record`, after one with this hash. The first one follows [`genesis`].
    #[must_use]
    pub fn of(document: DocumentId, previous: Digest, record: &Record) -> Self {
        let mut entry = Self {
            version: record.version,
            operation_id: record.operation_id,
            user_id: record.author.user_id.clone(),
            timestamp: record.timestamp,
            kind: record.change.kind(),
            digest: record.digest(),
            hash: Digest::default(),
        };
        entry.hash = entry.hash_after(document, previous);
        entry
    }

    /// Whether it is what it was when it was written after an entry with this hash.
    #[must_use]
    pub fn follows(&self, document: DocumentId, previous: Digest) -> bool {
        self.hash_after(document, previous) == self.hash
    }

    fn hash_after(&self, document: DocumentId, previous: Digest) -> Digest {
        let user = self.user_id.as_str().as_bytes();
        let mut hash = Sha256::new();
        hash.update(previous.0);
        hash.update(document.0.as_bytes());
        hash.update(self.version.0.to_be_bytes());
        hash.update(self.operation_id.0.as_bytes());
        hash.update(self.timestamp.0.to_be_bytes());
        hash.update(self.digest.0);
        // The only parts without a fixed length: the second one ends the message.
        hash.update((user.len() as u64).to_be_bytes());
        hash.update(user);
        hash.update(self.kind.as_str());
        Digest(hash.finalize().into())
    }
}

/// The hash that a document's chain begins with.
#[must_use]
pub fn genesis() -> Digest {
    Digest::default()
}
