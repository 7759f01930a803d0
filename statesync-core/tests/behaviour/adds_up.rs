//! Whatever people ask for, in whatever order, through two processes: the log adds up to what
//! everybody sees.

use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use statesync_core::{
    Change, Choice, Conflict, DocumentStore, DocumentType, EditError, Limits, MemoryStore,
    OpenDocument, Operation, PolicyName, Reading, Resolution, Since, TextEdit, TextTarget, Value,
    Version, Write, genesis,
};

use crate::world::{World, edit, field, fill, object, rectangle, text_edit, update};

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    /// Through this process, somebody who is so many versions behind asks for this.
    Ask(usize, usize, u64, Operation),
    /// Somebody settles the oldest conflict that waits, by choosing one of its operations.
    Resolve(usize, usize),
    /// Somebody goes back so many versions.
    Restore(usize, u64),
    /// A process looks into the store.
    Poll(usize),
}

const USERS: [&str; 3] = ["ann", "bea", "cid"];
const NAMES: [&str; 3] = ["a", "b", "c"];

fn any_object_operation() -> impl Strategy<Value = Operation> {
    let name = prop::sample::select(&NAMES[..]);
    (name, 0..9_u8, 0..5_u32).prop_map(|(name, which, number)| {
        let colour = ["red", "green", "blue", "white", "black"][number as usize];
        match which {
            0 | 1 => rectangle(name, colour),
            2 => Operation::Delete {
                object: object(name),
            },
            3 => Operation::Move {
                object: object(name),
                x: f64::from(number),
                y: 0.0,
            },
            4 => update(name, "votes", Write::Add(i64::from(number))),
            5 => update(name, "x", Write::Set(Value::Number(f64::from(number)))),
            6 => update(name, "fill", Write::Clear),
            7 => Operation::Text {
                target: Some(TextTarget {
                    object: object(name),
                    field: field("label"),
                }),
                edits: vec![TextEdit {
                    position: 0,
                    delete: 0,
                    insert: colour.to_owned(),
                }],
            },
            _ => fill(name, colour),
        }
    })
}

fn any_text_operation() -> impl Strategy<Value = Operation> {
    (0..6_u32, 0..3_u32, "[a-z]{0,4}")
        .prop_map(|(at, delete, insert)| text_edit(at, delete, &insert))
}

fn any_step(operation: impl Strategy<Value = Operation>) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..2_usize, 0..3_usize, 0..4_u64, operation)
            .prop_map(|(process, user, behind, operation)| Step::Ask(process, user, behind, operation)),
        2 => (0..2_usize, 0..3_usize).prop_map(|(process, nth)| Step::Resolve(process, nth)),
        1 => (0..2_usize, 0..8_u64).prop_map(|(process, behind)| Step::Restore(process, behind)),
        1 => (0..2_usize).prop_map(Step::Poll),
    ]
}

fn any_policy() -> impl Strategy<Value = PolicyName> {
    prop::sample::select(vec![PolicyName::Lww, PolicyName::Manual, PolicyName::Merge])
}

/// Two processes over one store.
struct Two {
    store: Arc<MemoryStore>,
    worlds: [World; 2],
    open: [Arc<OpenDocument>; 2],
}

impl Two {
    fn new(kind: DocumentType, policy: PolicyName) -> Self {
        let mut limits = Limits::default();
        limits.snapshot_records = 5;
        let store = Arc::new(MemoryStore::new());
        let mut worlds = [(), ()].map(|()| World::new(store.clone(), limits.clone()));
        let id = worlds[0].create_under(kind, policy);
        let open = worlds.each_mut().map(|world| world.open(id));
        Self {
            store,
            worlds,
            open,
        }
    }

