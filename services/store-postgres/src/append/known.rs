//! Heads as this process wrote them last.
//!
//! Most appends change nothing in the head but its version, who, when, and the hash of the audit log. A
//! head that this process wrote, and whose version is still the same, is known without asking, because
//! every change makes a new version: then its name, permissions and the like are neither compared nor
//! written again.

use std::collections::HashMap;

use statesync_core::{Append, Document, DocumentId, Version};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Heads that are remembered, some hundred kilobytes at most. Beyond it all are forgotten.
const REMEMBERED_MAX: usize = 4 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Known {
    heads: HashMap<DocumentId, (Version, Description)>,
    /// Nobody can choose two descriptions that are the same here.
    seed: u64,
}

/// What a head says apart from what every append changes, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Description(u128);

impl Default for Known {
    fn default() -> Self {
        Self {
            heads: HashMap::new(),
            seed: rand::random(),
        }
    }
}

impl Known {
    /// What the head of an append says, if that can be told.
    pub(super) fn description(&self, append: &Append) -> Option<Description> {
        let Document {
            id: _,
            name,
            kind,
            state,
            version: _,
            created_by,
            created_at,
            updated_by: _,
            updated_at: _,
            metadata,
            policy,
            audit: _,
        } = &append.document;
        let described = (name, kind, state, created_by, created_at, metadata, policy);
        let bytes = postcard::to_allocvec(&described).ok()?;
        Some(Description(xxh3_128_with_seed(&bytes, self.seed)))
    }

    /// Whether the append leaves all of that as it is. To be believed if the log ends where the append
    /// expects it to.
    pub(super) fn is_described(&self, append: &Append, description: Description) -> bool {
        self.heads.get(&append.document.id) == Some(&(append.expected, description))
    }

    /// Notes a head that was written.
    pub(super) fn note(&mut self, append: &Append, description: Description) {
        let document = &append.document;
        let is_new = !self.heads.contains_key(&document.id);
        if is_new && self.heads.len() >= REMEMBERED_MAX {
            self.heads.clear();
        }
        let known = (document.version, description);
        self.heads.insert(document.id, known);
    }
}

#[cfg(test)]
mod tests {
    use statesync_core::testkit;

    use super::*;

    #[test]
    fn a_head_is_known_at_its_version_and_as_it_was_written() {
        let mut known = Known::default();
        let mut document = testkit::new_document("alice");
        let mut next = || testkit::append_to(&mut document, &[b"record"]);
        let (first, second, third) = (next(), next(), next());
        let said = known.description(&first).unwrap();
        assert!(!known.is_described(&first, said), "nothing was written yet");
        known.note(&first, said);
        assert!(known.is_described(&second, said));
        assert!(
            !known.is_described(&third, said),
            "somebody else wrote the second"
        );
        known.note(&second, said);
        assert!(known.is_described(&third, said));
        let mut renamed = third.clone();
        renamed.document.name = "Other".to_owned();
        let says_otherwise = known.description(&renamed).unwrap();
        assert!(!known.is_described(&renamed, says_otherwise));
    }
}
