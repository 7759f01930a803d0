//! Two people who had not seen each other: what each policy makes of it, wherever the documents are kept, and
//! that all subscribers see the same in the end.

use aetherflow_api::statesync::v1 as wire;
use wire::document_event::Event;
use wire::operation_data::Kind;
use wire::resolution::Choice;
use wire::{ConflictState, DocumentType, OperationStatus};

use crate::board::{
    Replica, apply, conflicts, content, document, edit_text, field, fill, number, operation,
    rectangle, set, text,
};
use crate::places::Place;
use crate::world::{Client, World, soon};

const POLICIES: [&str; 3] = ["lww", "manual", "merge"];

/// Users and subscribers of one document at version 2. Where there are two services, alice and bob are at the
/// first one, and carol at the other.
pub(crate) struct Table {
    _worlds: Vec<World>,
    pub(crate) alice: Client,
    pub(crate) bob: Client,
    pub(crate) carol: Client,
    pub(crate) doc_id: String,
    replicas: Vec<Replica>,
    /// The newest version that somebody was told of.
    newest: u64,
}

const SEEN: Option<u64> = Some(2);

impl Table {
    pub(crate) async fn at(
        worlds: Vec<World>,
        kind: DocumentType,
        policy: &str,
        first: Kind,
    ) -> Self {
        let (one, other) = (&worlds[0], &worlds[worlds.len() - 1]);
        let mut alice = one.client("alice").await;
        let (bob, mut carol) = (one.client("bob").await, other.client("carol").await);
        let doc_id = document(&mut alice, kind, policy).await;
        apply(&mut alice, &doc_id, None, first).await;
        let replicas = vec![
            Replica::new(&mut alice, &doc_id, Some(0)).await,
            Replica::new(&mut carol, &doc_id, None).await,
        ];
        Self {
            _worlds: worlds,
            alice,
            bob,
            carol,
            doc_id,
            replicas,
            newest: 2,
        }
    }

    async fn board(place: Place, policy: &str) -> Self {
        let first = rectangle("box", "white");
        Self::at(
            place.worlds().await,
            DocumentType::Whiteboard,
            policy,
            first,
        )
        .await
    }

    async fn words(place: Place, policy: &str, words: &str) -> Self {
        let first = edit_text(0, 0, words);
        Self::at(place.worlds().await, DocumentType::Text, policy, first).await
    }

    async fn bob_and_carol(
        &mut self,
        bobs: Kind,
        carols: Kind,
    ) -> [wire::ApplyOperationResponse; 2] {
        let bob = apply(&mut self.bob, &self.doc_id, SEEN, bobs).await;
        let carol = apply(&mut self.carol, &self.doc_id, SEEN, carols).await;
        self.newest = carol.version;
        [bob, carol]
    }

    /// What the log has after the version that everybody had seen, by author.
    async fn written(&mut self) -> Vec<(String, wire::Operation)> {
        let asked = wire::GetOperationHistoryRequest {
            doc_id: self.doc_id.clone(),
            from_version: 2,
            ..Default::default()
        };
        let answer = self.carol.get_operation_history(asked).await.unwrap();
        let log = answer.into_inner().operations.into_iter();
        log.map(|operation| (operation.user_id.clone(), operation))
            .collect()
    }

    /// That the log has these operations, as they were asked for: what somebody wrote is there for whoever
    /// wants to know, whatever became of it.
    async fn assert_written(&mut self, expected: [(&str, &Kind); 2]) {
        let written = self.written().await;
        let written = written.iter().map(|(author, operation)| {
            let data = operation.data.as_ref().unwrap();
            (author.as_str(), data.kind.as_ref().unwrap())
        });
        assert_eq!(written.collect::<Vec<_>>(), expected);
    }

    /// The content, that every subscriber has too.
    async fn converged(&mut self) -> wire::Content {
        // Her service has it then.
        self.replicas[0].reach(self.newest).await;
        let content = content(&mut self.alice, &self.doc_id).await;
        assert_eq!(content.version, self.newest);
        let mut late = Replica::new(&mut self.carol, &self.doc_id, Some(0)).await;
        late.reach(content.version).await;
        late.assert_has(&content);
        for replica in &mut self.replicas {
            replica.reach(content.version).await;
            replica.assert_has(&content);
        }
        content
    }

