//! Every call with every kind of bad input: the right code with details, and nothing has changed.
//!
//! The calls are those of the interface's description, each with one function that builds a good request from
//! an [`Input`](calls::Input); each test puts one bad thing into it.

mod calls;
mod generated;
mod heads;
mod raw;
mod room;
mod unreadable;

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use statesync_core::Limits;
use tonic::Code;
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::operation_data::Kind;

use calls::{About, For, Rpc, rpcs};
use room::Room;

use crate::board::{edit_text, fill, number, rectangle, set, text};
use crate::places::Place;
use crate::world::Identity;

const MALFORMED: [&str; 5] = [
    "",
    "nonsense",
    "00000000-0000-0000-0000-000000000000",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "0198f5b0-0000-7000-8000-00000000000\u{e9}",
];

/// The calls that name a document.
fn about_a_document() -> impl Iterator<Item = Rpc> {
    rpcs().into_iter().filter(|rpc| rpc.about != About::Nothing)
}

#[tokio::test]
async fn ids_that_are_none_and_documents_that_are_not_there() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let alice = room.raw.clone();
        for rpc in about_a_document() {
            let may_be_empty = rpc.about == About::OneOrNone;
            for malformed in &MALFORMED[usize::from(may_be_empty)..] {
                let mut input = room.input.clone();
                input.doc_id = (*malformed).to_owned();
                room.refuses_field(&rpc, input, "doc_id").await;
            }
            let mut input = room.input.clone();
            input.doc_id = Guuid::now().to_string();
            room.refuses(&rpc, &alice, input, Code::NotFound).await;
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn ids_of_other_things_that_are_none_or_unknown() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let alice = room.raw.clone();
        for rpc in rpcs() {
            if let Some((field, unknown)) = rpc.other {
                let field = if rpc.name() == "ResolveConflict" {
                    "conflict_id"
                } else {
                    field
                };
                for malformed in MALFORMED {
                    let mut input = room.input.clone();
                    input.other_id = malformed.to_owned();
                    room.refuses_field(&rpc, input, field).await;
                }
                let input = room.input.clone();
                room.refuses(&rpc, &alice, input, unknown).await;
            }
            if rpc.names_operation {
                for malformed in MALFORMED {
                    let mut input = room.input.clone();
                    input.operation_id = Some(malformed.to_owned());
                    room.refuses_field(&rpc, input, "operation_id").await;
                }
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn what_belongs_to_another_document_or_another_user_is_unknown_here() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let (_listener, elsewhere) = room.elsewhere().await;
        let (alice, bob) = (room.raw.clone(), room.raw_of("bob").await);
        for rpc in rpcs() {
            let Some((field, unknown)) = rpc.other else {
                continue;
            };
            for id in &elsewhere {
                let mut input = room.input.clone();
                input.other_id = id.clone();
                room.refuses(&rpc, &alice, input, unknown).await;
            }
            if field == "lock_id" {
                let mut input = room.input.clone();
                input.other_id = room.lock_of_erin.clone();
                // Who may edit could have taken it; who may not is told that it is not theirs.
                let code = if rpc.takes == For::Editors {
                    Code::PermissionDenied
                } else {
                    Code::Aborted
                };
                room.refuses(&rpc, &bob, input, code).await;
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn strangers_find_nothing_and_readers_may_not_write() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let (bob, carol) = (room.raw_of("bob").await, room.raw_of("carol").await);
        for rpc in about_a_document() {
            let input = room.input.clone();
            room.refuses(&rpc, &carol, input.clone(), Code::NotFound)
                .await;
            if rpc.takes == For::Editors {
                room.refuses(&rpc, &bob, input, Code::PermissionDenied)
                    .await;
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

/// Callers who do not say who they are, or cannot prove that they may say so.
fn nobodies() -> Vec<Identity> {
    let mut identities = Vec::new();
    for missing in ["x-user-id", "x-session-id", "authorization"] {
        let mut identity = Identity::of("alice", "s");
        identity.0.remove(missing);
        identities.push(identity);
    }
    let long = "x".repeat(129);
    for (name, value) in [
        (
            "authorization",
            "Bearer not-the-secret-that-was-agreed-upon",
        ),
        ("authorization", "Basic YWxpY2U6cGFzc3dvcmQ="),
        ("x-user-id", ""),
        ("x-user-id", &long),
        ("x-session-id", &long),
    ] {
        let mut identity = Identity::of("alice", "s");
        identity.0.insert(name, value.parse().unwrap());
        identities.push(identity);
    }
    identities
}

#[tokio::test]
async fn whoever_does_not_say_who_they_are_gets_nowhere() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        for identity in nobodies() {
            let nobody = room.raw_as(identity).await;
            for rpc in rpcs() {
                let input = room.input.clone();
                let code = Code::Unauthenticated;
                room.refuses(&rpc, &nobody, input, code).await;
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

fn bad_data() -> Vec<Kind> {
    let nothing = wire::Value { kind: None };
    let points = wire::Points {
        points: vec![wire::Point {
            x: 0.0,
            y: f64::INFINITY,
        }],
    };
    let points = wire::Value {
        kind: Some(wire::value::Kind::Points(points)),
    };
    vec![
        fill("", "blue"),
        fill(&"x".repeat(65), "blue"),
        fill("b\nx", "blue"),
        fill("circle", "blue"),
        fill("box", &"x".repeat(70_000)),
        fill("box", &"x".repeat(2_000_000)),
        set("box", "", text("x")),
        set("box", "colour", text("x")),
        set("box", "fill", number(1.0)),
        set("box", "x", text("left")),
        set("box", "x", number(f64::NAN)),
        set("box", "opacity", number(2.0)),
        set("box", "width", number(-1.0)),
        set("box", "x", nothing),
        set("box", "points", points),
        rectangle("box", "blue"),
        Kind::Create(wire::CreateObject {
            object_id: "new".to_owned(),
            kind: "dragon".to_owned(),
            fields: Default::default(),
        }),
        Kind::Update(wire::UpdateObject {
            object_id: "box".to_owned(),
            writes: [("fill".to_owned(), wire::Write { kind: None })].into(),
        }),
        Kind::Update(wire::UpdateObject {
            object_id: "box".to_owned(),
            writes: (0..300)
                .map(|count| (format!("f{count}"), wire::Write { kind: None }))
                .collect(),
        }),
        Kind::Delete(wire::DeleteObject::default()),
        Kind::Move(wire::MoveObject {
            object_id: "box".to_owned(),
            x: f64::INFINITY,
            y: 0.0,
        }),
        Kind::Resize(wire::ResizeObject {
            object_id: "box".to_owned(),
            width: -1.0,
            height: 0.0,
        }),
        Kind::Style(wire::StyleObject {
            object_id: "box".to_owned(),
            set: [("x".to_owned(), number(1.0))].into(),
            clear: Vec::new(),
        }),
        edit_text(0, 0, "the board has no text"),
        Kind::Text(wire::EditText {
            object_id: "box".to_owned(),
            field: "fill".to_owned(),
            edits: Vec::new(),
        }),
        Kind::YjsUpdate(vec![1, 2, 3].into()),
        Kind::Properties(wire::PropertiesChange::default()),
        Kind::Resolve(wire::Resolution::default()),
        Kind::RestoreVersion(1),
    ]
}

fn applying() -> Vec<Rpc> {
    let applies = |rpc: &Rpc| rpc.name().starts_with("ApplyOperation");
    rpcs().into_iter().filter(applies).collect()
}

#[tokio::test]
async fn operations_that_do_not_fit_the_board() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        for rpc in applying() {
            for data in bad_data() {
                let mut input = room.input.clone();
                input.data = data;
                room.refuses_field(&rpc, input, "data").await;
            }
            for future in [99, u64::MAX] {
                let mut input = room.input.clone();
                input.seen = Some(future);
                room.refuses_field(&rpc, input, "prev_version").await;
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn operations_that_do_not_fit_the_text() {
    for (place, policy) in [(Place::Memory, "merge"), (Place::Database, "manual")] {
        let first = edit_text(0, 0, "text");
        let mut room = Room::new(place, DocumentType::Text, policy, first).await;
        let alice = room.raw.clone();
        for rpc in applying() {
            for data in [
                edit_text(5, 0, "x"),
                edit_text(0, 5, ""),
                edit_text(u32::MAX, u32::MAX, "x"),
                edit_text(0, 0, &"x".repeat(2_000_000)),
                rectangle("box", "blue"),
                Kind::Delete(wire::DeleteObject {
                    object_id: "box".to_owned(),
                }),
            ] {
                let mut input = room.input.clone();
                input.data = data;
                room.refuses_field(&rpc, input, "data").await;
            }
            let mut input = room.input.clone();
            input.data = Kind::YjsUpdate(vec![0xff; 64].into());
            let code = if policy == "merge" {
                Code::InvalidArgument
            } else {
                Code::FailedPrecondition
            };
            room.refuses(&rpc, &alice, input, code).await;
        }
        room.goes_on(edit_text(4, 0, "!")).await;
    }
}

#[tokio::test]
async fn an_operation_on_a_version_of_long_ago_is_told_which_there_is() {
    let mut limits = Limits::default();
    limits.unseen_records_max = 2;
    for place in Place::ALL {
        let mut room = Room::bounded(place, limits.clone()).await;
        let alice = room.raw.clone();
        for rpc in applying() {
            let mut input = room.input.clone();
            input.seen = Some(1);
            let code = Code::FailedPrecondition;
            let refused = room.refuses(&rpc, &alice, input, code).await;
            let info = refused.get_details_error_info().unwrap();
            assert_eq!(info.reason, "STALE");
            assert_eq!(info.metadata["prev_version"], "1");
            assert_eq!(info.metadata["version"], room.version().to_string());
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn an_archived_document_is_read_and_not_edited() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let archive = wire::UpdateDocumentRequest {
            doc_id: room.input.doc_id.clone(),
            state: wire::DocumentState::Archived.into(),
            ..Default::default()
        };
        room.alice.update_document(archive).await.unwrap();
        room.remember().await;
        let alice = room.raw.clone();
        for rpc in applying() {
            let input = room.input.clone();
            let refused = room
                .refuses(&rpc, &alice, input, Code::FailedPrecondition)
                .await;
            let details = refused.get_details_precondition_failure().unwrap();
            assert_eq!(details.violations[0].r#type, "NOT_ACTIVE");
        }
        for rpc in rpcs() {
            if rpc.only_reads && rpc.other.is_none() {
                let answer = room.call(&rpc, room.input.clone()).await;
                assert!(answer.is_ok(), "{}: {answer:?}", rpc.name());
            }
        }
    }
}

#[tokio::test]
async fn a_deleted_document_is_gone_for_every_call() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let delete = wire::DeleteDocumentRequest {
            doc_id: room.input.doc_id.clone(),
        };
        room.alice.delete_document(delete).await.unwrap();
        for rpc in about_a_document() {
            let refused = room.call(&rpc, room.input.clone()).await;
            let refused = refused.expect_err(rpc.name());
            assert_eq!(
                refused.code(),
                Code::NotFound,
                "{}: {refused:?}",
                rpc.name()
            );
            assert_eq!(
                refused.get_details_error_info().unwrap().reason,
                "NOT_FOUND"
            );
        }
    }
}
