//! All calls, each built from an [`Input`], and a room in which they are refused.

use aetherflow_api::statesync::v1 as wire;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use guuid::Guuid;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::apply_operations_response::Outcome;
use wire::operation_data::Kind;

use crate::board::{document, fill, rectangle};
use crate::world::{Client, World, soon};

/// What calls are built from.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) doc_id: String,
    /// Of a lock, a conflict or a subscription.
    pub(super) other_id: String,
    pub(super) operation_id: Option<String>,
    pub(super) data: Kind,
    pub(super) seen: Option<u64>,
    pub(super) lease_ms: u64,
}

pub(super) type Answer = BoxFuture<'static, Result<(), Status>>;

/// One call: how it is made, and what it takes.
pub(super) struct Rpc {
    pub(super) name: &'static str,
    pub(super) call: fn(Client, Input) -> Answer,
    /// The field of the second id, and what it is when nobody knows that id.
    pub(super) other: Option<(&'static str, Code)>,
    pub(super) names_operation: bool,
    /// Whether readers may not.
    pub(super) writes: bool,
}

macro_rules! rpc {
    ($name:ident, $input:ident => $request:expr, $other:expr, $names:expr, $writes:expr) => {
        Rpc {
            name: stringify!($name),
            call: |mut client, $input| {
                async move { client.$name($request).await.map(|_| ()) }.boxed()
            },
            other: $other,
            names_operation: $names,
            writes: $writes,
        }
    };
}

pub(super) fn rpcs() -> Vec<Rpc> {
    let mut all = reading();
    all.extend(writing());
    all
}

pub(super) fn reading() -> Vec<Rpc> {
    use wire::*;
    vec![
        rpc!(get_document, it => GetDocumentRequest { doc_id: it.doc_id, with_content: true },
            None, false, false),
        rpc!(get_operation_history, it => GetOperationHistoryRequest {
            doc_id: it.doc_id, ..Default::default() }, None, false, false),
        rpc!(subscribe_document, it => SubscribeDocumentRequest {
            doc_id: it.doc_id, ..Default::default() }, None, false, false),
        rpc!(unsubscribe_document, it => UnsubscribeDocumentRequest {
            doc_id: it.doc_id, subscription_id: it.other_id },
            Some(("subscription_id", Code::NotFound)), false, false),
        rpc!(is_locked, it => IsLockedRequest { doc_id: it.doc_id, object_id: "box".to_owned() },
            None, false, false),
        rpc!(list_conflicts, it => ListConflictsRequest {
            doc_id: it.doc_id, ..Default::default() }, None, false, false),
        rpc!(get_content, it => GetContentRequest { doc_id: it.doc_id, ..Default::default() },
            None, false, false),
        rpc!(list_snapshots, it => ListSnapshotsRequest { doc_id: it.doc_id }, None, false, false),
        rpc!(get_audit, it => GetAuditRequest { doc_id: it.doc_id, ..Default::default() },
            None, false, false),
    ]
}

pub(super) fn operation(it: Input) -> wire::ApplyOperationRequest {
    wire::ApplyOperationRequest {
        doc_id: it.doc_id,
        operation_id: it.operation_id,
        data: Some(wire::OperationData {
            kind: Some(it.data),
        }),
        prev_version: it.seen,
        ..Default::default()
    }
}

/// One operation, as a stream.
async fn streamed(mut client: Client, it: Input) -> Result<(), Status> {
    let asked = stream::iter([operation(it)]);
    let mut answers = client.apply_operations(asked).await?.into_inner();
    let answer = soon(answers.message()).await?.unwrap();
    match answer.outcome.unwrap() {
        Outcome::Applied(_) => Ok(()),
        Outcome::Failed(failure) => {
            let details = prost::Message::encode_to_vec(&failure).into();
            Err(Status::with_details(
                failure.code.into(),
                failure.message,
                details,
            ))
        }
    }
}

pub(super) fn writing() -> Vec<Rpc> {
    use wire::*;
    vec![
        rpc!(update_document, it => UpdateDocumentRequest { doc_id: it.doc_id,
            name: Some("New".to_owned()), operation_id: it.operation_id, ..Default::default() },
            None, true, true),
        rpc!(delete_document, it => DeleteDocumentRequest { doc_id: it.doc_id }, None, false, true),
        rpc!(apply_operation, it => operation(it), None, true, true),
        Rpc {
            name: "apply_operations",
            call: |client, it| streamed(client, it).boxed(),
            other: None,
            names_operation: true,
            writes: true,
        },
        rpc!(acquire_lock, it => AcquireLockRequest { doc_id: it.doc_id, object_id: String::new(),
            lease_ms: it.lease_ms }, None, false, true),
        rpc!(renew_lock, it => RenewLockRequest { doc_id: it.doc_id, lock_id: it.other_id,
            lease_ms: it.lease_ms }, Some(("lock_id", Code::FailedPrecondition)), false, true),
        rpc!(release_lock, it => ReleaseLockRequest { doc_id: it.doc_id, lock_id: it.other_id },
            Some(("lock_id", Code::FailedPrecondition)), false, false),
        rpc!(resolve_conflict, it => ResolveConflictRequest { doc_id: it.doc_id,
            resolution: Some(Resolution { conflict_id: it.other_id,
                choice: Some(resolution::Choice::Text("both".to_owned())) }),
            operation_id: it.operation_id }, Some(("conflict_id", Code::NotFound)), true, false),
        rpc!(name_snapshot, it => NameSnapshotRequest { doc_id: it.doc_id, name: "n".to_owned() },
            None, false, true),
        rpc!(restore_version, it => RestoreVersionRequest { doc_id: it.doc_id, version: 1,
            operation_id: it.operation_id }, None, true, true),
    ]
}

/// A document of alice that bob may read and nobody else.
pub(super) struct Room {
    pub(super) world: World,
    pub(super) alice: Client,
    pub(super) input: Input,
    pub(super) version: u64,
}

impl Room {
    pub(super) async fn new(kind: DocumentType, policy: &str, first: Kind) -> Self {
        let world = World::new().await;
        let mut alice = world.client("alice").await;
        let doc_id = document(&mut alice, kind, policy).await;
        let private = wire::UpdateDocumentRequest {
            doc_id: doc_id.clone(),
            public: wire::PublicAccess::None.into(),
            viewers: Some(wire::UserSet {
                users: vec!["bob".to_owned()],
            }),
            ..Default::default()
        };
        alice.update_document(private).await.unwrap();
        crate::board::apply(&mut alice, &doc_id, None, first).await;
        let input = Input {
            doc_id,
            other_id: Guuid::now().to_string(),
            operation_id: None,
            data: fill("box", "blue"),
            seen: None,
            lease_ms: 10_000,
        };
        Self {
            world,
            alice,
            input,
            version: 3,
        }
    }

