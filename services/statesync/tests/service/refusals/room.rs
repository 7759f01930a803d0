//! A document in which calls are refused, and everything that can be asked about it.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use prost_reflect::MethodDescriptor;
use statesync_core::Limits;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::operation_data::Kind;

use super::calls::{Input, Rpc};
use super::raw::RawClient;
use crate::board::{Replica, apply, content, document, fill, rectangle};
use crate::places::Place;
use crate::world::{Client, Identity, World};

/// More than there is of anything here.
const ALL: u32 = 1_000;

/// Longer than a test takes: nothing changes by itself.
const LEASE_MS: u64 = 3_600_000;

/// Everything that the service says about a document, but for who is there.
#[derive(Debug, PartialEq)]
struct State {
    document: wire::Document,
    content: wire::Content,
    log: Vec<wire::Operation>,
    audit: Vec<wire::AuditEntry>,
    conflicts: Vec<wire::Conflict>,
    locks: Vec<wire::Lock>,
    snapshots: Vec<wire::Snapshot>,
    stats: wire::DocumentStats,
    documents: usize,
}

impl State {
    async fn of(client: &mut Client, doc_id: &str) -> Self {
        let unspecified = wire::ConflictState::Unspecified;
        let (content, log, audit) = history(client, doc_id).await;
        Self {
            document: head(client, doc_id).await,
            content,
            log,
            audit,
            conflicts: crate::board::conflicts(client, doc_id, unspecified).await,
            locks: locks(client, doc_id).await,
            snapshots: snapshots(client, doc_id).await,
            stats: stats(client, doc_id).await,
            documents: documents(client).await,
        }
    }
}

async fn head(client: &mut Client, doc_id: &str) -> wire::Document {
    let asked = wire::GetDocumentRequest {
        doc_id: doc_id.to_owned(),
        with_content: false,
    };
    let head = client.get_document(asked).await.unwrap().into_inner();
    let mut document = head.document.unwrap();
    document.active_users.clear();
    document
}

/// The content, and the logs that it comes from.
async fn history(
    client: &mut Client,
    doc_id: &str,
) -> (wire::Content, Vec<wire::Operation>, Vec<wire::AuditEntry>) {
    let asked = wire::GetContentRequest {
        doc_id: doc_id.to_owned(),
        with_yjs_update: true,
        ..Default::default()
    };
    let content = client.get_content(asked).await.unwrap().into_inner();
    let asked = wire::GetOperationHistoryRequest {
        doc_id: doc_id.to_owned(),
        limit: ALL,
        ..Default::default()
    };
    let log = client.get_operation_history(asked).await.unwrap();
    let asked = wire::GetAuditRequest {
        doc_id: doc_id.to_owned(),
        limit: ALL,
        ..Default::default()
    };
    let audit = client.get_audit(asked).await.unwrap().into_inner().entries;
    (content.content.unwrap(), log.into_inner().operations, audit)
}

async fn locks(client: &mut Client, doc_id: &str) -> Vec<wire::Lock> {
    let asked = wire::IsLockedRequest {
        doc_id: doc_id.to_owned(),
        ..Default::default()
    };
    client.is_locked(asked).await.unwrap().into_inner().locks
}

async fn snapshots(client: &mut Client, doc_id: &str) -> Vec<wire::Snapshot> {
    let doc_id = doc_id.to_owned();
    let asked = wire::ListSnapshotsRequest { doc_id };
    let listed = client.list_snapshots(asked).await.unwrap();
    listed.into_inner().snapshots
}

async fn stats(client: &mut Client, doc_id: &str) -> wire::DocumentStats {
    let doc_id = doc_id.to_owned();
    let asked = wire::GetStatsRequest { doc_id };
    let told = client.get_stats(asked).await.unwrap().into_inner();
    let mut stats = told.document.unwrap();
    stats.active_users = 0;
    stats
}

/// How many of them its user sees.
async fn documents(client: &mut Client) -> usize {
    let asked = wire::ListDocumentsRequest {
        page_size: 200,
        ..Default::default()
    };
    let listed = client.list_documents(asked).await.unwrap();
    listed.into_inner().documents.len()
}

