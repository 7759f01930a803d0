//! What is written in a text or rich text, in memory: a Yjs document behind four verbs.
//!
//! [`YjsContent::apply`] takes one update of an editor, [`YjsContent::snapshot`] and
//! [`YjsContent::restore`] carry all of it to the store and back, [`YjsContent::read`] and
//! [`YjsContent::difference`] answer readers. Nothing here is asynchronous and nothing is stored.

mod backlog;
mod intake;
mod outline;
mod reading;
mod typed;
mod wire;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use yrs::error::UpdateError;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{ClientID, Doc, OffsetKind, Options, ReadTxn, StateVector, Transact, Update};

use crate::content::Reading;
use crate::document::DocumentType;
use backlog::Backlog;
use intake::{Intake, Misplaced, Plan};
use outline::Outline;
use wire::{Outlined, check_state_vector, read_number, read_update, write_number};

pub(crate) use typed::EditFault;

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
pub struct YjsContent {
    document: Doc,
    /// Whether the client id of `document` was given, and is not one by chance.
    has_writer: bool,
    outline: Outline,
    backlog: Backlog,
    intake: Intake,
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

impl YjsContent {
    /// Content of a new document.
    #[must_use]
    pub fn empty() -> Self {
        Self::written_by(None)
    }

    /// The same, to which typed operations are written by the Yjs client of this id. No other copy of
    /// this document may write as that client.
    #[must_use]
    pub fn with_writer(client: u64) -> Self {
        Self::written_by(Some(ClientID::new(client)))
    }

    fn written_by(client: Option<ClientID>) -> Self {
        let options = Options {
            // Lengths in Yjs are counted as JavaScript counts them.
            offset_kind: OffsetKind::Utf16,
            // Editors clear away formats that have no effect any more. Here it would be a change
            // that is in no record: the content is what the log adds up to, nothing else.
            cleanup_formatting: false,
            ..client.map_or_else(Options::default, Options::with_client_id)
        };
        Self {
            document: Doc::with_options(options),
            has_writer: client.is_some(),
            outline: Outline::default(),
            backlog: Backlog::default(),
            intake: Intake::default(),
            encoded_bytes: 0,
        }
    }

    /// Sees to it that typed operations can be written: as the Yjs client of this id, unless there is
    /// one already. No other copy of this document may write as that client.
    pub(crate) fn ensure_writer(&mut self, client: u64) -> Result<(), ContentError> {
        if !self.has_writer {
            // Yjs has no way to give a document another client.
            *self = Self::with_writer(client).restored(&self.snapshot())?;
        }
        Ok(())
    }

    /// Content from what [`YjsContent::snapshot`] made.
    ///
    /// # Errors
    ///
    /// When the bytes are not a snapshot.
    pub fn restore(snapshot: &[u8]) -> Result<Self, ContentError> {
        Self::empty().restored(snapshot)
    }

    /// This, empty so far, with everything of a snapshot.
    pub(crate) fn restored(mut self, snapshot: &[u8]) -> Result<Self, ContentError> {
        let content = &mut self;
        for part in parts(snapshot)? {
            content.take_in(part, usize::MAX)?;
        }
        // What comes next is small beside a snapshot.
        content.intake = Intake::default();
        content.outline.shrink();
        content.encoded_bytes = snapshot.len();
        Ok(self)
    }

    /// Takes in one update, in encoding version 1. Updates may come twice and in any order; what
    /// lacks its predecessors waits inside, and is part of snapshots meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ContentError`]: after `Unfit` this content must not be used any more.
    pub fn apply(&mut self, update: &[u8]) -> Result<Applied, ContentError> {
        self.take_in(update, EDIT_CLIENTS_MAX)
    }

    fn take_in(&mut self, update: &[u8], clients_max: usize) -> Result<Applied, ContentError> {
        read_update(update, clients_max, &mut self.intake.outlined)?;
        let decoded = decode(update)?;
        let plan = self
            .intake
            .sort(update, &mut self.outline, &mut self.backlog)
            .map_err(|Misplaced| {
                ContentError::Unfit("too deep, or in something that is not a type".to_owned())
            })?;
        let applied = self.integrate(decoded, plan)?;
        if applied == Applied::Changed {
            self.encoded_bytes += update.len();
        }
        Ok(applied)
    }

