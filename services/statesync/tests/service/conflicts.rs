//! Two people who had not seen each other: what each policy makes of it, and that all subscribers see the
//! same in the end.

use aetherflow_api::statesync::v1 as wire;
use wire::document_event::Event;
use wire::operation_data::Kind;
use wire::resolution::Choice;
use wire::{ConflictState, DocumentType, OperationStatus};

use crate::board::{
    Replica, apply, conflicts, content, document, edit_text, field, fill, number, rectangle, set,
    text,
};
use crate::world::{Client, World, soon};

const POLICIES: [&str; 3] = ["lww", "manual", "merge"];

/// Two users and two subscribers of one document at version 2.
struct Table {
    _world: World,
    alice: Client,
    bob: Client,
    carol: Client,
    doc_id: String,
    replicas: Vec<Replica>,
}

const SEEN: Option<u64> = Some(2);

impl Table {
    async fn new(kind: DocumentType, policy: &str, first: Kind) -> Self {
        let world = World::new().await;
        let mut alice = world.client("alice").await;
        let (mut bob, carol) = (world.client("bob").await, world.client("carol").await);
        let doc_id = document(&mut alice, kind, policy).await;
        apply(&mut alice, &doc_id, None, first).await;
        let replicas = vec![
            Replica::new(&mut alice, &doc_id, Some(0)).await,
            Replica::new(&mut bob, &doc_id, None).await,
        ];
        Self {
            _world: world,
            alice,
            bob,
            carol,
            doc_id,
            replicas,
        }
    }

    async fn board(policy: &str) -> Self {
        Self::new(DocumentType::Whiteboard, policy, rectangle("box", "white")).await
    }

    async fn words(policy: &str) -> Self {
        Self::new(DocumentType::Text, policy, edit_text(0, 0, "one two three")).await
    }

    async fn bob_and_carol(
        &mut self,
        bobs: Kind,
        carols: Kind,
    ) -> [wire::ApplyOperationResponse; 2] {
        [
            apply(&mut self.bob, &self.doc_id, SEEN, bobs).await,
            apply(&mut self.carol, &self.doc_id, SEEN, carols).await,
        ]
    }

    /// The content, that every subscriber has too.
    async fn converged(&mut self) -> wire::Content {
        let content = content(&mut self.alice, &self.doc_id).await;
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
        let settled = answer.into_inner().conflict.unwrap();
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

fn status(of: &wire::ApplyOperationResponse) -> OperationStatus {
    of.status()
}

#[tokio::test]
async fn one_field_under_lww_and_merge_is_the_later_one_and_the_other_is_kept() {
    for policy in ["lww", "merge"] {
        let mut table = Table::board(policy).await;
        let [bob, carol] = table
            .bob_and_carol(fill("box", "blue"), fill("box", "red"))
            .await;
        assert_eq!(status(&carol), OperationStatus::Applied);
        assert_eq!(table.fill().await, Some(text("red")));
        let settled = table.conflicts(ConflictState::Resolved).await;
        assert_eq!(settled.len(), 1, "{policy}");
        let operations: Vec<_> = settled[0].ops.iter().map(|it| it.id.clone()).collect();
        assert_eq!(
            operations,
            [
                bob.operation_id.unwrap(),
                carol.operation_id.clone().unwrap()
            ]
        );
        assert_eq!(settled[0].resolved_op, carol.operation_id.unwrap());
        assert_eq!(
            (
                settled[0].resolution.as_str(),
                settled[0].resolved_by.as_str()
            ),
            (policy, "")
        );
        assert_eq!(carol.conflict_id.as_ref(), Some(&settled[0].id));
    }
}

#[tokio::test]
async fn one_field_under_manual_waits_for_somebody_who_chooses_an_operation() {
    let mut table = Table::board("manual").await;
    let [_, carol] = table
        .bob_and_carol(fill("box", "blue"), fill("box", "red"))
        .await;
    assert_eq!(status(&carol), OperationStatus::Conflict);
    let before = content(&mut table.alice, &table.doc_id).await;
    assert_eq!(field(&before, "box", "fill"), Some(text("blue")));
    let chosen = carol.operation_id.unwrap();
    let settled = table.resolve(Choice::ResolvedOp(chosen.clone())).await;
    assert_eq!(settled.resolved_op, chosen);
    assert_eq!(settled.ops[1].status(), OperationStatus::Resolved);
    assert_eq!(table.fill().await, Some(text("red")));
}

#[tokio::test]
async fn one_field_under_manual_can_get_a_third_value() {
    let mut table = Table::board("manual").await;
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

#[tokio::test]
async fn different_fields_are_no_conflict_under_any_policy() {
    for policy in POLICIES {
        let mut table = Table::board(policy).await;
        let moved = set("box", "x", number(5.0));
        let answers = table.bob_and_carol(fill("box", "blue"), moved).await;
        assert!(
            answers
                .iter()
                .all(|it| status(it) == OperationStatus::Applied)
        );
        let content = table.converged().await;
        assert_eq!(field(&content, "box", "fill"), Some(text("blue")));
        assert_eq!(field(&content, "box", "x"), Some(number(5.0)));
        assert_eq!(table.conflicts(ConflictState::Unspecified).await, []);
    }
}

#[tokio::test]
async fn text_in_one_place_stays_both_under_merge() {
    let mut table = Table::words("merge").await;
    table
        .bob_and_carol(edit_text(4, 0, "and "), edit_text(4, 0, "or "))
        .await;
    assert_eq!(table.converged().await.text, "one and or two three");
}

#[tokio::test]
async fn text_in_one_place_is_the_later_under_lww() {
    let mut table = Table::words("lww").await;
    table
        .bob_and_carol(edit_text(4, 3, "BOB"), edit_text(4, 3, "CAROL"))
        .await;
    assert_eq!(table.converged().await.text, "one CAROL three");
    assert_eq!(table.conflicts(ConflictState::Resolved).await.len(), 1);
}

#[tokio::test]
async fn text_in_one_place_waits_under_manual_until_an_operation_or_a_text_is_chosen() {
    for by_text in [false, true] {
        let mut table = Table::words("manual").await;
        let [_, carol] = table
            .bob_and_carol(edit_text(4, 3, "BOB"), edit_text(4, 3, "CAROL"))
            .await;
        assert_eq!(status(&carol), OperationStatus::Conflict);
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
