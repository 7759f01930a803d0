//! Typed operations, one by one: what they do, what they refuse, and that they are done once.

use std::sync::Arc;

use guuid::Guuid;
use statesync_core::{
    Change, DocumentType, EditError, Limits, MemoryStore, Operation, OperationId, PolicyName,
    Terms, TextEdit, TextTarget, Value, Version, Write,
};

use crate::world::{World, edit, field, fill, object, rectangle, text_edit, update};

fn world() -> World {
    World::new(Arc::new(MemoryStore::new()), Limits::default())
}

fn number(value: f64) -> Write {
    Write::Set(Value::Number(value))
}

/// What is left of the operations below.
fn check(world: &mut World, open: &statesync_core::OpenDocument) {
    let (_, reading) = world.run(open.reading()).unwrap();
    let names: Vec<_> = reading.objects.keys().map(|id| id.as_str()).collect();
    assert_eq!(names, ["a"]);
    let a = &reading.objects[&object("a")];
    assert_eq!(a.kind, "rectangle");
    let fields: Vec<_> = a
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let expected = [
        ("height", Value::Number(4.0)),
        ("label", Value::Text("Jello, world".to_owned())),
        ("rotation", Value::Number(45.0)),
        ("stroke", Value::Text("black".to_owned())),
        ("width", Value::Number(3.0)),
        ("x", Value::Number(1.0)),
        ("y", Value::Number(2.0)),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn each_kind_of_operation_does_what_it_says() {
    let mut world = world();
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    let style = Operation::Style {
        object: object("a"),
        fields: [
            (field("stroke"), Some(Value::Text("black".to_owned()))),
            (field("fill"), None),
        ]
        .into(),
    };
    let label = |position, delete, insert: &str| Operation::Text {
        target: Some(TextTarget {
            object: object("a"),
            field: field("label"),
        }),
        edits: vec![TextEdit {
            position,
            delete,
            insert: insert.to_owned(),
        }],
    };
    let operations = [
        rectangle("a", "white"),
        rectangle("b", "white"),
        Operation::Move {
            object: object("a"),
            x: 1.0,
            y: 2.0,
        },
        Operation::Resize {
            object: object("a"),
            width: 3.0,
            height: 4.0,
        },
        style,
        update("a", "rotation", number(45.0)),
        label(0, 0, "Hello"),
        label(5, 0, ", world"),
        label(0, 1, "J"),
        Operation::Delete {
            object: object("b"),
        },
    ];
    for operation in operations {
        world
            .ask(&open, edit("bob", Change::Operation(operation)))
            .unwrap();
    }
    check(&mut world, &open);
    // The log adds up to the same.
    drop(open);
    world.clock.advance(std::time::Duration::from_secs(3_600));
    world.library.sweep();
    world.settle();
    let again = world.open(id);
    check(&mut world, &again);
}

#[test]
fn what_the_schema_does_not_know_is_refused_and_changes_nothing() {
    let mut world = world();
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    world
        .ask(
            &open,
            edit("bob", Change::Operation(rectangle("a", "white"))),
        )
        .unwrap();
    let before = world.run(open.reading()).unwrap();
    let unknown = Operation::Create {
        object: object("c"),
        kind: "spaceship".to_owned(),
        fields: Default::default(),
    };
    let styled = Operation::Style {
        object: object("a"),
        fields: [(field("x"), Some(Value::Number(1.0)))].into(),
    };
    let wrong = [
        unknown,
        styled,
        rectangle("a", "again"),
        fill("nobody", "blue"),
        Operation::Delete {
            object: object("nobody"),
        },
        update("a", "colour of the sky", number(1.0)),
        update("a", "x", Write::Set(Value::Boolean(true))),
        update("a", "x", number(f64::NAN)),
        update("a", "x", Write::Add(1)),
        update("a", "width", number(-1.0)),
        update("a", "opacity", number(1.5)),
        update(
            "a",
            "label",
            Write::Set(Value::Text("not like this".to_owned())),
        ),
        update("a", "title", Write::Set(Value::Text("x".repeat(100_000)))),
        Operation::Move {
            object: object("a"),
            x: f64::INFINITY,
            y: 0.0,
        },
        Operation::Resize {
            object: object("a"),
            width: 1.0,
            height: -1.0,
        },
        text_edit(0, 0, "no text here"),
    ];
    for operation in wrong {
        let asked = edit("bob", Change::Operation(operation.clone()));
        let refused = world.ask(&open, asked);
        assert!(
            matches!(refused, Err(EditError::Impossible(_))),
            "{operation:?}: {refused:?}"
        );
    }
    assert_eq!(world.run(open.reading()).unwrap(), before);
}

#[test]
fn edits_outside_of_a_text_are_refused() {
    let mut world = world();
    let id = world.create_under(DocumentType::Text, PolicyName::Merge);
    let open = world.open(id);
    world
        .operate(&open, "bob", 1, text_edit(0, 0, "abc"))
        .unwrap();
    for wrong in [
        text_edit(4, 0, "x"),
        text_edit(2, 2, ""),
        text_edit(u32::MAX, u32::MAX, ""),
    ] {
        let refused = world.operate(&open, "bob", 2, wrong);
        assert!(
            matches!(refused, Err(EditError::Impossible(_))),
            "{refused:?}"
        );
    }
    let ahead = world.operate(&open, "bob", 3, text_edit(0, 0, "x"));
    assert!(
        matches!(ahead, Err(EditError::Invalid { field: "base", .. })),
        "{ahead:?}"
    );
    let objects = world.ask(
        &open,
        edit("bob", Change::Operation(rectangle("a", "white"))),
    );
    assert!(
        matches!(objects, Err(EditError::Impossible(_))),
        "{objects:?}"
    );
}

#[test]
fn a_rich_text_is_edited_block_by_block() {
    let mut world = world();
    let id = world.create_under(DocumentType::Richtext, PolicyName::Merge);
    let open = world.open(id);
    let mut write = |operation| {
        world
            .ask(&open, edit("bob", Change::Operation(operation)))
            .map(|_| ())
    };
    write(text_edit(0, 0, "first line\nsecond line")).unwrap();
    write(text_edit(11, 6, "2nd")).unwrap();
    write(text_edit(0, 5, "1st")).unwrap();
    write(text_edit(17, 0, "\nthird")).unwrap();
    let across = write(text_edit(5, 8, ""));
    assert!(
        matches!(across, Err(EditError::Impossible(_))),
        "{across:?}"
    );
    let apart = write(text_edit(2, 0, "\n"));
    assert!(matches!(apart, Err(EditError::Impossible(_))), "{apart:?}");
    let (_, reading) = world.run(open.reading()).unwrap();
    assert_eq!(reading.text.trim_end(), "1st line\n2nd line\nthird");
    let paragraphs = "<paragraph>1st line</paragraph><paragraph>2nd line</paragraph><paragraph>third</paragraph>";
    assert_eq!(reading.xml.as_deref(), Some(paragraphs));
}

#[test]
fn an_operation_with_a_name_is_done_once_however_often_it_is_asked() {
    let mut world = world();
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    let name = OperationId(Guuid::now());
    let terms = Terms {
        operation_id: Some(name),
        ..Terms::default()
    };
    let named = |operation| edit("bob", Change::Operation(operation)).with_terms(terms.clone());
    world
        .ask(
            &open,
            edit("bob", Change::Operation(rectangle("a", "white"))),
        )
        .unwrap();
    let vote = || named(update("a", "votes", Write::Add(1)));
    // At once, in one batch.
    let (first, second) = world.run(async {
        let first = open.submit(vote(), None).await.unwrap();
        let second = open.submit(vote(), None).await.unwrap();
        (
            first.answer().await.unwrap(),
            second.answer().await.unwrap(),
        )
    });
    assert_eq!(first, second);
    assert_eq!(first.operation_id, Some(name));
    // Later, and by another process.
    assert_eq!(world.ask(&open, vote()).unwrap(), first);
    let (version, reading) = world.run(open.reading()).unwrap();
    assert_eq!(version, Version(3));
    let votes = &reading.objects[&object("a")].fields[&field("votes")];
    assert_eq!(*votes, Value::Integer(1));
    // The same name for something else is a mistake, or an attack.
    let other = world.ask(&open, named(update("a", "votes", Write::Add(7))));
    assert!(
        matches!(other, Err(EditError::OperationReused(_))),
        "{other:?}"
    );
    assert_eq!(world.run(open.reading()).unwrap().0, Version(3));
}

#[test]
fn asking_again_for_what_was_done_is_no_mistake() {
    let mut world = world();
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    let terms = Terms {
        operation_id: Some(OperationId(Guuid::now())),
        ..Terms::default()
    };
    let create =
        || edit("bob", Change::Operation(rectangle("a", "white"))).with_terms(terms.clone());
    let first = world.ask(&open, create()).unwrap();
    assert_eq!(world.ask(&open, create()).unwrap(), first);
}

#[test]
fn a_drag_of_many_moves_leaves_the_document_as_large_as_its_objects() {
    let mut limits = Limits::default();
    (limits.snapshot_records, limits.history_records) = (100, 10);
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(store.clone(), limits);
    let id = world.create_under(DocumentType::Whiteboard, PolicyName::Lww);
    let open = world.open(id);
    world
        .ask(
            &open,
            edit("bob", Change::Operation(rectangle("a", "white"))),
        )
        .unwrap();
    let small = world.run(open.snapshot()).unwrap().content.len();
    for step in 0..2_000 {
        let moved = Operation::Move {
            object: object("a"),
            x: f64::from(step),
            y: 1.0,
        };
        world
            .ask(&open, edit("bob", Change::Operation(moved)))
            .unwrap();
    }
    let large = world.run(open.snapshot()).unwrap().content.len();
    assert!(large < small + 100, "{small} {large}");
    let stored =
        futures::executor::block_on(statesync_core::DocumentStore::load(&*store, id)).unwrap();
    assert!(stored.records.len() <= 100, "{}", stored.records.len());
}

#[test]
fn a_long_queue_that_is_sent_again_is_answered_as_it_was() {
    const COUNT: usize = 100;
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let named = |_| {
        let terms = Terms {
            operation_id: Some(OperationId(Guuid::now())),
            ..Terms::default()
        };
        edit("alice", Change::Operation(text_edit(0, 0, "x"))).with_terms(terms)
    };
    let asked: Vec<_> = (0..COUNT).map(named).collect();
    let mut ask_all = |asked: Vec<_>| {
        world.run(async {
            let mut receipts = Vec::new();
            for edit in asked {
                receipts.push(open.submit(edit, None).await.unwrap());
            }
            futures::future::join_all(receipts.into_iter().map(|it| it.answer())).await
        })
    };
    let mut accepted =
        |asked| -> Vec<_> { ask_all(asked).into_iter().map(Result::unwrap).collect() };
    let first = accepted(asked.clone());
    // With new ones between them.
    let mut mixed = asked.clone();
    (0..COUNT).for_each(|index| mixed.insert(2 * index + 1, named(index)));
    let again = accepted(mixed);
    let known: Vec<_> = again.iter().step_by(2).copied().collect();
    assert_eq!(known, first);
    assert_eq!(open.document().version.0, 2 * COUNT as u64);
}
