//! What is written in a document, in memory: a Yjs document behind four verbs.
//!
//! [`Content::apply`] takes one update of an editor, [`Content::snapshot`] and
//! [`Content::restore`] carry all of it to the store and back, [`Content::read`] and
//! [`Content::difference`] answer readers. Nothing here is asynchronous and nothing is stored.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Doc, GetString, OffsetKind, Options, Out, ReadTxn, StateVector, Text, Transact, Update,
    XmlFragment, XmlOut,
};

use crate::document::DocumentType;

/// Name of the Yjs text of a plain-text document.
pub const TEXT_ROOT: &str = "content";

/// Name of the Yjs XML fragment of a rich-text document: TipTap's default.
pub const RICHTEXT_ROOT: &str = "default";

/// Memory that an open document takes for each byte of its encoded content. Measured with yrs
/// 0.28 on recorded editing sessions: 9.9 (automerge-paper) to 15 (sveltecomponent).
const MEMORY_PER_ENCODED_BYTE: usize = 12;

/// Memory of an open document that is empty.
const MEMORY_BASE: usize = 8 * 1024;

/// The content of one open document.
pub struct Content {
    document: Doc,
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

/// What a reader without Yjs is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The text, one line for each block of a rich text.
    pub text: String,
    /// The XML of a rich text.
    pub xml: Option<String>,
}

impl Content {
    /// Content of a new document.
    #[must_use]
    pub fn empty() -> Self {
        // Lengths in Yjs are counted as JavaScript counts them.
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::default()
        };
        Self {
            document: Doc::with_options(options),
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
        content.apply(snapshot)?;
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
        check_count(update)?;
        // The decoder and the integration meet bytes that a stranger chose: should they ever
        // panic, this document's owner goes on, with content loaded afresh.
        let decoded = catch_unwind(|| Update::decode_v1(update))
            .map_err(|_| ContentError::Malformed("the decoder gave up".to_owned()))?
            .map_err(|error| ContentError::Malformed(error.to_string()))?;
        let applied = catch_unwind(AssertUnwindSafe(|| self.integrate(decoded)))
            .map_err(|_| ContentError::Unfit("integration gave up".to_owned()))??;
        if applied == Applied::Changed {
            self.encoded_bytes += update.len();
        }
        Ok(applied)
    }

    fn integrate(&self, update: Update) -> Result<Applied, ContentError> {
        let mut transaction = self.document.transact_mut();
        transaction
            .apply_update(update)
            .map_err(|error| ContentError::Unfit(error.to_string()))?;
        transaction.commit();
        // What waits for its predecessors shows in no set: count it as new.
        let known = transaction.insert_set().is_empty()
            && transaction.delete_set().is_empty()
            && !transaction.has_missing_updates();
        Ok(if known {
            Applied::Unchanged
        } else {
            Applied::Changed
        })
    }

    /// All of it, as one update: also what waits for missing predecessors.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let transaction = self.document.transact();
        transaction
            .encode_state_as_update_v1(&StateVector::default())
            .into()
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
        check_count(state_vector)?;
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
        match kind {
            DocumentType::Text => {
                let text = self.document.get_or_insert_text(TEXT_ROOT);
                Reading {
                    text: text.get_string(&self.document.transact()),
                    xml: None,
                }
            }
            DocumentType::Richtext => {
                let root = self.document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
                let transaction = self.document.transact();
                let mut text = String::new();
                for child in root.children(&transaction) {
                    write_text(&child, &transaction, &mut text);
                }
                Reading {
                    text,
                    xml: Some(root.get_string(&transaction)),
                }
            }
        }
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

/// Writes the text below `node`, and ends a block with a line feed.
fn write_text<T: ReadTxn>(node: &XmlOut, transaction: &T, text: &mut String) {
    match node {
        XmlOut::Text(leaf) => {
            for piece in leaf.diff(transaction, |_| ()) {
                if let Out::Any(Any::String(piece)) = piece.insert {
                    text.push_str(&piece);
                }
            }
        }
        XmlOut::Element(element) => {
            for child in element.children(transaction) {
                write_text(&child, transaction, text);
            }
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
        }
        XmlOut::Fragment(fragment) => {
            for child in fragment.children(transaction) {
                write_text(&child, transaction, text);
            }
        }
    }
}

/// Refuses bytes that begin with a count of more entries than they have bytes.
///
/// Updates and state vectors begin with one (lib0 variable-length integer), and the decoder
/// reserves memory for that many entries before it reads the first.
fn check_count(bytes: &[u8]) -> Result<(), ContentError> {
    let mut count: u64 = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        count |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return if count <= bytes.len() as u64 {
                Ok(())
            } else {
                Err(ContentError::Malformed(format!(
                    "{count} entries in {} bytes",
                    bytes.len()
                )))
            };
        }
    }
    Err(ContentError::Malformed(
        "it ends inside its first number".to_owned(),
    ))
}

#[cfg(test)]
mod tests;
