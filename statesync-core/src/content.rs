//! What is written in a document, in memory: a Yjs document behind four verbs.
//!
//! [`Content::apply`] takes one update of an editor, [`Content::snapshot`] and
//! [`Content::restore`] carry all of it to the store and back, [`Content::read`] and
//! [`Content::difference`] answer readers. Nothing here is asynchronous and nothing is stored.

mod nesting;
mod reading;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use yrs::error::UpdateError;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, IdSet, OffsetKind, Options, ReadTxn, StateVector, Transact, TransactionMut, Update,
    WriteTxn,
};

use crate::document::DocumentType;
use nesting::Nesting;
use wire::{Run, check_state_vector, read_update};

pub use reading::Reading;

/// Name of the Yjs text of a plain-text document.
pub const TEXT_ROOT: &str = "content";

/// Name of the Yjs XML fragment of a rich-text document: TipTap's default.
pub const RICHTEXT_ROOT: &str = "default";

/// Memory that an open document takes for each byte of its encoded content. Measured with yrs
/// 0.28 on recorded editing sessions: 9.9 (automerge-paper) to 15 (sveltecomponent).
const MEMORY_PER_ENCODED_BYTE: usize = 12;

/// Memory of an open document that is empty.
const MEMORY_BASE: usize = 8 * 1024;

/// Most clients that one edit may carry changes of. yrs finds clients by their ids, unhashed, so
/// that somebody who chooses the ids makes it compare each with each: 4,096 such take 0.2 s,
/// 32,768 would take 8 s (measured with yrs 0.28). Snapshots may have more.
const EDIT_CLIENTS_MAX: usize = 4_096;

/// The content of one open document.
pub struct Content {
    document: Doc,
    nesting: Nesting,
    /// The runs of the update that is being taken in; kept for its memory.
    runs: Vec<Run>,
    /// Encoded size of the last snapshot and of all updates since: an upper estimate that needs
    /// no encoding.
    encoded_bytes: usize,
}

/// What an update did to the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Something is new.
    Changed,
    /// Everything in it was known already.
    Unchanged,
}

/// An update that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The sender's bytes are not an update. The content is as it was.
    #[error("not a Yjs update: {0}")]
    Malformed(String),
    /// The sender's update cannot be joined to this content, which may be half changed now: it
    /// has to be thrown away and loaded again.
    #[error("the update does not fit this document: {0}")]
    Unfit(String),
}

impl Content {
    /// Content of a new document.
    #[must_use]
    pub fn empty() -> Self {
        let options = Options {
            // Lengths in Yjs are counted as JavaScript counts them.
            offset_kind: OffsetKind::Utf16,
            // Editors clear away formats that have no effect any more. Here it would be a change
            // that is in no record: the content is what the log adds up to, nothing else.
            cleanup_formatting: false,
            ..Options::default()
        };
        Self {
            document: Doc::with_options(options),
            nesting: Nesting::default(),
            runs: Vec::new(),
            encoded_bytes: 0,
        }
    }

    /// Content from what [`Content::snapshot`] made.
    ///
    /// # Errors
    ///
    /// When the bytes are not a snapshot.
    pub fn restore(snapshot: &[u8]) -> Result<Self, ContentError> {
        let mut content = Self::empty();
        content.take_in(snapshot, usize::MAX)?;
        content.encoded_bytes = snapshot.len();
        Ok(content)
    }

    /// Takes in one update, in encoding version 1. Updates may come twice and in any order; one
    /// whose predecessors are missing waits inside, and is part of snapshots meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ContentError`]: after `Unfit` this content must not be used any more.
    pub fn apply(&mut self, update: &[u8]) -> Result<Applied, ContentError> {
        self.take_in(update, EDIT_CLIENTS_MAX)
    }

    fn take_in(&mut self, update: &[u8], clients_max: usize) -> Result<Applied, ContentError> {
        self.runs.clear();
        read_update(update, clients_max, &mut self.runs)?;
        // The decoder and the integration meet bytes that a stranger chose: should they ever
        // panic, this document's owner goes on, with content loaded afresh.
        let decoded = catch_unwind(|| Update::decode_v1(update))
            .map_err(|_| ContentError::Malformed("the decoder gave up".to_owned()))?
            .map_err(|error| ContentError::Malformed(error.to_string()))?;
        self.nesting.admit(&mut self.runs).map_err(|_misplaced| {
            ContentError::Unfit("its types are nested too deep, or in two places".to_owned())
        })?;
        let applied = self.integrate(decoded)?;
        if applied == Applied::Changed {
            self.encoded_bytes += update.len();
        }
        Ok(applied)
    }

