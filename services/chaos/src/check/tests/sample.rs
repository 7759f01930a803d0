//! A history that is right, and the parts to make others from.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use prost_types::Timestamp;
use wire::operation_data::Kind;
use wire::step::Kind as Step;
use wire::value::Kind as Value;
use wire::write::Kind as Write;
use wire::{OperationStatus as Status, OperationType as Type};
use yrs::{Doc, Text as _, Transact as _};

use crate::caller::session;
use crate::check::audit::hash;
use crate::history::{Answer, Attempt, Call, Event, Grant, History, Moment, Reading, Told};
use crate::mirror::{Board, Mirror};

/// The version at which the clients of the sample begin.
pub(super) const SETUP: u64 = 1;
pub(super) const WORD: &str = "<bob.1>";

/// The moments at which a version is asked for, answered, and told.
pub(super) fn asked_at(version: u64) -> Moment {
    moment(version * 100)
}

pub(super) fn answered_at(version: u64) -> Moment {
    moment(version * 100 + 50)
}

pub(super) fn told_at(version: u64) -> Moment {
    moment(version * 100 + 60)
}

pub(super) fn moment(number: u64) -> Moment {
    Moment {
        number,
        micros: number * 10,
    }
}

/// The log of the sample: an object, a counter, a set, a text, a conflict, and writes under two locks.
pub(super) fn entries() -> Vec<wire::Operation> {
    let doc = Doc::new();
    let text = doc.get_or_insert_text("content");
    let mut transaction = doc.transact_mut();
    text.push(&mut transaction, WORD);
    let word = transaction.encode_update_v1();
    drop(transaction);
    let mut entries = vec![
        entry(
            "owner",
            Type::Create,
            create(),
            vec![step(Step::Create("node".to_owned()))],
        ),
        update("alice", "votes", Write::Add(2)),
        update("bob", "tags", Write::Unite(unite("red"))),
        entry(
            "bob",
            Type::Text,
            Kind::YjsUpdate(word.clone().into()),
            Vec::new(),
        ),
        update("carol", "title", Write::Set(text_value("mine"))),
        fenced(update("alice", "fill", Write::Set(text_value("blue"))), 1),
        fenced(update("bob", "fill", Write::Set(text_value("green"))), 2),
        update("alice", "votes", Write::Add(3)),
    ];
    entries[3].effect = Some(wire::Effect {
        yjs_update: Some(word.into()),
        steps: Vec::new(),
    });
    // It waited, and somebody else's was chosen.
    entries[4].status = Status::Rejected.into();
    entries[4].effect = Some(wire::Effect::default());
    entries
}

/// The history of this log: everybody was answered and told as it should be.
pub(super) fn history(mut log: Vec<wire::Operation>) -> History {
    let doc_id = Guuid::now().to_string();
    for (version, entry) in (1..).zip(&mut log) {
        entry.version = version;
        entry.prev_version = version - 1;
        entry.doc_id.clone_from(&doc_id);
        entry.timestamp = Some(Timestamp {
            seconds: 1_800_000_000 + i64::try_from(version).unwrap(),
            nanos: 5_000_000,
        });
    }
    let calls = log.iter().filter(|entry| entry.version > SETUP).map(call);
    let mut history = History {
        setup: SETUP,
        calls: calls.collect(),
        grants: vec![
            grant("alice", 1, 1_000, 1_300),
            grant("bob", 2, 1_300, 1_600),
        ],
        doc_id,
        log,
        ..History::default()
    };
    history.grants[0].answered = moment(590);
    history.grants[1].answered = moment(690);
    audit(&mut history);
    tell(&mut history);
    history
}

/// The sample itself.
pub(super) fn sample() -> History {
    history(entries())
}

fn call(entry: &wire::Operation) -> Call {
    let version = entry.version;
    let told = if entry.status() == Status::Rejected {
        Status::Conflict
    } else {
        entry.status()
    };
    let is_text = matches!(entry.data.as_ref().unwrap().kind, Some(Kind::YjsUpdate(_)));
    Call {
        user: entry.user_id.clone(),
        session: entry.session_id.clone(),
        operation: entry.id.clone(),
        data: entry.data.clone().unwrap(),
        fence: entry.fence,
        word: is_text.then(|| WORD.to_owned()),
        attempts: vec![Attempt {
            replica: 0,
            asked: asked_at(version),
            answered: answered_at(version),
            answer: Answer::Accepted {
                version,
                named: true,
                status: told,
            },
        }],
    }
}