    async fn fill(&mut self) -> Option<wire::Value> {
        field(&self.converged().await, "box", "fill")
    }

    async fn conflicts(&mut self, state: ConflictState) -> Vec<wire::Conflict> {
        conflicts(&mut self.alice, &self.doc_id, state).await
    }

    async fn resolve(&mut self, choice: Choice) -> wire::Conflict {
        let open = self.conflicts(ConflictState::Open).await;
        assert_eq!(open.len(), 1);
        for replica in &mut self.replicas {
            let told = replica.until(|event| match event {
                Event::ConflictDetected(conflict) => Some(conflict.clone()),
                _ => None,
            });
            assert_eq!(soon(told).await.id, open[0].id);
        }
        let asked = wire::ResolveConflictRequest {
            doc_id: self.doc_id.clone(),
            resolution: Some(wire::Resolution {
                conflict_id: open[0].id.clone(),
                choice: Some(choice),
            }),
            operation_id: None,
        };
        let answer = self.alice.resolve_conflict(asked).await.unwrap();
        let answer = answer.into_inner();
        self.newest = answer.applied.unwrap().version;
        let settled = answer.conflict.unwrap();
        assert_eq!(settled.id, open[0].id);
        assert_eq!(settled.resolved_by, "alice");
        assert!(settled.resolved_at.is_some());
        for replica in &mut self.replicas {
            let told = replica.until(|event| match event {
                Event::ConflictResolved(conflict) => Some(conflict.clone()),
                _ => None,
            });
            assert_eq!(soon(told).await, settled);
        }
        assert_eq!(self.conflicts(ConflictState::Open).await, []);
        settled
    }
}

/// These policies, each in each place.
fn everywhere<'a>(policies: &'a [&'a str]) -> impl Iterator<Item = (Place, &'a str)> {
    let places = Place::ALL.into_iter();
    places.flat_map(|place| policies.iter().map(move |policy| (place, *policy)))
}

fn status(of: &wire::ApplyOperationResponse) -> OperationStatus {
    of.status()
}

/// The operations of a conflict, by name.
fn names(conflict: &wire::Conflict) -> Vec<&str> {
    conflict.ops.iter().map(|it| it.id.as_str()).collect()
}

#[tokio::test]
async fn one_field_under_lww_and_merge_is_the_later_one_and_the_other_is_kept() {
    for (place, policy) in everywhere(&["lww", "merge"]) {
        let mut table = Table::board(place, policy).await;
        let (blue, red) = (fill("box", "blue"), fill("box", "red"));
        let [bob, carol] = table.bob_and_carol(blue.clone(), red.clone()).await;
        assert_eq!(status(&carol), OperationStatus::Applied);
        assert_eq!(table.fill().await, Some(text("red")));
        let settled = table.conflicts(ConflictState::Resolved).await;
        assert_eq!(settled.len(), 1, "{place:?} {policy}");
        let settled = &settled[0];
        let (bobs, carols) = (bob.operation_id.unwrap(), carol.operation_id.unwrap());
        assert_eq!(names(settled), [bobs.as_str(), carols.as_str()]);
        assert_eq!(settled.resolved_op, carols);
        assert_eq!(
            (settled.resolution.as_str(), settled.resolved_by.as_str()),
            (policy, "")
        );
        assert_eq!(carol.conflict_id.as_ref(), Some(&settled.id));
        table
            .assert_written([("bob", &blue), ("carol", &red)])
            .await;
    }
}

