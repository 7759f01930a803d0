//! How processes that serve the same documents hear of each other.

use crate::identity::{DocumentId, Version};

/// "This document is at this version." Hints may be lost, doubled, late, or wrong: whoever gets one
/// looks into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Which document.
    pub document_id: DocumentId,
    /// The version that it has reached.
    pub version: Version,
}

/// Carries hints to the other processes. What arrives from them goes to
/// [`Library::on_hint`](crate::Library::on_hint).
pub trait Bus: Send + Sync + 'static {
    /// Sends a hint. Must not wait: what cannot be sent at once is left out.
    fn announce(&self, hint: Hint);
}

/// For a process that serves its documents alone, or finds out about others by asking the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBus;

impl Bus for NoBus {
    fn announce(&self, _: Hint) {}
}