/// The chain of the log as it is.
pub(super) fn audit(history: &mut History) {
    let mut previous = vec![0; 32];
    history.audit.clear();
    for entry in &history.log {
        let mut audit = wire::AuditEntry {
            version: entry.version,
            operation_id: entry.id.clone(),
            user_id: entry.user_id.clone(),
            timestamp: entry.timestamp,
            r#type: entry.r#type,
            digest: vec![7; 32].into(),
            hash: Vec::new().into(),
        };
        previous = hash(&history.doc_id, &previous, &audit).unwrap();
        audit.hash = previous.clone().into();
        history.audit.push(audit);
    }
    history.audit_hash = previous;
}

/// Tells two subscribers and three readers what the log adds up to.
fn tell(history: &mut History) {
    const RESYNC_AT: usize = 3;
    let boards = boards(&history.log);
    let newest = history.log.len();
    for replica in 0..3 {
        history.readings.push(Reading {
            replica,
            version: newest as u64,
            board: boards[newest].clone(),
        });
    }
    for (user, from) in [("alice", 0), ("bob", RESYNC_AT)] {
        let began = Event::Began {
            at: moment(1),
            replica: 1,
            from: (from == 0).then_some(0),
        };
        let mut events = vec![began];
        if from > 0 {
            events.push(Event::Content {
                at: told_at(from as u64),
                version: from as u64,
                board: Box::new(boards[from].clone()),
            });
        }
        events.extend(history.log[from..].iter().map(event));
        history.told.push(Told {
            user: user.to_owned(),
            events,
            version: newest as u64,
            board: boards[newest].clone(),
        });
    }
}

fn event(entry: &wire::Operation) -> Event {
    let mut operation = Box::new(entry.clone());
    if operation.status() == Status::Rejected {
        operation.status = Status::Conflict.into();
    }
    Event::Operation {
        at: told_at(entry.version),
        version: entry.version,
        operation,
    }
}

/// The content at each version.
fn boards(log: &[wire::Operation]) -> Vec<Board> {
    let mut mirror = Mirror::default();
    let mut boards = vec![mirror.board()];
    for entry in log {
        mirror.take(entry).unwrap();
        boards.push(mirror.board());
    }
    boards
}

pub(super) fn grant(user: &str, fence: u64, from_ms: i64, to_ms: i64) -> Grant {
    let at = |ms: i64| Timestamp {
        seconds: ms / 1_000,
        nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap(),
    };
    Grant {
        lock: wire::Lock {
            id: Guuid::now().to_string(),
            user_id: user.to_owned(),
            session_id: session(user),
            fence,
            acquired_at: Some(at(from_ms)),
            expires_at: Some(at(to_ms)),
            object_id: OBJECT.to_owned(),
            ..Default::default()
        },
        answered: Moment::default(),
    }
}

fn entry(user: &str, kind: Type, data: Kind, steps: Vec<wire::Step>) -> wire::Operation {
    wire::Operation {
        id: Guuid::now().to_string(),
        user_id: user.to_owned(),
        session_id: session(user),
        r#type: kind.into(),
        data: Some(wire::OperationData { kind: Some(data) }),
        status: Status::Applied.into(),
        effect: Some(wire::Effect {
            yjs_update: None,
            steps,
        }),
        ..Default::default()
    }
}

fn create() -> Kind {
    Kind::Create(wire::CreateObject {
        object_id: OBJECT.to_owned(),
        kind: "node".to_owned(),
        ..Default::default()
    })
}

/// A write to a field, which does what it says.
pub(super) fn update(user: &str, field: &str, write: Write) -> wire::Operation {
    let write = wire::Write { kind: Some(write) };
    let written = wire::FieldWrite {
        field: field.to_owned(),
        write: Some(write.clone()),
    };
    let data = Kind::Update(wire::UpdateObject {
        object_id: OBJECT.to_owned(),
        writes: [(field.to_owned(), write)].into(),
    });
    entry(user, Type::Update, data, vec![step(Step::Write(written))])
}

pub(super) fn fenced(entry: wire::Operation, fence: u64) -> wire::Operation {
    wire::Operation {
        fence: Some(fence),
        ..entry
    }
}

pub(super) fn step(kind: Step) -> wire::Step {
    wire::Step {
        object_id: OBJECT.to_owned(),
        kind: Some(kind),
    }
}

fn unite(word: &str) -> wire::Unite {
    wire::Unite {
        add: vec![word.to_owned()],
        remove: Vec::new(),
    }
}

pub(super) fn text_value(text: &str) -> wire::Value {
    wire::Value {
        kind: Some(Value::Text(text.to_owned())),
    }
}

pub(super) const OBJECT: &str = "box";