    fn step(&mut self, step: Step) {
        let outcome = match step {
            Step::Ask(process, user, behind, operation) => {
                let base = self.open[process]
                    .document()
                    .version
                    .0
                    .saturating_sub(behind);
                let (world, open) = (&mut self.worlds[process], &self.open[process]);
                world
                    .operate(open, USERS[user], base, operation)
                    .map(|_| ())
            }
            Step::Resolve(process, nth) => self.resolve(process, nth),
            Step::Restore(process, behind) => {
                let version = self.open[process]
                    .document()
                    .version
                    .0
                    .saturating_sub(behind);
                self.ask(process, Change::Restore(Version(version)))
            }
            Step::Poll(process) => {
                block_on(self.worlds[process].library.poll()).unwrap();
                self.worlds[process].settle();
                Ok(())
            }
        };
        match outcome {
            // What does not fit the document, or comes too late.
            Ok(())
            | Err(
                EditError::Impossible(_) | EditError::Stale { .. } | EditError::NoOpenConflict(_),
            ) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn ask(&mut self, process: usize, change: Change) -> Result<(), EditError> {
        let asked = edit("ann", change);
        self.worlds[process]
            .ask(&self.open[process], asked)
            .map(|_| ())
    }

    fn resolve(&mut self, process: usize, nth: usize) -> Result<(), EditError> {
        let id = self.open[process].id();
        let conflicts = self.worlds[process].conflicts(id);
        let Some(open) = conflicts.into_iter().find(Conflict::is_open) else {
            return Ok(());
        };
        let chosen = open.operations[nth % open.operations.len()].operation_id;
        let resolution = Resolution {
            conflict: open.id,
            choice: Choice::Operation(chosen),
        };
        self.ask(process, Change::Resolve(resolution))
    }

    fn readings(&mut self) -> Vec<(Version, Reading)> {
        let mut readings = Vec::new();
        for (world, open) in self.worlds.iter_mut().zip(&self.open) {
            block_on(world.library.poll()).unwrap();
            world.settle();
            readings.push(world.run(open.reading()).unwrap());
        }
        // And somebody who comes afterwards.
        let mut third = World::new(self.store.clone(), Limits::default());
        let open = third.open(self.open[0].id());
        readings.push(third.run(open.reading()).unwrap());
        readings
    }

    fn check(&mut self) {
        let readings = self.readings();
        assert_eq!(readings[0], readings[1]);
        assert_eq!(readings[0], readings[2]);
        let id = self.open[0].id();
        let Since::Records(records) =
            block_on(self.store.since(id, Version::ZERO, 10_000)).unwrap()
        else {
            panic!("nothing is pruned here");
        };
        let versions: Vec<_> = records.iter().map(|record| record.version.0).collect();
        assert_eq!(versions, (1..=readings[0].0.0).collect::<Vec<_>>());
        let entries = block_on(self.store.audit(id, Version::ZERO, 10_000)).unwrap();
        let mut previous = genesis();
        for (entry, record) in entries.iter().zip(&records) {
            assert!(entry.follows(id, previous));
            assert_eq!(entry.digest, record.digest());
            previous = entry.hash;
        }
        assert_eq!(self.open[0].document().audit, previous);
        // From the log alone, without a snapshot.
        let past = self.worlds[0].library.reading_at(id, readings[0].0);
        assert_eq!(block_on(past).unwrap(), readings[0].1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn objects_add_up(
        policy in any_policy(),
        steps in prop::collection::vec(any_step(any_object_operation()), 1..60),
    ) {
        let mut two = Two::new(DocumentType::Whiteboard, policy);
        steps.into_iter().for_each(|step| two.step(step));
        two.check();
    }

    #[test]
    fn texts_add_up(
        policy in any_policy(),
        rich in any::<bool>(),
        steps in prop::collection::vec(any_step(any_text_operation()), 1..40),
    ) {
        let kind = if rich { DocumentType::Richtext } else { DocumentType::Text };
        let mut two = Two::new(kind, policy);
        steps.into_iter().for_each(|step| two.step(step));
        two.check();
    }
}