/// A document of alice that erin may edit, bob may read, and nobody else; with a history, conflicts where it
/// is a board, a lock of erin and a named snapshot. And another one, of alice alone.
pub(super) struct Room {
    pub(super) world: World,
    pub(super) alice: Client,
    pub(super) raw: RawClient,
    pub(super) input: Input,
    pub(super) lock_of_erin: String,
    state: State,
    listener: Replica,
}

impl Room {
    pub(super) async fn new(place: Place, kind: DocumentType, policy: &str, first: Kind) -> Self {
        Self::of(place.world().await, kind, policy, first).await
    }

    async fn of(world: World, kind: DocumentType, policy: &str, first: Kind) -> Self {
        let mut alice = world.client("alice").await;
        let doc_id = document(&mut alice, kind, policy).await;
        share(&mut alice, &doc_id).await;
        let seen = Some(apply(&mut alice, &doc_id, None, first).await.version);
        let mut erin = world.client("erin").await;
        if kind == DocumentType::Whiteboard {
            apply(&mut erin, &doc_id, seen, fill("box", "blue")).await;
            apply(&mut alice, &doc_id, seen, fill("box", "red")).await;
        }
        let name = wire::NameSnapshotRequest {
            doc_id: doc_id.clone(),
            name: "kept".to_owned(),
        };
        alice.name_snapshot(name).await.unwrap();
        // A lock of anything is in the way of all who write to a text.
        let lock_of_erin = if kind == DocumentType::Whiteboard {
            lock(&mut erin, &doc_id, "lamp").await
        } else {
            String::new()
        };
        let input = Input {
            doc_id: doc_id.clone(),
            other_id: Guuid::now().to_string(),
            operation_id: None,
            data: fill("box", "blue"),
            seen: None,
            lease_ms: LEASE_MS,
        };
        let listener = Replica::new(&mut alice, &doc_id, None).await;
        Self {
            raw: RawClient::new(&world, Identity::of("alice", "session of alice")).await,
            state: State::of(&mut alice, &doc_id).await,
            world,
            alice,
            input,
            lock_of_erin,
            listener,
        }
    }

    pub(super) async fn board(place: Place) -> Self {
        let first = rectangle("box", "white");
        Self::new(place, DocumentType::Whiteboard, "lww", first).await
    }

    /// A board within these limits.
    pub(super) async fn bounded(place: Place, limits: Limits) -> Self {
        let world = place.bounded(limits).await.remove(0);
        let first = rectangle("box", "white");
        Self::of(world, DocumentType::Whiteboard, "lww", first).await
    }

    pub(super) fn version(&self) -> u64 {
        self.state.document.version
    }

    /// That nothing of it is there without the rest of it.
    pub(super) async fn assert_whole(&mut self) {
        self.remember().await;
        let versions: Vec<_> = (1..=self.version()).collect();
        let State {
            log,
            audit,
            content,
            ..
        } = &self.state;
        assert_eq!(
            log.iter().map(|it| it.version).collect::<Vec<_>>(),
            versions
        );
        assert_eq!(
            audit.iter().map(|it| it.version).collect::<Vec<_>>(),
            versions
        );
        assert_eq!(audit.last().unwrap().hash, self.state.document.audit_hash);
        assert_eq!(content.version, self.version());
    }

    pub(super) async fn raw_of(&self, user: &str) -> RawClient {
        self.raw_as(Identity::of(user, &format!("session of {user}")))
            .await
    }

    pub(super) async fn raw_as(&self, identity: Identity) -> RawClient {
        RawClient::new(&self.world, identity).await
    }

    pub(super) async fn call(&self, rpc: &Rpc, input: Input) -> Result<Vec<u8>, Status> {
        self.raw.call(&rpc.method, (rpc.request)(input)).await
    }

    /// That the call is refused like this, with details, and that nothing has changed.
    pub(super) async fn refuses(
        &mut self,
        rpc: &Rpc,
        client: &RawClient,
        input: Input,
        code: Code,
    ) -> Status {
        self.refuses_bytes(&rpc.method, client, (rpc.request)(input), code)
            .await
    }

