//! A rich text as lines: its blocks, in order, and what typed edits do to them.

use std::sync::Arc;

use yrs::types::Attrs;
use yrs::{
    Any, Out, ReadTxn, Text, TransactionMut, Xml, XmlElementPrelim, XmlElementRef, XmlFragment,
    XmlFragmentRef, XmlOut, XmlTextPrelim, XmlTextRef,
};

use crate::text::Pending;

/// What TipTap and ProseMirror call a block of text.
const PARAGRAPH: &str = "paragraph";

/// One line: a block without blocks inside.
#[derive(Clone, Debug)]
enum Block {
    /// An element, and the texts in it.
    Element(XmlElementRef, Vec<XmlTextRef>),
    /// A text right in the fragment.
    Text(XmlTextRef),
}

/// One thing to do to a rich text.
#[derive(Debug)]
pub(super) enum Step {
    Remove(XmlTextRef, u32, u32),
    Insert(XmlTextRef, u32, String),
    /// Into a block that has no text yet.
    Fill(XmlElementRef, String),
    /// New paragraphs at the end.
    Append(Vec<String>),
}

/// The text in UTF-16 code units, with a line feed between two blocks.
pub(super) fn units<T: ReadTxn>(root: &XmlFragmentRef, transaction: &T) -> Vec<u16> {
    let mut text = Vec::new();
    for (index, block) in blocks(root, transaction).iter().enumerate() {
        if index > 0 {
            text.push(u16::from(b'\n'));
        }
        for leaf in block.texts() {
            text.extend(plain(leaf, transaction));
        }
    }
    text
}

/// What `edits` do, the last one first.
///
/// # Errors
///
/// An edit crosses blocks, or parts one.
pub(super) fn plan<T: ReadTxn>(
    root: &XmlFragmentRef,
    transaction: &T,
    edits: &Pending,
) -> Result<Vec<Step>, &'static str> {
    let blocks = blocks(root, transaction);
    let mut steps = Vec::new();
    for (at, delete, insert) in edits.backwards() {
        plan_one(&blocks, transaction, (at, delete), insert, &mut steps)?;
    }
    Ok(steps)
}

fn plan_one<T: ReadTxn>(
    blocks: &[Block],
    transaction: &T,
    (at, delete): (u32, u32),
    insert: &str,
    steps: &mut Vec<Step>,
) -> Result<(), &'static str> {
    let mut start = 0;
    for (index, block) in blocks.iter().enumerate() {
        let length: u32 = block.texts().iter().map(|leaf| leaf.len(transaction)).sum();
        let end = start + length;
        if at > end {
            start = end + 1;
            continue;
        }
        if at + delete > end {
            return Err("an edit of a rich text stays within one block");
        }
        let is_last = index + 1 == blocks.len();
        let (line, paragraphs) = match insert.split_once('\n') {
            None => (insert, None),
            Some((line, rest)) if is_last && at + delete == end => (line, Some(rest)),
            Some(_) => return Err("a line feed may only be put at the end of a rich text"),
        };
        if let Some(rest) = paragraphs {
            steps.push(Step::Append(rest.split('\n').map(str::to_owned).collect()));
        }
        block.plan(transaction, (at - start, delete), line, steps);
        return Ok(());
    }
    let is_empty = blocks.is_empty() && at == 0 && delete == 0;
    if !is_empty {
        return Err("an edit lies outside of the text");
    }
    steps.push(Step::Append(
        insert.split('\n').map(str::to_owned).collect(),
    ));
    Ok(())
}

impl Block {
    fn texts(&self) -> &[XmlTextRef] {
        match self {
            Self::Element(_, texts) => texts,
            Self::Text(text) => std::slice::from_ref(text),
        }
    }

    fn plan<T: ReadTxn>(
        &self,
        transaction: &T,
        (at, delete): (u32, u32),
        insert: &str,
        steps: &mut Vec<Step>,
    ) {
        let (mut start, mut written) = (0, insert.is_empty());
        for text in self.texts() {
            let end = start + text.len(transaction);
            let (from, to) = (at.max(start), (at + delete).min(end));
            if from < to {
                steps.push(Step::Remove(text.clone(), from - start, to - from));
            }
            if !written && at <= end {
                steps.push(Step::Insert(text.clone(), at - start, insert.to_owned()));
                written = true;
            }
            start = end;
        }
        if let (false, Self::Element(element, _)) = (written, self) {
            steps.push(Step::Fill(element.clone(), insert.to_owned()));
        }
    }
}

