//! What a reader without Yjs is shown.

use yrs::{Any, Doc, GetString, Out, ReadTxn, Text, Transact, XmlFragment, XmlOut};

use super::{RICHTEXT_ROOT, TEXT_ROOT};
use crate::content::Reading;
use crate::document::DocumentType;

impl Reading {
    pub(super) fn of(document: &Doc, kind: DocumentType) -> Self {
        match kind {
            DocumentType::Text => {
                let text = document.get_or_insert_text(TEXT_ROOT);
                Self {
                    text: text.get_string(&document.transact()),
                    ..Self::default()
                }
            }
            _ => {
                let root = document.get_or_insert_xml_fragment(RICHTEXT_ROOT);
                let transaction = document.transact();
                let mut text = String::new();
                for child in root.children(&transaction) {
                    write_text(&child, &transaction, &mut text);
                }
                Self {
                    text,
                    xml: Some(root.get_string(&transaction)),
                    ..Self::default()
                }
            }
        }
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
