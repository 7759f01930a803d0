//! What strangers send: damage, bombs and nonsense.

use super::*;

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
fn assert_harmless(content: &mut YjsContent, damaged: &[u8]) {
    let (before, essence_before) = (content.snapshot(), essence(content));
    match content.apply(damaged) {
        Err(ContentError::Malformed(_)) => assert_eq!(essence(content), essence_before),
        // The owner throws it away and loads it again.
        Err(ContentError::Unfit(_)) => *content = YjsContent::restore(&before).unwrap(),
        Ok(_) => {
            // Whatever was taken in can be stored, loaded, read, sent to others, and edited.
            let after = content.snapshot();
            assert!(YjsContent::is_readable(&after));
            let after = content.snapshot();
            assert!(YjsContent::is_readable(&after));
            let restored = YjsContent::restore(&after).unwrap();
            assert_eq!(essence(&restored).elements, essence(content).elements);
            drop(YjsContent::empty().apply(&content.difference(&[0]).unwrap()));
            let honest = editor((1 << 50) + 1);
            assert_eq!(
                content.apply(&typed(&honest, 0, "!")).unwrap(),
                Applied::Changed
            );
            *content = YjsContent::restore(&before).unwrap();
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
    let mut content = YjsContent::empty();
    assert!(content.apply(&legacy_json).is_err());
    YjsContent::restore(&content.snapshot()).unwrap();
}

#[test]
fn values_nested_without_end_are_refused() {
    let nested = |depth: usize| {
        let value = [[117, 1].repeat(depth), vec![126]].concat();
        Forged::one_run(&[&[8, 1], &value[..]].concat())
    };
    let mut content = YjsContent::empty();
    content.apply(&nested(127)).unwrap();
    YjsContent::restore(&content.snapshot()).unwrap();
    for depth in [128, 20_000, 500_000] {
        let refused = YjsContent::empty().apply(&nested(depth));
        assert!(
            matches!(refused, Err(ContentError::Malformed(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn types_nested_without_end_are_refused() {
    let deepest = u64::from(outline::DEPTH_MAX);
    for depth in [deepest + 1, 5_000, 100_000] {
        let refused = YjsContent::empty().apply(&Forged::nested(depth));
        assert!(
            matches!(refused, Err(ContentError::Unfit(_))),
            "{refused:?}"
        );
    }
    // As deep as is allowed, it can be read, stored, and deleted as a whole.
    let mut content = content_of(&[Forged::nested(deepest)]);
    let xml = content.read(DocumentType::Richtext).xml.unwrap();
    assert_eq!(xml.matches("<p>").count() as u64, deepest);
    YjsContent::restore(&content.snapshot()).unwrap();
    content.apply(&[0, 1, 7, 1, 0, 1]).unwrap();
    assert_eq!(content.read(DocumentType::Richtext).xml.unwrap(), "");
    YjsContent::restore(&content.snapshot()).unwrap();
}

#[test]
fn types_cannot_be_nested_without_end_one_edit_at_a_time() {
    let mut content = content_of(&[Forged::nested(u64::from(outline::DEPTH_MAX))]);
    // Reloading does not make it forget how deep things are.
    content = YjsContent::restore(&content.snapshot()).unwrap();
    let inside_the_deepest = Forged::default()
        .numbers(&[1, 1, 8, 0])
        .bytes(&[7, 0])
        .numbers(&[7, u64::from(outline::DEPTH_MAX) - 1])
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
    let mut content = YjsContent::empty();
    content.apply(&of_clients(EDIT_CLIENTS_MAX as u64)).unwrap();
    let refused = content.apply(&of_clients(EDIT_CLIENTS_MAX as u64 + 1));
    assert!(
        matches!(refused, Err(ContentError::Malformed(_))),
        "{refused:?}"
    );
    // A document may have had more than that in its life.
    let snapshot = of_clients(EDIT_CLIENTS_MAX as u64 + 1);
    YjsContent::restore(&snapshot).unwrap();
}

/// A well-formed update that makes no sense: elements hang on whatever there is.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    let id = || (1..4_u64, 0..12_u64);
    let run = (
        prop::option::of(id()),
        prop::option::of(id()),
        prop::option::of(id()),
        any::<bool>(),
        0..8_u8,
    );
    let runs = prop::collection::vec(run, 1..5);
    let deletions = prop::collection::vec((id(), 1..5_u64), 0..3);
    (id(), runs, deletions).prop_map(|((client, clock), runs, deletions)| {
        let mut forged = Forged::default().numbers(&[1, runs.len() as u64, client, clock]);
        for (left, right, parent, is_entry, content) in runs {
            let (kind, content): (u8, &[u8]) = match content {
                0 => (1, &[3]),
                1 => (7, &[1]),
                2 => (7, &[3, 1, b'p']),
                3 => (6, b"\x04bold\x04true"),
                4 => (8, &[2, 126, 126]),
                5 => (5, b"\x02{}"),
                _ => (4, b"\x06a\xf0\x9f\x98\x80b"),
            };
            let flags = [(left, 0x80), (right, 0x40)];
            let flags: u8 = flags
                .iter()
                .filter(|(id, _)| id.is_some())
                .map(|(_, flag)| flag)
                .sum();
            forged = forged.bytes(&[kind | flags | if is_entry { 0x20 } else { 0 }]);
            for (client, clock) in [left, right].into_iter().flatten() {
                forged = forged.numbers(&[client, clock]);
            }
            if flags == 0 {
                forged = match parent {
                    Some((client, clock)) => forged.numbers(&[0, client, clock]),
                    None => forged.bytes(b"\x01\x07default"),
                };
                forged = if is_entry {
                    forged.bytes(b"\x01k")
                } else {
                    forged
                };
            }
            forged = forged.bytes(content);
        }
        forged = forged.number(deletions.len() as u64);
        for (index, ((_, clock), length)) in deletions.into_iter().enumerate() {
            forged = forged.numbers(&[index as u64 + 1, 1, clock, length]);
        }
        forged.0
    })
}

proptest! {
    #[test]
    fn damaged_updates_of_a_session_never_break_the_content(
        strokes in strokes(20),
        is_rich in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let updates = session(&strokes, if is_rich { rich_stroke } else { plain_stroke });
        let mut content = YjsContent::empty();
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
    fn nonsense_never_breaks_the_content(updates in prop::collection::vec(nonsense(), 1..20)) {
        let mut content = YjsContent::empty();
        for update in &updates {
            assert_harmless(&mut content, update);
            let before = content.snapshot();
            if let Err(ContentError::Unfit(_)) = content.apply(update) {
                content = YjsContent::restore(&before).unwrap();
            }
        }
    }

    #[test]
    fn noise_is_never_taken_for_more_than_it_is(
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        assert_harmless(&mut content_of(&[colourful_update(1)]), &noise);
        drop(YjsContent::empty().difference(&noise));
    }
}
