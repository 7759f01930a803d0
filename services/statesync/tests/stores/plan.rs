//! What people ask for, at random, in an order that each store gets alike.

use proptest::prelude::*;
use statesync_core::{
    DocumentType, FieldName, ObjectId, Operation, PolicyName, TextEdit, TextTarget, Value, Write,
};

/// A document, and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: DocumentType,
    pub(crate) policy: PolicyName,
    pub(crate) steps: Vec<Step>,
    /// Numbers from which the ids of this plan are made.
    pub(crate) seed: u64,
}

/// One thing that somebody does. Users and locks are numbers of those that there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Somebody who is so many versions behind asks for this.
    Ask(usize, u64, Operation),
    /// The same, under a name that was used before or not.
    Named(usize, u8, Operation),
    /// The same, relying on the newest lock that was granted.
    Fenced(usize, Operation),
    /// Somebody settles the oldest conflict that waits, by choosing one of its operations.
    Resolve(usize, usize),
    /// Somebody goes back so many versions.
    Restore(usize, u64),
    /// The owner gives the document another name.
    Rename(u8),
    /// Somebody takes a lock of one object, or of the document.
    Lock(usize, Option<usize>),
    /// Somebody gives back the newest lock that was granted.
    Unlock(usize),
    /// The present version gets a name.
    NameSnapshot(u8),
    /// The document is put away, and opened again by the next who asks.
    PutAway,
}

pub(crate) const USERS: [&str; 3] = ["ann", "bea", "cid"];
const NAMES: [&str; 3] = ["a", "b", "c"];

pub(crate) fn object(number: usize) -> ObjectId {
    ObjectId::new(NAMES[number % NAMES.len()]).unwrap()
}

fn field(name: &str) -> FieldName {
    FieldName::new(name).unwrap()
}

fn update(object: ObjectId, name: &str, write: Write) -> Operation {
    Operation::Update {
        object,
        writes: [(field(name), write)].into(),
    }
}

fn any_object_operation() -> impl Strategy<Value = Operation> {
    (0..3_usize, 0..9_u8, 0..5_u32).prop_map(|(which, kind, number)| {
        let object = object(which);
        let colour = ["red", "green", "blue", "white", "black"][number as usize].to_owned();
        match kind {
            0 | 1 => Operation::Create {
                object,
                kind: "note".to_owned(),
                fields: [(field("fill"), Value::Text(colour))].into(),
            },
            2 => Operation::Delete { object },
            3 => Operation::Move {
                object,
                x: f64::from(number),
                y: 0.5,
            },
            4 => update(object, "votes", Write::Add(i64::from(number))),
            5 => {
                let add = [colour].into();
                let remove = Default::default();
                update(object, "tags", Write::Unite { add, remove })
            }
            6 => update(object, "fill", Write::Clear),
            7 => Operation::Text {
                target: Some(TextTarget {
                    object,
                    field: field("label"),
                }),
                edits: vec![TextEdit {
                    position: 0,
                    delete: 0,
                    insert: colour,
                }],
            },
            _ => update(object, "fill", Write::Set(Value::Text(colour))),
        }
    })
}

fn any_text_operation() -> impl Strategy<Value = Operation> {
    (0..6_u32, 0..3_u32, "[a-z\u{1F600}]{0,4}").prop_map(|(position, delete, insert)| {
        Operation::Text {
            target: None,
            edits: vec![TextEdit {
                position,
                delete,
                insert,
            }],
        }
    })
}

fn any_step(operation: BoxedStrategy<Operation>) -> impl Strategy<Value = Step> {
    let user = || 0..USERS.len();
    let asked = operation.clone();
    let named = operation.clone();
    prop_oneof![
        12 => (user(), 0..4_u64, asked)
            .prop_map(|(user, behind, operation)| Step::Ask(user, behind, operation)),
        2 => (user(), 0..4_u8, named)
            .prop_map(|(user, name, operation)| Step::Named(user, name, operation)),
        2 => (user(), operation).prop_map(|(user, operation)| Step::Fenced(user, operation)),
        2 => (user(), 0..4_usize).prop_map(|(user, nth)| Step::Resolve(user, nth)),
        1 => (user(), 0..8_u64).prop_map(|(user, behind)| Step::Restore(user, behind)),
        1 => (0..9_u8).prop_map(Step::Rename),
        1 => (user(), prop::option::of(0..3_usize)).prop_map(|(user, of)| Step::Lock(user, of)),
        1 => user().prop_map(Step::Unlock),
        1 => (0..3_u8).prop_map(Step::NameSnapshot),
        1 => Just(Step::PutAway),
    ]
}

/// Any plan at all.
pub(crate) fn any_plan() -> impl Strategy<Value = Plan> {
    let kinds = vec![
        DocumentType::Whiteboard,
        DocumentType::Canvas,
        DocumentType::Text,
        DocumentType::Richtext,
    ];
    let policies = vec![PolicyName::Lww, PolicyName::Manual, PolicyName::Merge];
    let settings = (prop::sample::select(kinds), prop::sample::select(policies));
    (settings, any::<u64>()).prop_flat_map(|((kind, policy), seed)| {
        let operation = match kind {
            DocumentType::Text | DocumentType::Richtext => any_text_operation().boxed(),
            _ => any_object_operation().boxed(),
        };
        let steps = prop::collection::vec(any_step(operation), 1..24);
        steps.prop_map(move |steps| Plan {
            kind,
            policy: policy.clone(),
            steps,
            seed,
        })
    })
}