    pub(super) async fn refuses_bytes(
        &mut self,
        method: &MethodDescriptor,
        client: &RawClient,
        request: Vec<u8>,
        code: Code,
    ) -> Status {
        let name = method.name();
        let refused = client.call(method, request).await.expect_err(name);
        assert_eq!(refused.code(), code, "{name}: {refused:?}");
        let info = refused.get_details_error_info();
        assert!(
            info.is_some_and(|info| !info.reason.is_empty()),
            "{name}: {refused:?}"
        );
        self.assert_unchanged(name).await;
        refused
    }

    pub(super) async fn refuses_field(&mut self, rpc: &Rpc, input: Input, field: &str) {
        let alice = self.raw.clone();
        let refused = self
            .refuses(rpc, &alice, input, Code::InvalidArgument)
            .await;
        let details = refused.get_details_bad_request();
        let violations = details.map_or_else(Vec::new, |details| details.field_violations);
        let named = violations.first().map(|violation| &violation.field);
        assert!(
            named.is_some_and(|named| named.starts_with(field)),
            "{}: {named:?}",
            rpc.name()
        );
    }

    pub(super) async fn assert_unchanged(&mut self, after: &str) {
        let now = State::of(&mut self.alice, &self.input.doc_id).await;
        assert_eq!(now, self.state, "after {after}");
    }

    /// From now on, it is to stay as it is now.
    pub(super) async fn remember(&mut self) {
        self.state = State::of(&mut self.alice, &self.input.doc_id).await;
    }

    /// That the document goes on after all of that, and that who listened was told of no more than this.
    pub(super) async fn goes_on(mut self, data: Kind) {
        let doc_id = self.input.doc_id.clone();
        let before = self.state.document.version;
        let applied = apply(&mut self.alice, &doc_id, None, data).await;
        assert_eq!(applied.version, before + 1);
        self.listener.reach(applied.version).await;
        assert_eq!(self.listener.others, []);
        self.listener
            .assert_has(&content(&mut self.alice, &doc_id).await);
    }

    /// Another document of alice under the policy `manual`: the ids of a lock of hers in it, of a conflict
    /// that waits, and of a subscription.
    pub(super) async fn elsewhere(&mut self) -> (Replica, Vec<String>) {
        let alice = &mut self.alice;
        let doc_id = document(alice, DocumentType::Whiteboard, "manual").await;
        let seen = apply(alice, &doc_id, None, rectangle("box", "white"))
            .await
            .version;
        apply(alice, &doc_id, Some(seen), fill("box", "blue")).await;
        let mut erin = self.world.client("erin").await;
        let waits = apply(&mut erin, &doc_id, Some(seen), fill("box", "red")).await;
        let held = lock(alice, &doc_id, "box").await;
        let listener = Replica::new(alice, &doc_id, None).await;
        let subscription = listener.present.subscription_id.clone();
        self.remember().await;
        (
            listener,
            vec![held, waits.conflict_id.unwrap(), subscription],
        )
    }
}

/// Lets erin edit and bob read, and nobody else do anything.
async fn share(alice: &mut Client, doc_id: &str) {
    let users = |user: &str| {
        Some(wire::UserSet {
            users: vec![user.to_owned()],
        })
    };
    let private = wire::UpdateDocumentRequest {
        doc_id: doc_id.to_owned(),
        public: wire::PublicAccess::None.into(),
        editors: users("erin"),
        viewers: users("bob"),
        ..Default::default()
    };
    alice.update_document(private).await.unwrap();
}

async fn lock(client: &mut Client, doc_id: &str, object: &str) -> String {
    let asked = wire::AcquireLockRequest {
        doc_id: doc_id.to_owned(),
        object_id: object.to_owned(),
        lease_ms: LEASE_MS,
    };
    let granted = client.acquire_lock(asked).await.unwrap().into_inner();
    granted.lock.unwrap().id
}