    pub(super) async fn board() -> Self {
        Self::new(DocumentType::Whiteboard, "lww", rectangle("box", "white")).await
    }

    /// That the call is refused like this, and that nothing has changed.
    pub(super) async fn refuses(
        &mut self,
        rpc: &Rpc,
        client: &Client,
        input: Input,
        code: Code,
    ) -> Status {
        let refused = soon((rpc.call)(client.clone(), input)).await;
        let refused = refused.expect_err(rpc.name);
        assert_eq!(refused.code(), code, "{}: {refused:?}", rpc.name);
        let asked = wire::GetDocumentRequest {
            doc_id: self.input.doc_id.clone(),
            with_content: false,
        };
        let now = self.alice.get_document(asked).await.unwrap().into_inner();
        assert_eq!(now.document.unwrap().version, self.version, "{}", rpc.name);
        refused
    }

    pub(super) async fn refuses_field(
        &mut self,
        rpc: &Rpc,
        client: &Client,
        input: Input,
        field: &str,
    ) {
        let refused = self
            .refuses(rpc, client, input, Code::InvalidArgument)
            .await;
        let details = refused.get_details_bad_request().expect(rpc.name);
        let named = &details.field_violations[0].field;
        assert!(named.starts_with(field), "{}: {named}", rpc.name);
    }
}
