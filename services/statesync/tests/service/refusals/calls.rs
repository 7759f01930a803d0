//! All calls: what a good request is built from, what it takes, and what it is in the description of the
//! interface.

use aetherflow_api::FILE_DESCRIPTOR_SET;
use aetherflow_api::statesync::v1::*;
use operation_data::Kind;
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::Code;

/// What requests are built from.
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

/// Which document a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The one that it names.
    One,
    /// The one that it names, if it names one.
    OneOrNone,
    /// None.
    Nothing,
}

/// Who may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Who may read the document.
    Readers,
    /// Who may edit it.
    Editors,
}

/// One call: how a request is made, and what it takes.
pub(super) struct Rpc {
    pub(super) method: MethodDescriptor,
    pub(super) request: fn(Input) -> Vec<u8>,
    pub(super) about: About,
    pub(super) takes: For,
    /// The field of a second id, and what it is when nobody knows that id.
    pub(super) other: Option<(&'static str, Code)>,
    pub(super) names_operation: bool,
    /// Whether it never changes anything.
    pub(super) only_reads: bool,
}

impl Rpc {
    pub(super) fn name(&self) -> &str {
        self.method.name()
    }

    fn new(name: &str, request: fn(Input) -> Vec<u8>, about: About, takes: For) -> Self {
        let mut methods = methods().into_iter();
        let method = methods.find(|method| method.name() == name);
        Self {
            method: method.expect("a method of the interface"),
            request,
            about,
            takes,
            other: None,
            names_operation: false,
            only_reads: false,
        }
    }

    fn reads(name: &str, request: fn(Input) -> Vec<u8>) -> Self {
        let only_reads = true;
        Self {
            only_reads,
            ..Self::new(name, request, About::One, For::Readers)
        }
    }

    fn writes(name: &str, request: fn(Input) -> Vec<u8>) -> Self {
        Self::new(name, request, About::One, For::Editors)
    }

    fn with_other(self, field: &'static str, unknown: Code) -> Self {
        Self {
            other: Some((field, unknown)),
            ..self
        }
    }

    fn of_operation(self) -> Self {
        Self {
            names_operation: true,
            ..self
        }
    }

    fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    fn for_readers(self) -> Self {
        Self {
            takes: For::Readers,
            ..self
        }
    }
}

/// The methods of all services of ours, as the interface describes them.
pub(super) fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    pool.services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_method_of_the_interface_is_among_the_calls_once() {
    let mut described: Vec<_> = methods()
        .iter()
        .map(|it| it.full_name().to_owned())
        .collect();
    let mut called: Vec<_> = rpcs()
        .iter()
        .map(|it| it.method.full_name().to_owned())
        .collect();
    described.sort();
    called.sort();
    assert_eq!(
        called, described,
        "a call without a row, or a row without a call"
    );
}

pub(super) fn rpcs() -> Vec<Rpc> {
    let mut all = reading();
    all.extend(reading_of_the_past());
    all.extend(writing());
    all.extend(locking());
    all.extend(settling());
    all
}

fn reading() -> Vec<Rpc> {
    vec![
        Rpc::reads("GetDocument", |it| {
            GetDocumentRequest {
                doc_id: it.doc_id,
                with_content: true,
            }
            .encode_to_vec()
        }),
        Rpc::reads("ListDocuments", |_| {
            ListDocumentsRequest::default().encode_to_vec()
        })
        .about(About::Nothing),
    ]
}

fn reading_of_the_past() -> Vec<Rpc> {
    vec![
        Rpc::reads("GetOperationHistory", |it| {
            GetOperationHistoryRequest {
                doc_id: it.doc_id,
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Rpc::reads("SubscribeDocument", |it| {
            SubscribeDocumentRequest {
                doc_id: it.doc_id,
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Rpc::reads("UnsubscribeDocument", |it| {
            let subscription_id = it.other_id;
            UnsubscribeDocumentRequest {
                doc_id: it.doc_id,
                subscription_id,
            }
            .encode_to_vec()
        })
        .with_other("subscription_id", Code::NotFound),
        Rpc::reads("IsLocked", |it| {
            IsLockedRequest {
                doc_id: it.doc_id,
                object_id: "box".to_owned(),
            }
            .encode_to_vec()
        }),
        Rpc::reads("ListConflicts", |it| {
            ListConflictsRequest {
                doc_id: it.doc_id,
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Rpc::reads("GetContent", |it| {
            GetContentRequest {
                doc_id: it.doc_id,
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Rpc::reads("ListSnapshots", |it| {
            ListSnapshotsRequest { doc_id: it.doc_id }.encode_to_vec()
        }),
        Rpc::reads("GetAudit", |it| {
            GetAuditRequest {
                doc_id: it.doc_id,
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Rpc::reads("GetStats", |it| {
            GetStatsRequest { doc_id: it.doc_id }.encode_to_vec()
        })
        .about(About::OneOrNone),
    ]
}

fn operation(it: Input) -> Vec<u8> {
    let data = OperationData {
        kind: Some(it.data),
    };
    let asked = ApplyOperationRequest {
        doc_id: it.doc_id,
        operation_id: it.operation_id,
        data: Some(data),
        prev_version: it.seen,
        ..Default::default()
    };
    asked.encode_to_vec()
}

fn resolution(it: Input) -> Vec<u8> {
    let resolution = Resolution {
        conflict_id: it.other_id,
        choice: Some(resolution::Choice::Text("both".to_owned())),
    };
    let asked = ResolveConflictRequest {
        doc_id: it.doc_id,
        resolution: Some(resolution),
        operation_id: it.operation_id,
    };
    asked.encode_to_vec()
}

fn writing() -> Vec<Rpc> {
    vec![
        Rpc::writes("CreateDocument", |_| {
            let name = "New".to_owned();
            let kind = DocumentType::Text.into();
            CreateDocumentRequest {
                name,
                r#type: kind,
                public: 0,
            }
            .encode_to_vec()
        })
        .about(About::Nothing),
        Rpc::writes("UpdateDocument", |it| {
            let asked = UpdateDocumentRequest {
                doc_id: it.doc_id,
                name: Some("New".to_owned()),
                operation_id: it.operation_id,
                ..Default::default()
            };
            asked.encode_to_vec()
        })
        .of_operation(),
        Rpc::writes("DeleteDocument", |it| {
            DeleteDocumentRequest { doc_id: it.doc_id }.encode_to_vec()
        }),
        Rpc::writes("ApplyOperation", operation).of_operation(),
        Rpc::writes("ApplyOperations", operation).of_operation(),
    ]
}

fn locking() -> Vec<Rpc> {
    vec![
        Rpc::writes("AcquireLock", |it| {
            let (doc_id, lease_ms) = (it.doc_id, it.lease_ms);
            AcquireLockRequest {
                doc_id,
                object_id: "box".to_owned(),
                lease_ms,
            }
            .encode_to_vec()
        }),
        Rpc::writes("RenewLock", |it| {
            let (doc_id, lock_id, lease_ms) = (it.doc_id, it.other_id, it.lease_ms);
            RenewLockRequest {
                doc_id,
                lock_id,
                lease_ms,
            }
            .encode_to_vec()
        })
        .with_other("lock_id", Code::FailedPrecondition),
        // Also for who may not edit any more.
        Rpc::writes("ReleaseLock", |it| {
            ReleaseLockRequest {
                doc_id: it.doc_id,
                lock_id: it.other_id,
            }
            .encode_to_vec()
        })
        .with_other("lock_id", Code::FailedPrecondition)
        .for_readers(),
    ]
}

fn settling() -> Vec<Rpc> {
    vec![
        // Whether there is such a conflict is looked at first.
        Rpc::writes("ResolveConflict", resolution)
            .with_other("conflict_id", Code::NotFound)
            .of_operation()
            .for_readers(),
        Rpc::writes("NameSnapshot", |it| {
            NameSnapshotRequest {
                doc_id: it.doc_id,
                name: "n".to_owned(),
            }
            .encode_to_vec()
        }),
        Rpc::writes("RestoreVersion", |it| {
            let (doc_id, operation_id) = (it.doc_id, it.operation_id);
            RestoreVersionRequest {
                doc_id,
                version: 1,
                operation_id,
            }
            .encode_to_vec()
        })
        .of_operation(),
    ]
}