    fn integrate(&self, update: Update) -> Result<Applied, ContentError> {
        let mut transaction = self.document.transact_mut();
        let integrated = catch_unwind(AssertUnwindSafe(|| {
            let waiting_before = waiting(&transaction);
            transaction.apply_update(update)?;
            try_again(&mut transaction)?;
            transaction.commit();
            let known = transaction.insert_set().is_empty()
                && transaction.delete_set().is_empty()
                && waiting(&transaction) == waiting_before;
            Ok::<_, UpdateError>(if known {
                Applied::Unchanged
            } else {
                Applied::Changed
            })
        }));
        // To drop a transaction is to commit it, which may panic when what came before it did.
        // During unwinding that would be the end of the process, so it is done here.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(transaction)));
        match (integrated, dropped) {
            (Ok(Ok(applied)), Ok(())) => Ok(applied),
            (Ok(Err(error)), _) => Err(ContentError::Unfit(error.to_string())),
            _ => Err(ContentError::Unfit("integration gave up".to_owned())),
        }
    }

    /// All of it, as one update: also what waits for missing predecessors.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let transaction = self.document.transact();
        transaction
            .encode_state_as_update_v1(&StateVector::default())
            .into()
    }

    /// Whether bytes that [`Content::snapshot`] made can be read again, as far as that can be seen
    /// without building the content a second time.
    pub(crate) fn is_readable(snapshot: &[u8]) -> bool {
        read_update(snapshot, usize::MAX, &mut Vec::new()).is_ok()
    }

    /// Notes that a snapshot of `bytes` bytes now stands for everything so far.
    pub fn on_snapshot(&mut self, bytes: usize) {
        self.encoded_bytes = bytes;
    }

    /// What this content has, for a peer to compare with: an encoded Yjs state vector.
    #[must_use]
    pub fn state_vector(&self) -> Bytes {
        self.document.transact().state_vector().encode_v1().into()
    }

    /// Everything that a peer with this encoded state vector lacks, as one update.
    ///
    /// # Errors
    ///
    /// [`ContentError::Malformed`] when the bytes are not a state vector.
    pub fn difference(&self, state_vector: &[u8]) -> Result<Bytes, ContentError> {
        check_state_vector(state_vector)?;
        let known = StateVector::decode_v1(state_vector)
            .map_err(|error| ContentError::Malformed(error.to_string()))?;
        Ok(self
            .document
            .transact()
            .encode_state_as_update_v1(&known)
            .into())
    }

    /// The content for readers without Yjs.
    #[must_use]
    pub fn read(&self, kind: DocumentType) -> Reading {
        Reading::of(&self.document, kind)
    }

    /// Upper estimate of the content's encoded size, in bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        self.encoded_bytes
    }

    /// Estimated memory that it takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        MEMORY_BASE + self.encoded_bytes * MEMORY_PER_ENCODED_BYTE
    }
}

/// Tries once more to integrate what waits. yrs does so by itself, but looks only at how far it
/// has heard of each client, and so overlooks that a gap in between was filled.
fn try_again(transaction: &mut TransactionMut<'_>) -> Result<(), UpdateError> {
    /// One attempt integrates everything that can be, in the order that it takes; a second one
    /// has to follow only if a deletion waited for that.
    const ATTEMPTS: usize = 3;
    for _ in 0..ATTEMPTS {
        let before = waiting(transaction);
        let Some(waiting_update) = transaction.prune_pending() else {
            return Ok(());
        };
        transaction.apply_update(waiting_update)?;
        if waiting(transaction) == before {
            return Ok(());
        }
    }
    Ok(())
}

/// What waits for its predecessors: elements, and deletions.
fn waiting(transaction: &TransactionMut<'_>) -> (Option<IdSet>, Option<IdSet>) {
    let store = ReadTxn::store(transaction);
    let elements = store
        .pending_update()
        .map(|pending| pending.update.insertions(true));
    (elements, store.pending_ds().cloned())
}

#[cfg(test)]
mod tests;
