//! Values of the head, leases, names and pages that cannot be.

use aetherflow_api::statesync::v1 as wire;
use tonic::Code;
use tonic_types::StatusExt;

use super::calls::rpcs;
use super::room::Room;
use crate::board::content;
use crate::places::Place;

type Change = fn(&mut wire::UpdateDocumentRequest);

/// Changes of the head that cannot be made, and the field that is at fault.
const HEADS: [(Change, &str); 9] = [
    (|head| head.name = Some(String::new()), "name"),
    (|head| head.name = Some("x".repeat(300)), "name"),
    (|head| head.policy = Some("dice".to_owned()), "policy"),
    (|head| head.state = 77, "state"),
    (
        |head| head.state = wire::DocumentState::Deleted.into(),
        "state",
    ),
    (|head| head.public = -1, "public"),
    (|head| head.editors = users([String::new()]), "editors"),
    (
        |head| head.viewers = users((0..300).map(|count| format!("u{count}"))),
        "viewers",
    ),
    (|_| {}, "name"),
];

fn users(users: impl IntoIterator<Item = String>) -> Option<wire::UserSet> {
    let users = users.into_iter().collect();
    Some(wire::UserSet { users })
}

#[tokio::test]
async fn heads_that_cannot_be() {
    let room = Room::board(Place::Memory).await;
    let mut alice = room.alice.clone();
    for (change, field) in HEADS {
        let mut asked = wire::UpdateDocumentRequest {
            doc_id: room.input.doc_id.clone(),
            ..Default::default()
        };
        change(&mut asked);
        let status = alice.update_document(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status:?}");
        let details = status.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    let now = content(&mut alice, &room.input.doc_id).await;
    assert_eq!(now.version, room.version());
}

#[tokio::test]
async fn leases_names_and_pages_that_cannot_be() {
    let mut room = Room::board(Place::Memory).await;
    let mut alice = room.alice.clone();
    let doc_id = room.input.doc_id.clone();
    for rpc in rpcs().iter().filter(|rpc| rpc.name() == "AcquireLock") {
        for lease_ms in [0, u64::MAX] {
            let mut input = room.input.clone();
            input.lease_ms = lease_ms;
            room.refuses_field(rpc, input, "lease_ms").await;
        }
    }
    let history = wire::GetOperationHistoryRequest {
        doc_id: doc_id.clone(),
        page_token: "two".to_owned(),
        ..Default::default()
    };
    let status = alice.get_operation_history(history).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let name = wire::NameSnapshotRequest {
        doc_id: doc_id.clone(),
        name: String::new(),
    };
    let status = alice.name_snapshot(name).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let future = wire::SubscribeDocumentRequest {
        doc_id,
        from_version: Some(99),
        ..Default::default()
    };
    let status = alice.subscribe_document(future).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
}
