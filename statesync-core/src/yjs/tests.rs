mod hostile;
mod order;

use std::collections::BTreeSet;

use proptest::prelude::*;
use yrs::Any;
use yrs::types::Attrs;

use yrs::{
    Array, ArrayPrelim, ClientID, IdSet, Map, MapPrelim, Text, TextPrelim, Transact,
    TransactionMut, WriteTxn, XmlElementPrelim, XmlFragment, XmlOut, XmlTextPrelim,
};

use super::*;

/// An editor that is nobody else, whose lengths are those of JavaScript.
fn editor(client: u64) -> Doc {
    let mut options = Options::with_client_id(ClientID::new(client));
    options.offset_kind = OffsetKind::Utf16;
    Doc::with_options(options)
}

/// Lets `editor` do something, and gives the update that it would send.
fn edit(editor: &Doc, work: impl FnOnce(&mut TransactionMut<'_>)) -> Vec<u8> {
    let mut transaction = editor.transact_mut();
    work(&mut transaction);
    transaction.encode_update_v1()
}

/// Types `text` at `index` of the plain text.
fn typed(editor: &Doc, index: u32, text: &str) -> Vec<u8> {
    let root = editor.get_or_insert_text(TEXT_ROOT);
    edit(editor, |transaction| root.insert(transaction, index, text))
}

fn erased(editor: &Doc, index: u32, length: u32) -> Vec<u8> {
    let root = editor.get_or_insert_text(TEXT_ROOT);
    edit(editor, |transaction| {
        root.remove_range(transaction, index, length)
    })
}

fn text_of(content: &YjsContent) -> String {
    content.read(DocumentType::Text).text
}

fn content_of<'a>(updates: impl IntoIterator<Item = &'a Vec<u8>>) -> YjsContent {
    let mut content = YjsContent::empty();
    for update in updates {
        content.apply(update).unwrap();
    }
    content
}

/// What a content is, for comparing. Its encoding will not do: the options of an embedded document
/// are in any order.
#[derive(Debug, PartialEq)]
struct Essence {
    text: Reading,
    rich: Reading,
    elements: StateVector,
    deleted: IdSet,
    waiting: BTreeSet<Bytes>,
}

fn essence(content: &YjsContent) -> Essence {
    let (text, rich) = (
        content.read(DocumentType::Text),
        content.read(DocumentType::Richtext),
    );
    let transaction = content.document.transact();
    let snapshot = transaction.snapshot();
    assert!(!transaction.has_missing_updates());
    Essence {
        text,
        rich,
        elements: snapshot.state_map,
        deleted: snapshot.delete_set,
        waiting: content.backlog.updates().collect(),
    }
}

