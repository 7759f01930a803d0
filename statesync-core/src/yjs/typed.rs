//! Typed edits of a Yjs document: written by the content itself, as an editor would.

mod blocks;

use bytes::Bytes;
use yrs::{GetString, Text, Transact, TransactionMut};

use super::intake::Misplaced;
use super::wire::read_update;
use super::{ContentError, RICHTEXT_ROOT, TEXT_ROOT, YjsContent};
use crate::document::DocumentType;
use crate::text::{Pending, Replacement};

/// A typed edit cannot be done.
#[derive(Debug)]
pub(crate) enum EditFault {
    /// Its author is at fault. Nothing has changed.
    Refused(&'static str),
    /// The content cannot be used any more.
    Broken(ContentError),
}

impl From<ContentError> for EditFault {
    fn from(error: ContentError) -> Self {
        Self::Broken(error)
    }
}

impl YjsContent {
    /// The text in UTF-16 code units: of a rich text, its blocks with a line feed between.
    pub(crate) fn units(&self, kind: DocumentType) -> Vec<u16> {
        if kind == DocumentType::Richtext {
            let root = self.document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
            return blocks::units(&root, &self.document.transact());
        }
        let text = self.document.get_or_insert_text(TEXT_ROOT);
        text.get_string(&self.document.transact())
            .encode_utf16()
            .collect()
    }

    /// Does these edits; the Yjs update that they make.
    pub(crate) fn edit(&mut self, kind: DocumentType, edits: &Pending) -> Result<Bytes, EditFault> {
        if kind == DocumentType::Richtext {
            let root = self.document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
            let plan = blocks::plan(&root, &self.document.transact(), edits);
            let steps = plan.map_err(EditFault::Refused)?;
            return Ok(self.write(|transaction| blocks::carry_out(&root, transaction, steps))?);
        }
        let text = self.document.get_or_insert_text(TEXT_ROOT);
        Ok(self.write(|transaction| {
            for (at, delete, insert) in edits.backwards() {
                if delete > 0 {
                    text.remove_range(transaction, at, delete);
                }
                if !insert.is_empty() {
                    text.insert(transaction, at, insert);
                }
            }
        })?)
    }

    /// Makes the content what `earlier` is; the Yjs update that does.
    pub(crate) fn become_like(
        &mut self,
        kind: DocumentType,
        earlier: &Self,
    ) -> Result<Bytes, ContentError> {
        if kind == DocumentType::Richtext {
            let root = self.document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
            let past = earlier.document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
            let copies = blocks::copies(&past, &earlier.document.transact());
            return self.write(|transaction| blocks::replace_all(&root, transaction, copies));
        }
        let (present, past) = (self.units(kind), earlier.units(kind));
        let replaced = Replacement::between(&present, &past);
        let text = self.document.get_or_insert_text(TEXT_ROOT);
        self.write(|transaction| {
            let Some(replaced) = replaced else { return };
            let (at, delete, insert) = replaced.parts(&past);
            if delete > 0 {
                text.remove_range(transaction, at, delete);
            }
            if !insert.is_empty() {
                text.insert(transaction, at, &insert);
            }
        })
    }

    fn write(&mut self, work: impl FnOnce(&mut TransactionMut<'_>)) -> Result<Bytes, ContentError> {
        let mut transaction = self.document.transact_mut();
        work(&mut transaction);
        let update = transaction.encode_update_v1();
        drop(transaction);
        // The outline has to learn of what is in the document now.
        read_update(&update, usize::MAX, &mut self.intake.outlined)?;
        let sorted = self
            .intake
            .sort(&update, &mut self.outline, &mut self.backlog);
        sorted.map_err(|Misplaced| ContentError::Unfit("misplaced by ourselves".to_owned()))?;
        self.encoded_bytes += update.len();
        Ok(update.into())
    }
}