/// Does what was planned.
pub(super) fn carry_out(
    root: &XmlFragmentRef,
    transaction: &mut TransactionMut<'_>,
    steps: Vec<Step>,
) {
    for step in steps {
        match step {
            Step::Remove(text, at, length) => text.remove_range(transaction, at, length),
            Step::Insert(text, at, insert) => text.insert(transaction, at, &insert),
            Step::Fill(element, insert) => {
                element.push_back(transaction, XmlTextPrelim::new(insert));
            }
            Step::Append(lines) => {
                for line in lines {
                    let paragraph = root.push_back(transaction, XmlElementPrelim::empty(PARAGRAPH));
                    if !line.is_empty() {
                        paragraph.push_back(transaction, XmlTextPrelim::new(line));
                    }
                }
            }
        }
    }
}

fn blocks<T: ReadTxn>(root: &XmlFragmentRef, transaction: &T) -> Vec<Block> {
    let mut blocks = Vec::new();
    for child in root.children(transaction) {
        gather(child, transaction, &mut blocks);
    }
    blocks
}

fn gather<T: ReadTxn>(node: XmlOut, transaction: &T, blocks: &mut Vec<Block>) {
    match node {
        XmlOut::Text(text) => blocks.push(Block::Text(text)),
        XmlOut::Fragment(fragment) => {
            for child in fragment.children(transaction) {
                gather(child, transaction, blocks);
            }
        }
        XmlOut::Element(element) => {
            let children: Vec<_> = element.children(transaction).collect();
            let texts: Vec<_> = children.iter().filter_map(as_text).collect();
            if children.is_empty() || !texts.is_empty() {
                return blocks.push(Block::Element(element, texts));
            }
            for child in children {
                gather(child, transaction, blocks);
            }
        }
    }
}

fn as_text(node: &XmlOut) -> Option<XmlTextRef> {
    match node {
        XmlOut::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The letters of one text; what is not a letter counts as one that has no name.
fn plain<T: ReadTxn>(text: &XmlTextRef, transaction: &T) -> Vec<u16> {
    const NAMELESS: u16 = 0xFFFC;
    let mut units = Vec::new();
    for piece in text.diff(transaction, |_| ()) {
        match piece.insert {
            Out::Any(Any::String(letters)) => units.extend(letters.encode_utf16()),
            _ => units.push(NAMELESS),
        }
    }
    units
}

/// A node of a rich text, out of its document.
#[derive(Debug)]
pub(super) enum Copy {
    Element(Arc<str>, Vec<(String, Any)>, Vec<Copy>),
    Text(Vec<(String, Option<Attrs>)>),
}

/// All of a rich text.
pub(super) fn copies<T: ReadTxn>(root: &XmlFragmentRef, transaction: &T) -> Vec<Copy> {
    let children = root.children(transaction);
    children
        .flat_map(|child| copy(child, transaction))
        .collect()
}

fn copy<T: ReadTxn>(node: XmlOut, transaction: &T) -> Vec<Copy> {
    match node {
        XmlOut::Text(text) => {
            let pieces = text.diff(transaction, |_| ()).into_iter();
            let letters = pieces.filter_map(|piece| match piece.insert {
                Out::Any(Any::String(letters)) => Some((
                    letters.to_string(),
                    piece.attributes.map(|attributes| *attributes),
                )),
                _ => None,
            });
            vec![Copy::Text(letters.collect())]
        }
        XmlOut::Element(element) => {
            let attributes = element.attributes(transaction);
            let attributes = attributes.filter_map(|(name, value)| match value {
                Out::Any(value) => Some((name.to_owned(), value)),
                _ => None,
            });
            let attributes = attributes.collect();
            let children = element.children(transaction);
            let children = children
                .flat_map(|child| copy(child, transaction))
                .collect();
            vec![Copy::Element(
                Arc::clone(element.tag()),
                attributes,
                children,
            )]
        }
        XmlOut::Fragment(fragment) => copies(&fragment, transaction),
    }
}

/// Puts these into the place of all there is.
pub(super) fn replace_all(
    root: &XmlFragmentRef,
    transaction: &mut TransactionMut<'_>,
    copies: Vec<Copy>,
) {
    let present = root.len(transaction);
    if present > 0 {
        root.remove_range(transaction, 0, present);
    }
    for copy in copies {
        paste(root, transaction, copy);
    }
}

fn paste(parent: &impl XmlFragment, transaction: &mut TransactionMut<'_>, copy: Copy) {
    match copy {
        Copy::Element(name, attributes, children) => {
            let element = parent.push_back(transaction, XmlElementPrelim::empty(name));
            for (name, value) in attributes {
                element.insert_attribute(transaction, name, value);
            }
            for child in children {
                paste(&element, transaction, child);
            }
        }
        Copy::Text(pieces) => {
            let text = parent.push_back(transaction, XmlTextPrelim::new(""));
            for (letters, attributes) in pieces {
                let end = text.len(transaction);
                text.insert_with_attributes(
                    transaction,
                    end,
                    &letters,
                    attributes.unwrap_or_default(),
                );
            }
        }
    }
}