#[tokio::test]
async fn one_field_under_manual_waits_for_somebody_who_chooses_an_operation() {
    for place in Place::ALL {
        for carols_holds in [true, false] {
            let mut table = Table::board(place, "manual").await;
            let [bob, carol] = table
                .bob_and_carol(fill("box", "blue"), fill("box", "red"))
                .await;
            assert_eq!(status(&carol), OperationStatus::Conflict);
            // What waits is told, and changes nothing.
            assert_eq!(table.fill().await, Some(text("blue")));
            let (chosen, colour, became) = if carols_holds {
                (carol, "red", OperationStatus::Resolved)
            } else {
                (bob, "blue", OperationStatus::Rejected)
            };
            let chosen = chosen.operation_id.unwrap();
            let settled = table.resolve(Choice::ResolvedOp(chosen.clone())).await;
            assert_eq!(settled.resolved_op, chosen);
            assert_eq!(settled.ops[1].status(), became);
            assert_eq!(table.fill().await, Some(text(colour)));
        }
    }
}

#[tokio::test]
async fn one_field_under_manual_can_get_a_third_value() {
    for place in Place::ALL {
        let mut table = Table::board(place, "manual").await;
        table
            .bob_and_carol(fill("box", "blue"), fill("box", "red"))
            .await;
        let purple = wire::FieldValue {
            object_id: "box".to_owned(),
            field: "fill".to_owned(),
            value: Some(text("purple")),
        };
        let values = vec![purple];
        let settled = table
            .resolve(Choice::Values(wire::FieldValues { values }))
            .await;
        // What holds is what the answer itself brought.
        assert!(settled.ops.iter().all(|it| it.id != settled.resolved_op));
        assert_eq!(settled.ops[1].status(), OperationStatus::Rejected);
        assert_eq!(table.fill().await, Some(text("purple")));
    }
}

#[tokio::test]
async fn different_fields_are_no_conflict_under_any_policy() {
    for (place, policy) in everywhere(&POLICIES) {
        let mut table = Table::board(place, policy).await;
        let moved = set("box", "x", number(5.0));
        let answers = table.bob_and_carol(fill("box", "blue"), moved).await;
        let applied = |it| status(it) == OperationStatus::Applied;
        assert!(answers.iter().all(applied), "{place:?} {policy}");
        let content = table.converged().await;
        assert_eq!(field(&content, "box", "fill"), Some(text("blue")));
        assert_eq!(field(&content, "box", "x"), Some(number(5.0)));
        assert_eq!(table.conflicts(ConflictState::Unspecified).await, []);
    }
}

#[tokio::test]
async fn one_after_the_other_is_no_conflict_under_any_policy() {
    for (place, policy) in everywhere(&POLICIES) {
        let mut table = Table::board(place, policy).await;
        let doc_id = table.doc_id.clone();
        let bob = apply(&mut table.bob, &doc_id, SEEN, fill("box", "blue")).await;
        let seen = Some(bob.version);
        let carol = apply(&mut table.carol, &doc_id, seen, fill("box", "red")).await;
        assert_eq!(
            status(&carol),
            OperationStatus::Applied,
            "{place:?} {policy}"
        );
        table.newest = carol.version;
        assert_eq!(table.fill().await, Some(text("red")));
        assert_eq!(table.conflicts(ConflictState::Unspecified).await, []);
    }
}

#[tokio::test]
async fn text_in_one_place_stays_both_under_merge() {
    for place in Place::ALL {
        let mut table = Table::words(place, "merge", "one two three").await;
        table
            .bob_and_carol(edit_text(4, 0, "and "), edit_text(4, 0, "or "))
            .await;
        assert_eq!(table.converged().await.text, "one and or two three");
        // Also of one word that both replaced.
        let mut table = Table::words(place, "merge", "one two three").await;
        table
            .bob_and_carol(edit_text(4, 3, "BOB"), edit_text(4, 3, "CAROL"))
            .await;
        let merged = table.converged().await.text;
        assert!(
            merged.contains("BOB") && merged.contains("CAROL"),
            "{merged}"
        );
    }
}

