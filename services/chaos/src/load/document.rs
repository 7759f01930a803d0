//! The documents of a round: what they are for, and how they are made.

use std::sync::{Arc, Weak};

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use parking_lot::Mutex;
use wire::DocumentType;
use wire::operation_data::Kind;

use crate::caller::{Caller, answer};
use crate::failure::Failure;
use crate::mirror::Mirror;
use crate::servers::{REPLICAS, Servers};

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Objects, of which the later write wins.
    Board,
    /// Objects whose conflicts wait for somebody.
    Contested,
    /// Text that merges, by typed operations and by Yjs updates.
    Text,
    /// Cells with counters, sets and shared text, which merge.
    Sheet,
    /// Objects with locks.
    Locked,
}

impl Purpose {
    pub(crate) const ALL: [Self; 5] = [
        Self::Board,
        Self::Contested,
        Self::Text,
        Self::Sheet,
        Self::Locked,
    ];

    fn kind(self) -> DocumentType {
        match self {
            Self::Board | Self::Contested => DocumentType::Whiteboard,
            Self::Text => DocumentType::Text,
            Self::Sheet => DocumentType::Sheet,
            Self::Locked => DocumentType::Canvas,
        }
    }

    fn policy(self) -> &'static str {
        match self {
            Self::Board | Self::Locked => "lww",
            Self::Contested => "manual",
            Self::Text | Self::Sheet => "merge",
        }
    }

    /// What kind of objects are there from the beginning; of a text, none.
    fn object_kind(self) -> Option<&'static str> {
        match self {
            Self::Board | Self::Contested => Some("rectangle"),
            Self::Text => None,
            Self::Sheet => Some("cell"),
            Self::Locked => Some("node"),
        }
    }
}

/// A document of a round.
pub(crate) struct Document {
    pub(crate) index: usize,
    pub(crate) doc_id: String,
    pub(crate) purpose: Purpose,
    /// The version at which the clients begin.
    pub(crate) setup: u64,
    /// What its subscribers have.
    mirrors: Mutex<Vec<Weak<Mutex<Mirror>>>>,
}

impl Document {
    /// The objects that are there from the beginning, and never deleted.
    pub(crate) const OBJECTS: usize = 4;

    pub(crate) fn object(index: usize) -> String {
        format!("object-{index}")
    }

    /// Keeps an eye on what a subscriber has.
    pub(super) fn watch(&self, mirror: &Arc<Mutex<Mirror>>) {
        self.mirrors.lock().push(Arc::downgrade(mirror));
    }

    /// The version that all subscribers have.
    pub(crate) fn told_to_all(&self) -> u64 {
        let mirrors = self.mirrors.lock();
        let versions = mirrors.iter().filter_map(Weak::upgrade);
        let versions = versions.map(|mirror| mirror.lock().version);
        versions.min().unwrap_or(u64::MAX)
    }
}

/// Makes a document that everybody may edit.
pub(super) async fn create(
    servers: &Servers,
    index: usize,
    purpose: Purpose,
) -> Result<Document, Failure> {
    let mut owner = Caller::new(servers, "owner", index % REPLICAS)?;
    let create = wire::CreateDocumentRequest {
        name: format!("{purpose:?}"),
        r#type: purpose.kind().into(),
        public: wire::PublicAccess::Edit.into(),
    };
    let request = owner.request(create);
    let created = answer(owner.client()?.create_document(request)).await?;
    let missing = || Failure::new("no document was made");
    let doc_id = created.document.ok_or_else(missing)?.id;
    let update = wire::UpdateDocumentRequest {
        doc_id: doc_id.clone(),
        policy: Some(purpose.policy().to_owned()),
        description: Some("while things break".to_owned()),
        ..Default::default()
    };
    let request = owner.request(update);
    let updated = answer(owner.client()?.update_document(request)).await?;
    let mut setup = updated.document.map_or(0, |document| document.version);
    for object in 0..Document::OBJECTS {
        let Some(kind) = purpose.object_kind() else {
            break;
        };
        let create = Kind::Create(wire::CreateObject {
            object_id: Document::object(object),
            kind: kind.to_owned(),
            ..Default::default()
        });
        let asked = wire::ApplyOperationRequest {
            doc_id: doc_id.clone(),
            operation_id: Some(Guuid::now().to_string()),
            data: Some(wire::OperationData { kind: Some(create) }),
            ..Default::default()
        };
        let request = owner.request(asked);
        let applied = answer(owner.client()?.apply_operation(request)).await?;
        setup = applied.version;
    }
    Ok(Document {
        index,
        doc_id,
        purpose,
        setup,
        mirrors: Mutex::default(),
    })
}
