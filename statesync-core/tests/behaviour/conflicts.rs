//! Two people who had not seen each other: what each policy makes of it.

use std::sync::Arc;

use statesync_core::{
    Change, Choice, ConflictId, DocumentType, EditError, FieldRule, FieldWise, Limits, MemoryStore,
    Operation, Policies, PolicyName, Resolution, Status, UserPriority, Value, Vote, Write,
};

use crate::world::{World, edit, field, fill, object, rectangle, text_edit, update, user};

fn world() -> World {
    World::new(Arc::new(MemoryStore::new()), Limits::default())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A whiteboard under this policy with one rectangle at version 2, and what `operations` of those who
/// had seen no more than that lead to.
struct Board {
    world: World,
    id: statesync_core::DocumentId,
    open: Arc<statesync_core::OpenDocument>,
}

const SEEN: u64 = 2;

impl Board {
    fn new(policy: PolicyName) -> Self {
        Self::in_world(world(), policy)
    }

    fn in_world(mut world: World, policy: PolicyName) -> Self {
        let id = world.create_under(DocumentType::Whiteboard, policy);
        let open = world.open(id);
        let made = world.operate(&open, "alice", 1, rectangle("box", "white"));
        assert_eq!(made.unwrap().version.0, SEEN);
        Self { world, id, open }
    }

    fn asks(&mut self, who: &str, operation: Operation) -> statesync_core::Accepted {
        self.world
            .operate(&self.open, who, SEEN, operation)
            .unwrap()
    }

    fn value(&mut self, of: &str) -> Option<Value> {
        let (_, reading) = self.world.run(self.open.reading()).unwrap();
        let found = reading.objects.get(&object("box"))?;
        found.fields.get(&field(of)).cloned()
    }

    fn resolve(
        &mut self,
        who: &str,
        conflict: ConflictId,
        choice: Choice,
    ) -> Result<(), EditError> {
        let change = Change::Resolve(Resolution { conflict, choice });
        self.world.ask(&self.open, edit(who, change)).map(|_| ())
    }
}

#[test]
fn under_lww_the_later_one_holds_and_the_other_is_kept_in_the_conflict() {
    let mut board = Board::new(PolicyName::Lww);
    let bob = board.asks("bob", fill("box", "blue"));
    assert_eq!((bob.status, bob.conflict), (Status::Applied, None));
    let carol = board.asks("carol", fill("box", "red"));
    assert_eq!(board.value("fill"), Some(text("red")));
    let conflicts = board.world.conflicts(board.id);
    assert_eq!(conflicts.len(), 1);
    let operations = conflicts[0].operations.iter();
    let operations: Vec<_> = operations.map(|record| record.operation_id).collect();
    assert_eq!(
        operations,
        [bob.operation_id.unwrap(), carol.operation_id.unwrap()]
    );
    let outcome = conflicts[0].outcome.as_ref().unwrap();
    assert_eq!(outcome.resolved_operation, carol.operation_id);
    assert_eq!(outcome.resolved_by, None);
    assert_eq!(carol.conflict, Some(conflicts[0].id));
}

#[test]
fn under_every_policy_different_fields_are_no_conflict() {
    for policy in [PolicyName::Lww, PolicyName::Manual, PolicyName::Merge] {
        let mut board = Board::new(policy);
        board.asks("bob", fill("box", "blue"));
        let moved = Operation::Move {
            object: object("box"),
            x: 5.0,
            y: 6.0,
        };
        board.asks("carol", moved);
        assert_eq!(board.value("fill"), Some(text("blue")));
        assert_eq!(board.value("x"), Some(Value::Number(5.0)));
        assert_eq!(board.world.conflicts(board.id), []);
    }
}

#[test]
fn whoever_has_seen_the_other_is_in_no_conflict() {
    let mut board = Board::new(PolicyName::Manual);
    let bob = board.asks("bob", fill("box", "blue"));
    let later = board
        .world
        .operate(&board.open, "carol", bob.version.0, fill("box", "red"));
    assert_eq!(later.unwrap().status, Status::Applied);
    // Nobody is in conflict with themselves, whatever they say that they had seen.
    assert_eq!(
        board.asks("carol", fill("box", "green")).status,
        Status::Applied
    );
    // And two who want the same do not disagree.
    assert_eq!(
        board.asks("bob", fill("box", "green")).status,
        Status::Applied
    );
    assert_eq!(board.world.conflicts(board.id), []);
}

#[test]
fn under_manual_the_later_one_waits_until_somebody_chooses_it() {
    let mut board = Board::new(PolicyName::Manual);
    board.asks("bob", fill("box", "blue"));
    let carol = board.asks("carol", fill("box", "red"));
    assert_eq!(carol.status, Status::Conflict);
    assert_eq!(board.value("fill"), Some(text("blue")));
    let open = board.world.conflicts(board.id).remove(0);
    assert!(open.is_open());
    let choice = Choice::Operation(carol.operation_id.unwrap());
    board.resolve("dave", open.id, choice.clone()).unwrap();
    assert_eq!(board.value("fill"), Some(text("red")));
    let settled = board.world.conflicts(board.id).remove(0);
    let outcome = settled.outcome.unwrap();
    assert_eq!(outcome.resolved_by, Some(user("dave")));
    assert_eq!(outcome.resolved_operation, carol.operation_id);
    let last = settled.operations.last().unwrap();
    assert_eq!(
        (last.operation_id, last.status),
        (carol.operation_id.unwrap(), Status::Resolved)
    );
    let again = board.resolve("dave", open.id, choice);
    assert!(
        matches!(again, Err(EditError::NoOpenConflict(_))),
        "{again:?}"
    );
}

#[test]
fn a_third_one_joins_the_conflict_that_waits_and_another_value_settles_it_for_all() {
    let mut board = Board::new(PolicyName::Manual);
    board.asks("bob", fill("box", "blue"));
    let carol = board.asks("carol", fill("box", "red"));
    let dave = board.asks("dave", fill("box", "green"));
    assert_eq!(carol.conflict, dave.conflict);
    let open = board.world.conflicts(board.id).remove(0);
    assert_eq!(open.operations.len(), 3);
    let wrong = Choice::Values(vec![(object("box"), field("fill"), Value::Boolean(true))]);
    let refused = board.resolve("bob", open.id, wrong);
    assert!(
        matches!(refused, Err(EditError::Impossible(_))),
        "{refused:?}"
    );
    let purple = Choice::Values(vec![(object("box"), field("fill"), text("purple"))]);
    board.resolve("bob", open.id, purple).unwrap();
    assert_eq!(board.value("fill"), Some(text("purple")));
    let settled = board.world.conflicts(board.id).remove(0);
    let statuses: Vec<_> = settled
        .operations
        .iter()
        .map(|record| record.status)
        .collect();
    assert_eq!(
        statuses,
        [Status::Applied, Status::Rejected, Status::Rejected]
    );
}

#[test]
fn choosing_what_is_there_rejects_what_waits() {
    let mut board = Board::new(PolicyName::Manual);
    let bob = board.asks("bob", fill("box", "blue"));
    board.asks("carol", fill("box", "red"));
    let open = board.world.conflicts(board.id).remove(0);
    let stranger = Choice::Operation(statesync_core::OperationId(guuid::Guuid::now()));
    let refused = board.resolve("alice", open.id, stranger);
    assert!(
        matches!(refused, Err(EditError::Impossible(_))),
        "{refused:?}"
    );
    let choice = Choice::Operation(bob.operation_id.unwrap());
    board.resolve("alice", open.id, choice).unwrap();
    assert_eq!(board.value("fill"), Some(text("blue")));
    let settled = board.world.conflicts(board.id).remove(0);
    assert_eq!(settled.operations[1].status, Status::Rejected);
}

#[test]
fn counters_add_and_sets_unite_under_every_policy() {
    for policy in [PolicyName::Lww, PolicyName::Manual, PolicyName::Merge] {
        let mut board = Board::new(policy);
        let unite = |word: &str| Write::Unite {
            add: [word.to_owned()].into(),
            remove: Default::default(),
        };
        for (who, votes, tag) in [("bob", 2, "red"), ("carol", 3, "urgent")] {
            board.asks(who, update("box", "votes", Write::Add(votes)));
            board.asks(who, update("box", "tags", unite(tag)));
        }
        assert_eq!(board.value("votes"), Some(Value::Integer(5)));
        let both = ["red".to_owned(), "urgent".to_owned()];
        assert_eq!(board.value("tags"), Some(Value::Set(both.into())));
        assert_eq!(board.world.conflicts(board.id), []);
    }
}

#[test]
fn whoever_deletes_what_somebody_changed_gives_way_under_merge_alone() {
    let delete = || Operation::Delete {
        object: object("box"),
    };
    for (policy, stays) in [(PolicyName::Merge, true), (PolicyName::Lww, false)] {
        let mut board = Board::new(policy);
        board.asks("bob", fill("box", "blue"));
        board.asks("carol", delete());
        assert_eq!(board.value("fill").is_some(), stays);
        assert_eq!(board.world.conflicts(board.id).len(), 1);
    }
}

#[test]
fn what_was_written_to_an_object_that_is_gone_is_kept_in_the_conflict() {
    let mut board = Board::new(PolicyName::Lww);
    let delete = Operation::Delete {
        object: object("box"),
    };
    let bob = board.asks("bob", delete);
    let carol = board.asks("carol", fill("box", "blue"));
    assert_eq!(board.value("fill"), None);
    let conflict = board.world.conflicts(board.id).remove(0);
    assert_eq!(
        conflict.outcome.unwrap().resolved_operation,
        bob.operation_id
    );
    let lost = conflict.operations.last().unwrap();
    assert_eq!(lost.operation_id, carol.operation_id.unwrap());
    // Who has seen the deletion is simply wrong.
    let wrong = board
        .world
        .operate(&board.open, "carol", carol.version.0, fill("box", "red"));
    assert!(matches!(wrong, Err(EditError::Impossible(_))), "{wrong:?}");
}

#[test]
fn policies_of_the_application_decide() {
    let custom = |name: &str| PolicyName::Custom(name.to_owned());
    let policies = || {
        Policies::default()
            .with("priority", UserPriority::new([user("alice"), user("bob")]))
            .with("vote", Vote)
            .with(
                "larger",
                FieldWise::default().with(field("x"), FieldRule::Larger),
            )
    };
    let board = |name: &str| Board::in_world(world().with_policies(policies()), custom(name));

    let mut priority = board("priority");
    priority.asks("bob", fill("box", "blue"));
    priority.asks("carol", fill("box", "red"));
    assert_eq!(priority.value("fill"), Some(text("blue")));
    priority.asks("alice", fill("box", "gold"));
    assert_eq!(priority.value("fill"), Some(text("gold")));

    let mut vote = board("vote");
    for (who, colour, holds) in [
        ("bob", "blue", "blue"),
        ("carol", "red", "blue"),
        ("dave", "red", "red"),
        ("erin", "blue", "red"),
    ] {
        vote.asks(who, fill("box", colour));
        assert_eq!(vote.value("fill"), Some(text(holds)), "{who}");
    }

    let mut larger = board("larger");
    let x = |number: f64| update("box", "x", Write::Set(Value::Number(number)));
    larger.asks("bob", x(5.0));
    larger.asks("carol", x(3.0));
    assert_eq!(larger.value("x"), Some(Value::Number(5.0)));
    larger.asks("dave", x(9.0));
    assert_eq!(larger.value("x"), Some(Value::Number(9.0)));
}

#[test]
fn a_policy_that_nobody_registered_cannot_be_chosen() {
    let mut world = world();
    let id = world.create();
    let open = world.open(id);
    let change = statesync_core::PropertiesChange {
        policy: Some(PolicyName::Custom("dice".to_owned())),
        ..Default::default()
    };
    let refused = world.edit(&open, "alice", Change::Properties(change));
    assert!(
        matches!(
            refused,
            Err(EditError::Invalid {
                field: "policy",
                ..
            })
        ),
        "{refused:?}"
    );
}

/// A text under this policy, "one two three" at version 2.
fn words(policy: PolicyName) -> Board {
    let mut world = world();
    let id = world.create_under(DocumentType::Text, policy);
    let open = world.open(id);
    world
        .operate(&open, "alice", 1, text_edit(0, 0, "one two three"))
        .unwrap();
    Board { world, id, open }
}

impl Board {
    fn text(&mut self) -> String {
        self.world.run(self.open.reading()).unwrap().1.text
    }
}

#[test]
fn edits_of_different_words_are_no_conflict_under_any_policy() {
    for policy in [PolicyName::Lww, PolicyName::Manual, PolicyName::Merge] {
        let mut board = words(policy);
        board.asks("bob", text_edit(0, 3, "1"));
        board.asks("carol", text_edit(8, 5, "3"));
        assert_eq!(board.text(), "1 two 3");
        assert_eq!(board.world.conflicts(board.id), []);
    }
}

#[test]
fn text_in_one_place_stays_both_under_merge() {
    let mut board = words(PolicyName::Merge);
    board.asks("bob", text_edit(4, 0, "and "));
    board.asks("carol", text_edit(4, 0, "or "));
    assert_eq!(board.text(), "one and or two three");
}

#[test]
fn text_in_one_place_is_the_later_under_lww_and_the_other_is_kept() {
    let mut board = words(PolicyName::Lww);
    let bob = board.asks("bob", text_edit(4, 3, "BOB"));
    let carol = board.asks("carol", text_edit(4, 3, "CAROL"));
    assert_eq!(board.text(), "one CAROL three");
    let conflict = board.world.conflicts(board.id).remove(0);
    assert_eq!(
        conflict.operations[0].operation_id,
        bob.operation_id.unwrap()
    );
    assert_eq!(
        conflict.outcome.unwrap().resolved_operation,
        carol.operation_id
    );
}

#[test]
fn text_in_one_place_waits_under_manual_until_it_is_chosen() {
    let mut board = words(PolicyName::Manual);
    board.asks("bob", text_edit(4, 3, "BOB"));
    let carol = board.asks("carol", text_edit(4, 3, "CAROL"));
    assert_eq!(carol.status, Status::Conflict);
    assert_eq!(board.text(), "one BOB three");
    // Meanwhile others write elsewhere.
    let open = board.world.conflicts(board.id).remove(0);
    board
        .world
        .operate(&board.open, "dave", carol.version.0, text_edit(0, 3, "1"))
        .unwrap();
    let choice = Choice::Operation(carol.operation_id.unwrap());
    board.resolve("alice", open.id, choice).unwrap();
    assert_eq!(board.text(), "1 CAROL three");
}

#[test]
fn a_text_of_their_own_settles_it_as_well() {
    let mut board = words(PolicyName::Manual);
    board.asks("bob", text_edit(4, 3, "BOB"));
    board.asks("carol", text_edit(4, 3, "CAROL"));
    let open = board.world.conflicts(board.id).remove(0);
    let both = Choice::Text("one BOB and CAROL three".to_owned());
    board.resolve("alice", open.id, both).unwrap();
    assert_eq!(board.text(), "one BOB and CAROL three");
    assert!(
        board
            .world
            .conflicts(board.id)
            .iter()
            .all(|conflict| !conflict.is_open())
    );
}

#[test]
fn raw_updates_are_taken_under_merge_alone() {
    for (policy, taken) in [
        (PolicyName::Lww, false),
        (PolicyName::Manual, false),
        (PolicyName::Merge, true),
    ] {
        let mut board = words(policy);
        let typed = crate::world::Typist::new().types("x");
        let answer = board.world.edit(&board.open, "bob", typed);
        match answer {
            Ok(_) => assert!(taken),
            Err(EditError::PolicyForbids(_)) => assert!(!taken),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn an_editor_and_an_application_without_yjs_write_to_one_document() {
    let mut board = words(PolicyName::Merge);
    let typist = crate::world::Typist::new();
    board
        .world
        .edit(&board.open, "bob", typist.types("0 "))
        .unwrap();
    board.asks("carol", text_edit(13, 0, "!"));
    board
        .world
        .edit(&board.open, "bob", typist.types("zero "))
        .unwrap();
    let text = board.text();
    let parts = ["one two three", "0 ", "zero ", "!"];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    assert_eq!(text.len(), parts.concat().len());
}

#[test]
fn edits_of_a_field_go_where_their_author_saw_the_text() {
    let mut board = Board::new(PolicyName::Merge);
    let label = |position: u32, insert: &str| Operation::Text {
        target: Some(statesync_core::TextTarget {
            object: object("box"),
            field: field("label"),
        }),
        edits: vec![statesync_core::TextEdit {
            position,
            delete: 0,
            insert: insert.to_owned(),
        }],
    };
    let seen = board.asks("alice", label(0, "world")).version.0;
    let mut after = |who, operation| {
        let (world, open) = (&mut board.world, &board.open);
        world.operate(open, who, seen, operation)
    };
    after("bob", label(0, "hello ")).unwrap();
    after("carol", label(5, "!")).unwrap();
    after("dave", fill("box", "blue")).unwrap();
    after("erin", label(5, "?")).unwrap();
    // The text that they had seen was shorter.
    let outside = after("frank", label(6, "x"));
    assert!(
        matches!(outside, Err(EditError::Impossible(_))),
        "{outside:?}"
    );
    assert_eq!(board.value("label"), Some(text("hello world!?")));
    let future = board.world.operate(&board.open, "bob", 99, label(0, "x"));
    assert!(
        matches!(future, Err(EditError::Invalid { field: "base", .. })),
        "{future:?}"
    );
}
