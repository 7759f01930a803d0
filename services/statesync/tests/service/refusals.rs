//! Every call with every kind of bad input: the right code, and nothing has changed.
//!
//! The calls are generated: each is built by one function from an [`Input`](calls::Input) that is good, and
//! each test puts one bad thing into it.

mod calls;
mod heads;

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use tonic::Code;
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::operation_data::Kind;

use calls::{Room, Rpc, reading, rpcs};

use crate::board::{edit_text, fill, number, rectangle, set, text};
use crate::world::{Identity, soon};

const MALFORMED: [&str; 5] = [
    "",
    "nonsense",
    "00000000-0000-0000-0000-000000000000",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "0198f5b0-0000-7000-8000-00000000000\u{e9}",
];

#[tokio::test]
async fn ids_that_are_none_and_documents_that_are_not_there() {
    let mut room = Room::board().await;
    let alice = room.alice.clone();
    for rpc in rpcs() {
        for malformed in MALFORMED {
            let mut input = room.input.clone();
            input.doc_id = malformed.to_owned();
            room.refuses_field(&rpc, &alice, input, "doc_id").await;
        }
        let mut input = room.input.clone();
        input.doc_id = Guuid::now().to_string();
        room.refuses(&rpc, &alice, input, Code::NotFound).await;
    }
}

#[tokio::test]
async fn ids_of_other_things_that_are_none_or_unknown() {
    let mut room = Room::board().await;
    let alice = room.alice.clone();
    for rpc in rpcs() {
        if let Some((field, unknown)) = rpc.other {
            for malformed in MALFORMED {
                let mut input = room.input.clone();
                input.other_id = malformed.to_owned();
                room.refuses_field(&rpc, &alice, input, field).await;
            }
            let input = room.input.clone();
            room.refuses(&rpc, &alice, input, unknown).await;
        }
        if rpc.names_operation {
            for malformed in MALFORMED {
                let mut input = room.input.clone();
                input.operation_id = Some(malformed.to_owned());
                room.refuses_field(&rpc, &alice, input, "operation_id")
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn strangers_find_nothing_and_readers_may_not_write() {
    let mut room = Room::board().await;
    let (bob, carol) = (
        room.world.client("bob").await,
        room.world.client("carol").await,
    );
    for rpc in rpcs() {
        let input = room.input.clone();
        room.refuses(&rpc, &carol, input.clone(), Code::NotFound)
            .await;
        if rpc.writes {
            room.refuses(&rpc, &bob, input, Code::PermissionDenied)
                .await;
        }
    }
}

#[tokio::test]
async fn whoever_does_not_say_who_they_are_gets_nowhere() {
    let mut room = Room::board().await;
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
    for identity in identities {
        let nobody = room.world.client_as(identity).await;
        for rpc in rpcs() {
            let input = room.input.clone();
            room.refuses(&rpc, &nobody, input, Code::Unauthenticated)
                .await;
        }
        let mut nobody = nobody;
        let create = wire::CreateDocumentRequest::default();
        let refusals = [
            nobody.create_document(create).await.map(|_| ()),
            nobody
                .list_documents(wire::ListDocumentsRequest::default())
                .await
                .map(|_| ()),
            nobody
                .get_stats(wire::GetStatsRequest::default())
                .await
                .map(|_| ()),
        ];
        for refused in refusals {
            assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
        }
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
    let applies = |rpc: &Rpc| rpc.name.starts_with("apply_operation");
    rpcs().into_iter().filter(applies).collect()
}

#[tokio::test]
async fn operations_that_do_not_fit_the_board() {
    let mut room = Room::board().await;
    let alice = room.alice.clone();
    for rpc in applying() {
        for data in bad_data() {
            let mut input = room.input.clone();
            input.data = data;
            room.refuses_field(&rpc, &alice, input, "data").await;
        }
        let mut input = room.input.clone();
        input.seen = Some(99);
        room.refuses_field(&rpc, &alice, input, "prev_version")
            .await;
    }
    // After all of that, the same call works.
    soon((applying()[0].call)(alice, room.input.clone()))
        .await
        .unwrap();
}

#[tokio::test]
async fn operations_that_do_not_fit_the_text() {
    for policy in ["merge", "manual"] {
        let mut room = Room::new(DocumentType::Text, policy, edit_text(0, 0, "text")).await;
        let alice = room.alice.clone();
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
                room.refuses_field(&rpc, &alice, input, "data").await;
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
    }
}

#[tokio::test]
async fn an_archived_document_is_read_and_not_edited() {
    let mut room = Room::board().await;
    let archive = wire::UpdateDocumentRequest {
        doc_id: room.input.doc_id.clone(),
        state: wire::DocumentState::Archived.into(),
        ..Default::default()
    };
    room.alice.update_document(archive).await.unwrap();
    room.version += 1;
    let alice = room.alice.clone();
    for rpc in applying() {
        let input = room.input.clone();
        let refused = room
            .refuses(&rpc, &alice, input, Code::FailedPrecondition)
            .await;
        let details = refused.get_details_precondition_failure().unwrap();
        assert_eq!(details.violations[0].r#type, "NOT_ACTIVE");
    }
    for rpc in reading() {
        if rpc.other.is_none() {
            soon((rpc.call)(alice.clone(), room.input.clone()))
                .await
                .expect(rpc.name);
        }
    }
}
