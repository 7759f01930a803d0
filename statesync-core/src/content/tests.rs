use proptest::prelude::*;
use yrs::Any;
use yrs::types::Attrs;
use yrs::{
    Array, ArrayPrelim, ClientID, Map, MapPrelim, Text, TextPrelim, Transact, WriteTxn,
    XmlElementPrelim, XmlFragment, XmlTextPrelim,
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

fn text_of(content: &Content) -> String {
    content.read(DocumentType::Text).text
}

fn content_of<'a>(updates: impl IntoIterator<Item = &'a Vec<u8>>) -> Content {
    let mut content = Content::empty();
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
    waiting: (Option<IdSet>, Option<IdSet>),
}

fn essence(content: &Content) -> Essence {
    let (text, rich) = (
        content.read(DocumentType::Text),
        content.read(DocumentType::Richtext),
    );
    let transaction = content.document.transact_mut();
    let snapshot = transaction.snapshot();
    Essence {
        text,
        rich,
        elements: snapshot.state_map,
        deleted: snapshot.delete_set,
        waiting: waiting(&transaction),
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

    let mut content = Content::empty();
    assert_eq!(content.apply(&second).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "");
    let mut restored = Content::restore(&content.snapshot()).unwrap();
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

    let mut content = Content::empty();
    assert_eq!(content.apply(&second).unwrap(), Applied::Changed);
    let mut restored = Content::restore(&content.snapshot()).unwrap();
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

    let mut content = content_of(&[known.clone()]);
    for update in [&waiting, &deletion] {
        assert_eq!(content.apply(update).unwrap(), Applied::Changed);
    }
    for update in [&known, &waiting, &deletion] {
        assert_eq!(content.apply(update).unwrap(), Applied::Unchanged);
    }
    assert_eq!(
        content.apply(&content.snapshot()).unwrap(),
        Applied::Unchanged
    );
    assert_eq!(content.apply(&missing).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "Hello world");
}

#[test]
fn a_peer_gets_what_it_lacks() {
    let alice = editor(1);
    let (first, second) = (typed(&alice, 0, "Hello"), typed(&alice, 5, " world"));
    let bob = content_of(&[first.clone()]);
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
fn bytes_that_are_no_state_vector_are_refused() {
    let content = content_of(&[colourful_update(7)]);
    let bombs: &[&[u8]] = &[
        &[],
        &[1],
        &[1, 7],
        &[0, 0],
        &[0x80],
        &[0xff; 12],
        // 2^31 entries.
        &[0x80, 0x80, 0x80, 0x80, 0x08],
        // A client of 54 bits; a clock of 32.
        &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 1],
        &[1, 7, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ];
    for bomb in bombs {
        let refused = content.difference(bomb);
        assert!(
            matches!(refused, Err(ContentError::Malformed(_))),
            "{bomb:?}: {refused:?}"
        );
    }
    // More than there is, of somebody who is not there: nothing is lacking.
    let ahead = content
        .difference(&[2, 7, 0xff, 0xff, 0xff, 0xff, 7, 9, 3])
        .unwrap();
    assert_eq!(
        Update::decode_v1(&ahead).unwrap().insertions(true),
        IdSet::new()
    );
}

#[test]
fn half_a_character_can_be_deleted() {
    // An emoji is two elements in Yjs; editors that count in UTF-16 may delete one of them.
    let alice = editor(1);
    let mut content = content_of(&[typed(&alice, 0, "a\u{1f600}b")]);
    let half = [0, 1, 1, 1, 2, 1];
    assert_eq!(content.apply(&half).unwrap(), Applied::Changed);
    assert_eq!(text_of(&content), "a\u{fffd}b");
    let restored = Content::restore(&content.snapshot()).unwrap();
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
    assert!(Content::is_readable(&snapshot));
    let restored = Content::restore(&snapshot).unwrap();
    assert_eq!(essence(&restored), essence(&content));
    assert_eq!(restored.encoded_bytes(), snapshot.len());
}

#[test]
fn an_update_that_is_cut_short_is_refused_and_leaves_the_content() {
    let alice = editor(1);
    let mut content = content_of(&[typed(&alice, 0, "Hello")]);
    let before = content.snapshot();
    for update in [
        colourful_update(2),
        typed(&alice, 5, " world"),
        erased(&alice, 0, 1),
    ] {
        for length in 0..update.len() {
            let refused = content.apply(&update[..length]);
            assert!(
                matches!(refused, Err(ContentError::Malformed(_))),
                "{length}: {refused:?}"
            );
        }
        let mut longer = update.clone();
        longer.push(0);
        assert!(matches!(
            content.apply(&longer),
            Err(ContentError::Malformed(_))
        ));
    }
    assert_eq!(content.snapshot(), before);
}

/// Applies a damaged update to `content`, and asserts what must hold whatever the damage is.
fn assert_harmless(content: &mut Content, damaged: &[u8]) {
    let (before, essence_before) = (content.snapshot(), essence(content));
    match content.apply(damaged) {
        Err(ContentError::Malformed(_)) => assert_eq!(essence(content), essence_before),
        // The owner throws it away and loads it again.
        Err(ContentError::Unfit(_)) => *content = Content::restore(&before).unwrap(),
        Ok(_) => {
            // Whatever was taken in can be stored, loaded, read, sent to others, and edited.
            let after = content.snapshot();
            assert!(Content::is_readable(&after));
            let restored = essence(&Content::restore(&after).unwrap());
            let essence = essence(content);
            assert_eq!(restored.elements, essence.elements);
            assert_eq!(restored.waiting, essence.waiting);
            let peer = Update::decode_v1(&content.difference(&[0]).unwrap());
            editor(1 << 50)
                .transact_mut()
                .apply_update(peer.unwrap())
                .unwrap();
            let honest = editor((1 << 50) + 1);
            assert_eq!(
                content.apply(&typed(&honest, 0, "!")).unwrap(),
                Applied::Changed
            );
            *content = Content::restore(&before).unwrap();
        }
    }
}

#[test]
fn an_update_with_a_damaged_byte_never_breaks_the_content() {
    let alice = editor(1);
    let mut content = content_of(&[typed(&alice, 0, "Hello"), colourful_update(3)]);
    for update in [
        colourful_update(2),
        typed(&alice, 5, " world"),
        erased(&alice, 1, 2),
    ] {
        for index in 0..update.len() {
            for flip in (0..8).map(|bit| 1 << bit).chain([0xff]) {
                let mut damaged = update.clone();
                damaged[index] ^= flip;
                assert_harmless(&mut content, &damaged);
            }
        }
    }
}

/// Writes updates that no editor would write.
#[derive(Default)]
struct Forged(Vec<u8>);

impl Forged {
    fn number(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    fn numbers(self, numbers: &[u64]) -> Self {
        numbers
            .iter()
            .fold(self, |forged, number| forged.number(*number))
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// One run of client 7 from clock 0, in the root "a".
    fn one_run(content: &[u8]) -> Vec<u8> {
        let [kind, rest @ ..] = content else {
            return vec![];
        };
        let start = Self::default()
            .numbers(&[1, 1, 7, 0])
            .bytes(&[*kind, 1, 1, b'a']);
        start.bytes(rest).number(0).0
    }

    /// Types of client 7, each inside of the one before.
    fn nested(depth: u64) -> Vec<u8> {
        let mut forged = Self::default().numbers(&[1, depth, 7, 0]);
        for level in 0..depth {
            forged = match level {
                0 => forged.bytes(&[7, 1, 7]).bytes(RICHTEXT_ROOT.as_bytes()),
                _ => forged.bytes(&[7, 0]).numbers(&[7, level - 1]),
            };
            forged = forged.bytes(&[3, 1, b'p']);
        }
        forged.number(0).0
    }
}

#[test]
fn counts_that_promise_more_than_there_is_are_refused() {
    const HUGE: u64 = 1 << 31;
    let value = |value: &[u8]| Forged::one_run(&[&[8, 1], value].concat());
    let huge = Forged::default().number(HUGE).0;
    let bombs = [
        // Clients; runs of a client; clients and ranges of the set of deletions.
        Forged::default().number(HUGE).0,
        Forged::default().numbers(&[1, HUGE, 7, 0]).0,
        Forged::default().numbers(&[0, HUGE]).0,
        Forged::default().numbers(&[0, 1, 7, HUGE]).0,
        // Values, bytes and letters in a run; entries of a map, of an array, bytes in a value.
        Forged::one_run(&[&[8], &huge[..]].concat()),
        Forged::one_run(&[&[3], &huge[..]].concat()),
        Forged::one_run(&[&[4], &huge[..]].concat()),
        value(&[&[118], &huge[..]].concat()),
        value(&[&[117], &huge[..]].concat()),
        value(&[&[116], &huge[..]].concat()),
        // A map in a map in a map, each of which would have memory reserved for itself.
        value(&[118, 60, 1, b'a', 118, 60, 1, b'a', 118, 60, 1, b'a', 126]),
        // Numbers that do not end, or have too many bits.
        vec![0xff; 16],
        Forged::default()
            .numbers(&[1, 1, 1 << 53, 0])
            .bytes(&[0, 1, 0])
            .0,
        Forged::default()
            .numbers(&[1, 1, 7, HUGE])
            .bytes(&[0, 1, 0])
            .0,
        Forged::default()
            .numbers(&[1, 1, 7, HUGE - 1])
            .bytes(&[0, 1, 0])
            .0,
        Forged::default().numbers(&[0, 1, 7, 1, HUGE - 1, 1]).0,
        value(&[&[125], &[0xff; 10][..]].concat()),
        // Runs of no length; a client that comes twice.
        Forged::default().numbers(&[1, 1, 7, 0]).bytes(&[0, 0, 0]).0,
        Forged::default().numbers(&[0, 1, 7, 1, 3, 0]).0,
        Forged::default()
            .numbers(&[2, 1, 7, 0])
            .bytes(&[0, 1])
            .numbers(&[1, 7, 1])
            .bytes(&[0, 1, 0])
            .0,
        // Text that is not UTF-8.
        Forged::one_run(&[4, 2, 0xc3, 0x28]),
        // Kinds that yrs and Yjs read differently, or that are none.
        Forged::one_run(&[2, 1, 1, b'1', 1, b'2']),
        Forged::one_run(&[7, 5]),
        Forged::one_run(&[7, 9]),
        Forged::one_run(&[7, 15]),
        Forged::one_run(&[11, 1]),
        Forged::one_run(&[0x14, 1, b'a']),
        value(&[100]),
    ];
    let mut content = content_of(&[colourful_update(2)]);
    let before = essence(&content);
    for bomb in bombs {
        let refused = content.apply(&bomb);
        assert!(
            matches!(refused, Err(ContentError::Malformed(_))),
            "{bomb:?}: {refused:?}"
        );
    }
    assert_eq!(essence(&content), before);
}

#[test]
fn what_an_attacker_left_behind_can_always_be_loaded_again() {
    // yrs 0.28 writes this kind of content differently from how it reads it: once in, a snapshot
    // with it could never be read again.
    let legacy_json = Forged::one_run(&[2, 1, 1, b'1', 1, b'2']);
    let mut content = Content::empty();
    assert!(content.apply(&legacy_json).is_err());
    Content::restore(&content.snapshot()).unwrap();
}

#[test]
fn values_nested_without_end_are_refused() {
    let nested = |depth: usize| {
        let value = [[117, 1].repeat(depth), vec![126]].concat();
        Forged::one_run(&[&[8, 1], &value[..]].concat())
    };
    let mut content = Content::empty();
    content.apply(&nested(127)).unwrap();
    Content::restore(&content.snapshot()).unwrap();
    for depth in [128, 20_000, 500_000] {
        let refused = Content::empty().apply(&nested(depth));
        assert!(
            matches!(refused, Err(ContentError::Malformed(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn types_nested_without_end_are_refused() {
    let deepest = u64::from(nesting::DEPTH_MAX);
    for depth in [deepest + 1, 5_000, 100_000] {
        let refused = Content::empty().apply(&Forged::nested(depth));
        assert!(
            matches!(refused, Err(ContentError::Unfit(_))),
            "{refused:?}"
        );
    }
    // As deep as is allowed, it can be read, stored, and deleted as a whole.
    let mut content = content_of(&[Forged::nested(deepest)]);
    let xml = content.read(DocumentType::Richtext).xml.unwrap();
    assert_eq!(xml.matches("<p>").count() as u64, deepest);
    Content::restore(&content.snapshot()).unwrap();
    content.apply(&[0, 1, 7, 1, 0, 1]).unwrap();
    assert_eq!(content.read(DocumentType::Richtext).xml.unwrap(), "");
    Content::restore(&content.snapshot()).unwrap();
}

#[test]
fn types_cannot_be_nested_without_end_one_edit_at_a_time() {
    let mut content = content_of(&[Forged::nested(u64::from(nesting::DEPTH_MAX))]);
    // Reloading does not make it forget how deep things are.
    content = Content::restore(&content.snapshot()).unwrap();
    let inside_the_deepest = Forged::default()
        .numbers(&[1, 1, 8, 0])
        .bytes(&[7, 0])
        .numbers(&[7, u64::from(nesting::DEPTH_MAX) - 1])
        .bytes(&[3, 1, b'p', 0]);
    let refused = content.apply(&inside_the_deepest.0);
    assert!(
        matches!(refused, Err(ContentError::Unfit(_))),
        "{refused:?}"
    );
}

#[test]
fn one_edit_cannot_come_from_thousands_of_clients() {
    let of_clients = |clients: u64| {
        let mut forged = Forged::default().number(clients);
        for client in 0..clients {
            forged = forged
                .numbers(&[1, client << 32, 0])
                .bytes(&[4, 1, 1, b'a', 1, b'x']);
        }
        forged.number(0).0
    };
    let mut content = Content::empty();
    content.apply(&of_clients(EDIT_CLIENTS_MAX as u64)).unwrap();
    let refused = content.apply(&of_clients(EDIT_CLIENTS_MAX as u64 + 1));
    assert!(
        matches!(refused, Err(ContentError::Malformed(_))),
        "{refused:?}"
    );
    // A document may have had more than that in its life.
    let snapshot = of_clients(EDIT_CLIENTS_MAX as u64 + 1);
    Content::restore(&snapshot).unwrap();
}

#[test]
fn the_estimate_follows_growth_and_is_corrected_by_snapshots() {
    let alice = editor(1);
    let mut content = Content::empty();
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

/// What somebody does to a plain text: a place, letters to type, or letters to erase.
type Stroke = (usize, u8, prop::sample::Index, u8);

/// The updates of some editors who work at once, and hear of each other now and then.
fn session(strokes: &[Stroke]) -> Vec<Vec<u8>> {
    let editors: Vec<_> = (1..=3).map(editor).collect();
    let mut updates: Vec<Vec<u8>> = Vec::new();
    let mut heard = [0; 3];
    for (who, letters, place, kind) in strokes {
        let editor = &editors[who % 3];
        if *kind % 4 == 0 {
            for update in &updates[heard[who % 3]..] {
                editor
                    .transact_mut()
                    .apply_update(Update::decode_v1(update).unwrap())
                    .unwrap();
            }
            heard[who % 3] = updates.len();
        }
        let root = editor.get_or_insert_text(TEXT_ROOT);
        let length = root.len(&editor.transact());
        let index = place.index(length as usize + 1) as u32;
        let letters = u32::from(letters % 5);
        let update = if *kind % 3 == 0 {
            erased(editor, index, letters.min(length - index))
        } else {
            typed(
                editor,
                index,
                &"\u{e4}bc\u{4e2d}e"
                    .chars()
                    .take(letters as usize)
                    .collect::<String>(),
            )
        };
        updates.push(update);
    }
    updates
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn updates_in_any_order_make_the_same_content(
        strokes in prop::collection::vec(any::<Stroke>(), 1..40),
        order in any::<u64>(),
        restart_at in any::<prop::sample::Index>(),
    ) {
        let updates = session(&strokes);
        let expected = content_of(&updates);
        let mut shuffled = updates.clone();
        let mut state = order;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        let mut content = Content::empty();
        let restart_at = restart_at.index(shuffled.len());
        for (index, update) in shuffled.iter().enumerate() {
            if index == restart_at {
                content = Content::restore(&content.snapshot()).unwrap();
            }
            content.apply(update).unwrap();
        }
        prop_assert_eq!(essence(&content), essence(&expected));
        for update in &updates {
            prop_assert_eq!(content.apply(update).unwrap(), Applied::Unchanged);
        }
    }

    #[test]
    fn damaged_updates_of_a_session_never_break_the_content(
        strokes in prop::collection::vec(any::<Stroke>(), 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let updates = session(&strokes);
        let mut content = Content::empty();
        for update in &updates {
            let mut damaged = update.clone();
            for (place, byte) in &damage {
                let place = place.index(damaged.len());
                damaged[place] ^= *byte;
            }
            assert_harmless(&mut content, &damaged);
            content.apply(update).unwrap();
        }
    }

    #[test]
    fn noise_is_never_taken_for_more_than_it_is(
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        assert_harmless(&mut content_of(&[colourful_update(1)]), &noise);
        drop(Content::empty().difference(&noise));
    }
}