    fn integrate(&self, update: Update, plan: Plan) -> Result<Applied, ContentError> {
        let updates = match plan.pieces {
            None => vec![update],
            Some(pieces) => pieces
                .iter()
                .map(|piece| decode(piece))
                .collect::<Result<_, _>>()?,
        };
        let mut transaction = self.document.transact_mut();
        let integrated = catch_unwind(AssertUnwindSafe(|| {
            for update in updates {
                transaction.apply_update(update)?;
            }
            transaction.commit();
            Ok::<_, UpdateError>(transaction.has_changes())
        }));
        let waits = transaction.has_missing_updates();
        // To drop a transaction is to commit it, which may panic when what came before it did.
        // During unwinding that would be the end of the process, so it is done here.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(transaction)));
        match (integrated, dropped) {
            (Ok(Ok(changed)), Ok(())) if !waits => Ok(if changed || plan.waits {
                Applied::Changed
            } else {
                Applied::Unchanged
            }),
            (Ok(Err(error)), _) => Err(ContentError::Unfit(error.to_string())),
            _ => Err(ContentError::Unfit("integration gave up".to_owned())),
        }
    }

    /// All of it, for [`YjsContent::restore`]: an update if nothing waits for its predecessors, an
    /// encoding of our own otherwise.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let transaction = self.document.transact();
        let state = transaction.encode_state_as_update_v1(&StateVector::default());
        if self.backlog.is_empty() {
            return state.into();
        }
        let mut bytes = SEVERAL_PARTS.to_vec();
        for part in std::iter::once(state.into()).chain(self.backlog.updates()) {
            write_number(part.len() as u64, &mut bytes);
            bytes.extend_from_slice(&part);
        }
        bytes.into()
    }

    /// Whether bytes that [`YjsContent::snapshot`] made can be read again, as far as that can be seen
    /// without building the content a second time.
    pub(crate) fn is_readable(snapshot: &[u8]) -> bool {
        let mut outlined = Outlined::default();
        let is_update = |part: &&[u8]| read_update(part, usize::MAX, &mut outlined).is_ok();
        parts(snapshot).is_ok_and(|parts| parts.iter().all(is_update))
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
        let difference = self.document.transact().encode_state_as_update_v1(&known);
        if self.backlog.is_empty() {
            return Ok(difference.into());
        }
        let waiting = self.backlog.updates().map(|update| update.to_vec());
        let all: Vec<_> = std::iter::once(difference.clone()).chain(waiting).collect();
        // Should that fail, the peer gets the rest when it asks again.
        let merged = catch_unwind(|| yrs::merge_updates_v1(&all));
        Ok(merged
            .ok()
            .and_then(Result::ok)
            .unwrap_or(difference)
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

impl fmt::Debug for YjsContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("YjsContent")
            .field("encoded_bytes", &self.encoded_bytes)
            .finish_non_exhaustive()
    }
}

/// Decodes an update that [`read_update`] found to be well-formed.
fn decode(update: &[u8]) -> Result<Update, ContentError> {
    // The decoder and the integration meet bytes that a stranger chose: should they ever panic,
    // this document's owner goes on, with content loaded afresh.
    catch_unwind(|| Update::decode_v1(update))
        .map_err(|_| ContentError::Malformed("the decoder gave up".to_owned()))?
        .map_err(|error| ContentError::Malformed(error.to_string()))
}

/// How a snapshot of several updates begins. No update begins like that: it is a number that
/// does not end.
const SEVERAL_PARTS: [u8; 10] = [0xff; 10];

/// The updates that a snapshot consists of.
fn parts(snapshot: &[u8]) -> Result<Vec<&[u8]>, ContentError> {
    let Some(mut rest) = snapshot.strip_prefix(&SEVERAL_PARTS) else {
        return Ok(vec![snapshot]);
    };
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (length, after) = read_number(rest)?;
        let part = after.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX));
        let cut_short = || ContentError::Malformed("a snapshot that was cut short".to_owned());
        let (part, after) = part.ok_or_else(cut_short)?;
        parts.push(part);
        rest = after;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