/// One update of everything that Yjs can write, by one editor.
fn colourful_update(client: u64) -> Vec<u8> {
    let editor = editor(client);
    let rich = editor.get_or_insert_xml_fragment(RICHTEXT_ROOT);
    edit(&editor, |transaction| {
        let paragraph = rich.push_back(transaction, XmlElementPrelim::empty("paragraph"));
        let text = paragraph.push_back(transaction, XmlTextPrelim::new("Hello, \u{1f600} world"));
        let bold = Attrs::from([("bold".into(), Any::Bool(true))]);
        text.format(transaction, 2, 5, bold);
        text.insert_embed(
            transaction,
            3,
            Any::from_json(r#"{"image":"a.png"}"#).unwrap(),
        );
        text.remove_range(transaction, 1, 2);
        let list = rich.push_back(transaction, XmlElementPrelim::empty("list"));
        list.push_back(transaction, XmlElementPrelim::empty("item"));
        rich.remove_range(transaction, 1, 1);
        let map = transaction.get_or_insert_map("meta");
        map.insert(transaction, "title", "one");
        map.insert(transaction, "title", "two");
        map.insert(transaction, "bytes", Any::Buffer(vec![0, 1, 255].into()));
        map.insert(transaction, "nested", MapPrelim::from([("k", 1.5_f64)]));
        let array = map.insert(transaction, "array", ArrayPrelim::default());
        let deep = Any::from_json(r#"[1,-7,2.5,true,null,"x",{"a":[{}]},12345678901234]"#);
        array.push_back(transaction, deep.unwrap());
        array.push_back(transaction, i64::MAX);
        array.push_back(transaction, TextPrelim::new("inside"));
        map.insert(transaction, "other", Doc::new());
        let plain = transaction.get_or_insert_text(TEXT_ROOT);
        plain.insert(transaction, 0, "plain");
    })
}

#[test]
fn what_was_typed_is_read_back() {
    let alice = editor(1);
    let content = content_of(&[typed(&alice, 0, "Hello"), typed(&alice, 5, " world")]);
    assert_eq!(text_of(&content), "Hello world");
    assert_eq!(content.read(DocumentType::Text).xml, None);
}

#[test]
fn a_rich_text_is_read_line_by_line_and_as_xml() {
    let alice = editor(1);
    let root = alice.get_or_insert_xml_fragment(RICHTEXT_ROOT);
    let update = edit(&alice, |transaction| {
        for line in ["one", "two"] {
            let paragraph = root.push_back(transaction, XmlElementPrelim::empty("paragraph"));
            let text = paragraph.push_back(transaction, XmlTextPrelim::new(line));
            let bold = Attrs::from([("bold".into(), Any::Bool(true))]);
            text.format(transaction, 1, 1, bold);
        }
    });
    let reading = content_of(&[update]).read(DocumentType::Richtext);
    assert_eq!(reading.text, "one\ntwo\n");
    let xml = "<paragraph>o<bold>n</bold>e</paragraph><paragraph>t<bold>w</bold>o</paragraph>";
    assert_eq!(reading.xml.as_deref(), Some(xml));
}

#[test]
fn an_update_that_comes_twice_changes_nothing() {
    let alice = editor(1);
    let updates = [
        typed(&alice, 0, "Hello"),
        erased(&alice, 1, 2),
        colourful_update(2),
    ];
    let mut content = content_of(&updates);
    let (before, bytes) = (essence(&content), content.encoded_bytes());
    for update in &updates {
        assert_eq!(content.apply(update).unwrap(), Applied::Unchanged);
    }
    assert_eq!(content.apply(Update::EMPTY_V1).unwrap(), Applied::Unchanged);
    assert_eq!(
        content.apply(&content.snapshot()).unwrap(),
        Applied::Unchanged
    );
    assert_eq!(
        (essence(&content), content.encoded_bytes()),
        (before, bytes)
    );
}

#[test]
fn an_update_waits_for_its_predecessor_also_in_a_snapshot() {
    let alice = editor(1);
    let bob = editor(2);
    let first = typed(&alice, 0, "Hello");
    bob.transact_mut()
        .apply_update(Update::decode_v1(&first).unwrap())
        .unwrap();
    let second = typed(&bob, 5, " world");

    let mut content = YjsContent::empty();
    assert_eq!(content.apply(&second).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "");
    let mut restored = YjsContent::restore(&content.snapshot()).unwrap();
    for content in [&mut content, &mut restored] {
        assert_eq!(content.apply(&first).unwrap(), Applied::Changed);
        assert_eq!(text_of(content), "Hello world");
    }
}

#[test]
fn a_deletion_waits_for_what_it_deletes_also_in_a_snapshot() {
    let alice = editor(1);
    let first = typed(&alice, 0, "Hello");
    let second = erased(&alice, 1, 3);

    let mut content = YjsContent::empty();
    assert_eq!(content.apply(&second).unwrap(), Applied::Changed);
    let mut restored = YjsContent::restore(&content.snapshot()).unwrap();
    for content in [&mut content, &mut restored] {
        assert_eq!(content.apply(&first).unwrap(), Applied::Changed);
        assert_eq!(text_of(content), "Ho");
    }
}

#[test]
fn while_something_waits_what_is_known_is_still_known() {
    let alice = editor(1);
    let known = typed(&alice, 0, "Hello");
    let missing = typed(&alice, 5, " cruel");
    let bob = editor(2);
    for update in [&known, &missing] {
        bob.transact_mut()
            .apply_update(Update::decode_v1(update).unwrap())
            .unwrap();
    }
    let (waiting, deletion) = (typed(&bob, 11, " world"), erased(&bob, 5, 6));

    let mut content = content_of(std::slice::from_ref(&known));
    for update in [&waiting, &deletion] {
        assert_eq!(content.apply(update).unwrap(), Applied::Changed);
    }
    for update in [&known, &waiting, &deletion] {
        assert_eq!(content.apply(update).unwrap(), Applied::Unchanged);
    }
    assert_eq!(
        content.apply(&content.difference(&[0]).unwrap()).unwrap(),
        Applied::Unchanged
    );
    assert_eq!(content.apply(&missing).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "Hello world");
}

#[test]
fn a_peer_gets_what_it_lacks() {
    let alice = editor(1);
    let (first, second) = (typed(&alice, 0, "Hello"), typed(&alice, 5, " world"));
    let bob = content_of(std::slice::from_ref(&first));
    let content = content_of(&[first, second]);
    let difference = content.difference(&bob.state_vector()).unwrap();
    assert!(difference.len() < content.snapshot().len());
    let mut bob = bob;
    bob.apply(&difference).unwrap();
    assert_eq!(text_of(&bob), "Hello world");
    let all = content
        .difference(&StateVector::default().encode_v1())
        .unwrap();
    assert_eq!(text_of(&content_of(&[all.to_vec()])), "Hello world");
}

#[test]
fn half_a_character_can_be_deleted() {
    // An emoji is two elements in Yjs; editors that count in UTF-16 may delete one of them.
    let alice = editor(1);
    let mut content = content_of(&[typed(&alice, 0, "a\u{1f600}b")]);
    let half = [0, 1, 1, 1, 2, 1];
    assert_eq!(content.apply(&half).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "a\u{fffd}b");
    let restored = YjsContent::restore(&content.snapshot()).unwrap();
    assert_eq!(essence(&restored), essence(&content));
}

#[test]
fn content_is_what_the_updates_say_and_nothing_else() {
    // Alice formats a word that Bob deletes at the same time: the format is of no use any more.
    // Clearing it away is the editors' business: here it would be a change without a record.
    let alice = editor(1);
    let first = typed(&alice, 0, "one two three");
    let bob = editor(2);
    bob.transact_mut()
        .apply_update(Update::decode_v1(&first).unwrap())
        .unwrap();
    let root = alice.get_or_insert_text(TEXT_ROOT);
    let formatted = edit(&alice, |transaction| {
        root.format(
            transaction,
            4,
            3,
            Attrs::from([("bold".into(), Any::Bool(true))]),
        );
    });
    let content = content_of(&[first, formatted, erased(&bob, 4, 3)]);
    let deleted = content.document.transact().snapshot().delete_set;
    let lengths: u32 = deleted
        .iter()
        .flat_map(|(_, ranges)| ranges)
        .map(|range| range.len() as u32)
        .sum();
    assert_eq!(lengths, 3);
}

#[test]
fn every_kind_of_content_survives_a_snapshot() {
    let content = content_of(&[colourful_update(1), colourful_update(2)]);
    let snapshot = content.snapshot();
    assert!(YjsContent::is_readable(&snapshot));
    let restored = YjsContent::restore(&snapshot).unwrap();
    assert_eq!(essence(&restored), essence(&content));
    assert_eq!(restored.encoded_bytes(), snapshot.len());
}

#[test]
fn the_estimate_follows_growth_and_is_corrected_by_snapshots() {
    let alice = editor(1);
    let mut content = YjsContent::empty();
    let empty = content.memory_bytes();
    let mut written = 0;
    for index in 0..100 {
        let update = typed(&alice, index, "x");
        written += update.len();
        content.apply(&update).unwrap();
    }
    assert_eq!(content.encoded_bytes(), written);
    assert!(content.memory_bytes() > empty);
    let snapshot = content.snapshot().len();
    content.on_snapshot(snapshot);
    assert_eq!(content.encoded_bytes(), snapshot);
    assert!(snapshot < written);
}

/// What somebody does: who, how many letters, where, and what.
type Stroke = (usize, u8, prop::sample::Index, u8);

fn strokes(most: usize) -> impl Strategy<Value = Vec<Stroke>> {
    prop::collection::vec(any::<Stroke>(), 1..most)
}

/// The updates of some editors who work at once, and hear of each other now and then.
fn session(strokes: &[Stroke], stroke: impl Fn(&Doc, &Stroke) -> Vec<u8>) -> Vec<Vec<u8>> {
    let editors: Vec<_> = (1..=3).map(editor).collect();
    let mut updates: Vec<Vec<u8>> = Vec::new();
    let mut heard = [0; 3];
    for next in strokes {
        let (who, .., kind) = next;
        let editor = &editors[who % 3];
        if kind % 4 == 0 {
            for update in &updates[heard[who % 3]..] {
                let update = Update::decode_v1(update).unwrap();
                editor.transact_mut().apply_update(update).unwrap();
            }
            heard[who % 3] = updates.len();
        }
        updates.push(stroke(editor, next));
    }
    updates
}

fn plain_stroke(editor: &Doc, (_, letters, place, kind): &Stroke) -> Vec<u8> {
    let root = editor.get_or_insert_text(TEXT_ROOT);
    let length = root.len(&editor.transact());
    let index = place.index(length as usize + 1) as u32;
    let letters = u32::from(letters % 5);
    if kind % 3 == 0 {
        return erased(editor, index, letters.min(length - index));
    }
    let text: String = "\u{e4}bc\u{4e2d}e".chars().take(letters as usize).collect();
    typed(editor, index, &text)
}

/// Types, formats, and adds and removes elements, in and out of each other.
fn rich_stroke(editor: &Doc, (_, letters, place, kind): &Stroke) -> Vec<u8> {
    let root = editor.get_or_insert_xml_fragment(RICHTEXT_ROOT);
    let nodes: Vec<_> = root.successors(&editor.transact()).collect();
    edit(editor, |transaction| {
        let chosen = (!nodes.is_empty()).then(|| &nodes[place.index(nodes.len())]);
        match (chosen, kind % 6) {
            (Some(XmlOut::Element(element)), 0..=2) => {
                element.insert(transaction, 0, XmlElementPrelim::empty("item"));
            }
            (Some(XmlOut::Element(element)), 3) => {
                element.push_back(transaction, XmlTextPrelim::new("text"));
            }
            (Some(XmlOut::Element(element)), 4) => {
                let children = element.len(transaction);
                element.remove_range(transaction, 0, children.min(1));
            }
            (Some(XmlOut::Text(text)), 0..=3) => {
                let index = u32::from(*letters) % (text.len(transaction) + 1);
                text.insert(transaction, index, "abc");
            }
            (Some(XmlOut::Text(text)), 4) => {
                let length = text.len(transaction);
                let bold = Attrs::from([("bold".into(), Any::Bool(true))]);
                text.format(transaction, 0, length.min(2), bold);
            }
            _ => drop(root.push_back(transaction, XmlElementPrelim::empty("paragraph"))),
        }
    })
}