#[tokio::test]
async fn text_in_one_place_is_the_later_under_lww_and_the_other_is_in_the_history() {
    for place in Place::ALL {
        for (words, bobs, carols, outcome) in [
            (
                "one two three",
                edit_text(4, 3, "BOB"),
                edit_text(4, 3, "CAROL"),
                "one CAROL three",
            ),
            // Both type at position 10.
            (
                "Hello Worl",
                edit_text(10, 0, "t"),
                edit_text(10, 0, "d"),
                "Hello World",
            ),
        ] {
            let mut table = Table::words(place, "lww", words).await;
            let [bob, carol] = table.bob_and_carol(bobs.clone(), carols.clone()).await;
            assert_eq!(table.converged().await.text, outcome, "{place:?}");
            let settled = table.conflicts(ConflictState::Resolved).await;
            assert_eq!(settled.len(), 1);
            let (bob, carol) = (bob.operation_id.unwrap(), carol.operation_id.unwrap());
            assert_eq!(names(&settled[0]), [bob.as_str(), carol.as_str()]);
            assert_eq!(settled[0].resolved_op, carol);
            table
                .assert_written([("bob", &bobs), ("carol", &carols)])
                .await;
        }
    }
}

#[tokio::test]
async fn text_in_one_place_waits_under_manual_until_an_operation_or_a_text_is_chosen() {
    for place in Place::ALL {
        for by_text in [false, true] {
            let mut table = Table::words(place, "manual", "one two three").await;
            let [_, carol] = table
                .bob_and_carol(edit_text(4, 3, "BOB"), edit_text(4, 3, "CAROL"))
                .await;
            assert_eq!(status(&carol), OperationStatus::Conflict);
            assert_eq!(table.converged().await.text, "one BOB three");
            let (choice, outcome) = if by_text {
                let both = "one BOB and CAROL three".to_owned();
                (Choice::Text(both.clone()), both)
            } else {
                let chosen = carol.operation_id.unwrap();
                (Choice::ResolvedOp(chosen), "one CAROL three".to_owned())
            };
            table.resolve(choice).await;
            assert_eq!(table.converged().await.text, outcome);
        }
    }
}

#[tokio::test]
async fn whoever_lost_and_asks_again_is_answered_as_before_and_wins_nothing() {
    for (place, policy) in everywhere(&POLICIES) {
        let mut table = Table::board(place, policy).await;
        let doc_id = table.doc_id.clone();
        let asked = operation(&doc_id, SEEN, fill("box", "blue"));
        let first = table.bob.apply_operation(asked.clone()).await.unwrap();
        let carol = apply(&mut table.carol, &doc_id, SEEN, fill("box", "red")).await;
        table.newest = carol.version;
        let before = table.fill().await;
        let again = table.bob.apply_operation(asked).await.unwrap();
        assert_eq!(again.into_inner(), first.into_inner());
        assert_eq!(table.fill().await, before, "{place:?} {policy}");
        assert_eq!(table.written().await.len(), 2);
    }
}

#[tokio::test]
async fn policies_of_the_application_decide_and_keep_both() {
    for place in Place::ALL {
        for (policy, bobs, carols, of, holds) in [
            // Bob is one of those who go first.
            (
                "priority",
                fill("box", "blue"),
                fill("box", "red"),
                "fill",
                text("blue"),
            ),
            // One vote each: who was first.
            (
                "vote",
                fill("box", "blue"),
                fill("box", "red"),
                "fill",
                text("blue"),
            ),
            (
                "larger",
                set("box", "x", number(5.0)),
                set("box", "x", number(3.0)),
                "x",
                number(5.0),
            ),
        ] {
            let mut table = Table::board(place, policy).await;
            let [bob, carol] = table.bob_and_carol(bobs.clone(), carols.clone()).await;
            let content = table.converged().await;
            assert_eq!(field(&content, "box", of), Some(holds), "{policy}");
            let settled = table.conflicts(ConflictState::Resolved).await;
            assert_eq!(settled.len(), 1, "{policy}");
            let (bob, carol) = (bob.operation_id.unwrap(), carol.operation_id.unwrap());
            assert_eq!(names(&settled[0]), [bob.as_str(), carol.as_str()]);
            assert_eq!(
                (
                    settled[0].resolution.as_str(),
                    settled[0].resolved_op.as_str()
                ),
                (policy, bob.as_str())
            );
            table
                .assert_written([("bob", &bobs), ("carol", &carols)])
                .await;
        }
    }
}
