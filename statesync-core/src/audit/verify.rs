//! Whether an audit log is what it was: its chain from the first entry to the head, entry by entry, and the
//! records that are still kept.
//!
//! A chain shows that something in it was changed. It does not show that its end was cut off, or that all
//! of it was written anew by somebody who can write everything: for that, somebody has to have kept an
//! earlier hash elsewhere ([`AuditVerifier::expecting`]).

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{AuditEntry, Digest, genesis};
use crate::document::Document;
use crate::identity::{DocumentId, Version};
use crate::record::Record;

/// Follows the audit log of one document.
///
/// Hand in every entry in order, with its record where that is still kept, then the head:
///
/// ```
/// use statesync_core::{AuditVerifier, DocumentStore, MemoryStore, Version, testkit};
///
/// # futures::executor::block_on(async {
/// let store = MemoryStore::new();
/// let mut document = testkit::new_document("alice");
/// store.create(&document).await?;
/// store.append(testkit::append_to(&mut document, &[b"an edit"])).await?;
///
/// let mut verifier = AuditVerifier::new(document.id);
/// for entry in store.audit(document.id, Version::ZERO, 100).await? {
///     verifier.entry(&entry, None)?;
/// }
/// verifier.head(&store.head(document.id).await?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct AuditVerifier {
    document: DocumentId,
    version: Version,
    hash: Digest,
    /// What is still to be met.
    expected: BTreeMap<Version, Digest>,
}

/// Where an audit log is not what it was, and in which way. Nothing after it can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// Another entry follows.
    #[error("version {expected}: the entry is missing, that of version {found} follows")]
    Missing {
        /// Version of the entry that has to be there.
        expected: Version,
        /// Version of the one that is.
        found: Version,
    },
    /// An entry does not follow from the one before.
    #[error("version {0}: the entry was changed, or the one before it")]
    Entry(Version),
    /// A record is not the one of which the entry was made.
    #[error("version {0}: the record was changed, its audit entry says otherwise")]
    Record(Version),
    /// The log ends elsewhere than the head says.
    #[error("version {head}: the head is there, the audit log ends at version {end}")]
    End {
        /// Version of the head.
        head: Version,
        /// Version of the last entry.
        end: Version,
    },
    /// The head has another hash than the last entry.
    #[error("version {0}: the head has another hash than the last entry")]
    Head(Version),
    /// The hash is not the one that somebody has kept.
    #[error("version {version}: the hash is {found}, not {expected} as expected")]
    Unexpected {
        /// At which version.
        version: Version,
        /// What was kept.
        expected: Digest,
        /// What the log has.
        found: Digest,
    },
    /// The log ends before a version whose hash somebody has kept.
    #[error("version {version}: a hash was kept of it, the audit log ends at version {end}")]
    Cut {
        /// Of which version.
        version: Version,
        /// Version of the last entry.
        end: Version,
    },
}

impl AuditVerifier {
    /// Begins before the first entry.
    #[must_use]
    pub fn new(document: DocumentId) -> Self {
        Self {
            document,
            version: Version::ZERO,
            hash: genesis(),
            expected: BTreeMap::new(),
        }
    }

    /// The same, of a log that has to have these hashes at these versions: somebody has kept them.
    ///
    /// # Errors
    ///
    /// [`AuditFault::Unexpected`] when the hash of version zero is not that of every empty log.
    pub fn expecting(mut self, kept: BTreeMap<Version, Digest>) -> Result<Self, AuditFault> {
        self.expected = kept;
        self.meet()?;
        Ok(self)
    }

    /// Version of the last entry.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Hash of the last entry.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// Takes the next entry, with its record if that is still kept.
    ///
    /// # Errors
    ///
    /// See [`AuditFault`].
    pub fn entry(&mut self, entry: &AuditEntry, record: Option<&Record>) -> Result<(), AuditFault> {
        let expected = self.version.next();
        if entry.version != expected {
            let found = entry.version;
            return Err(AuditFault::Missing { expected, found });
        }
        if !entry.follows(self.document, self.hash) {
            return Err(AuditFault::Entry(expected));
        }
        let of_record = |record| AuditEntry::of(self.document, self.hash, record);
        if record.is_some_and(|record| of_record(record) != *entry) {
            return Err(AuditFault::Record(expected));
        }
        (self.version, self.hash) = (expected, entry.hash);
        self.meet()
    }

    /// Whether the log ends as the head says, and has every hash that was kept.
    ///
    /// # Errors
    ///
    /// See [`AuditFault`].
    pub fn head(self, head: &Document) -> Result<(), AuditFault> {
        let end = self.version;
        if head.version != end {
            let head = head.version;
            return Err(AuditFault::End { head, end });
        }
        if head.audit != self.hash {
            return Err(AuditFault::Head(end));
        }
        match self.expected.first_key_value() {
            None => Ok(()),
            Some((&version, _)) => Err(AuditFault::Cut { version, end }),
        }
    }

    /// Compares with what was kept of the present version.
    fn meet(&mut self) -> Result<(), AuditFault> {
        let (version, found) = (self.version, self.hash);
        match self.expected.remove(&version) {
            Some(expected) if expected != found => Err(AuditFault::Unexpected {
                version,
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }
}

/// A text is not a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let mut digest = Self::default();
        if text.len() != 2 * digest.0.len() {
            return Err(InvalidDigest);
        }
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidDigest);
        for (byte, digits) in digest.0.iter_mut().zip(text.as_bytes().chunks(2)) {
            let value = digit(digits[0])? * 16 + digit(digits[1])?;
            *byte = u8::try_from(value).map_err(|_| InvalidDigest)?;
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests;
