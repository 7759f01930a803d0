//! The finished store, as the product uses it: with real documents, checksums and all.

use std::collections::BTreeMap;
use std::path::Path;

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::try_join_all;
use guuid::Guuid;
use statesync_core::{
    AuditEntry, Author, Change, Document, DocumentState, DocumentStore, DocumentType, Edit,
    ListQuery, Metadata, OperationId, Record, Snapshot, Timestamp, UserId, Version, genesis,
};
use store_embedded::{EmbeddedStore, Options};

use super::{Append, DocumentId, Engine, Failure, Heads, Loaded};

pub(crate) struct Finished {
    pub(crate) store: EmbeddedStore,
}

impl Finished {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        Ok(Self {
            store: EmbeddedStore::open(&Options::new(directory))?,
        })
    }
}

/// Writes one append; the first one to a document makes it.
pub(crate) async fn append(store: &EmbeddedStore, append: Append) -> Result<(), Failure> {
    let expected = Version(append.first_version - 1);
    let mut document = document(append.document)?;
    if expected == Version::ZERO {
        DocumentStore::create(store, &document).await?;
    }
    let author = Author {
        user_id: document.created_by.clone(),
        session_id: "session".into(),
    };
    let records = append.records.into_iter().zip(append.first_version..);
    let records = records.map(|(payload, version)| {
        let edit = Edit::new(author.clone(), Change::Yjs(Bytes::from(payload)));
        let operation = OperationId(document.id.0);
        Arc::new(Record::of(
            edit,
            Version(version),
            operation,
            Timestamp(version),
        ))
    });
    let records: Vec<_> = records.collect();
    let mut audit = Vec::with_capacity(records.len());
    // Nobody remembers where the chain ended, but a link is as much work wherever it begins.
    for record in &records {
        let entry = AuditEntry::of(document.id, document.audit, record);
        document.audit = entry.hash;
        audit.push(entry);
    }
    document.version = expected.after(records.len());
    Ok(store
        .append(statesync_core::Append {
            expected,
            records,
            audit,
            conflicts: Vec::new(),
            settled: Vec::new(),
            document,
        })
        .await?)
}

fn document_id(id: &DocumentId) -> Result<statesync_core::DocumentId, Failure> {
    Ok(statesync_core::DocumentId(Guuid::from_bytes(*id)?))
}

fn document(id: DocumentId) -> Result<Document, Failure> {
    let owner = UserId::new("alice")?;
    Ok(Document {
        id: document_id(&id)?,
        name: "Minutes".into(),
        kind: DocumentType::Richtext,
        state: DocumentState::Active,
        version: Version::ZERO,
        created_by: owner.clone(),
        created_at: Timestamp(0),
        updated_by: owner.clone(),
        updated_at: Timestamp(0),
        metadata: Metadata::owned_by(owner),
        policy: DocumentType::Richtext.usual_policy(),
        audit: genesis(),
    })
}

impl Engine for Finished {
    fn commit(&self, appends: &[Append]) -> Result<(), Failure> {
        let mut by_document = BTreeMap::<_, Vec<_>>::new();
        for append in appends {
            by_document
                .entry(append.document)
                .or_default()
                .push(append.clone());
        }
        // A document has one owner, which waits for one append before it makes the next.
        let documents = by_document.into_values().map(async |appends| {
            for one in appends {
                append(&self.store, one).await?;
            }
            Ok::<_, Failure>(())
        });
        block_on(try_join_all(documents)).map(drop)
    }

    fn load(&self, document: &DocumentId) -> Result<Loaded, Failure> {
        let stored = block_on(DocumentStore::load(&self.store, document_id(document)?))?;
        let records = stored
            .records
            .into_iter()
            .map(|record| match &record.change {
                Change::Yjs(payload) => Ok((record.version.0, payload.to_vec())),
                _ => Err(Failure::from("another kind of change")),
            });
        Ok(Loaded {
            version: stored.document.version.0,
            snapshot: stored
                .snapshot
                .map_or_else(Vec::new, |known| known.content.to_vec()),
            records: records.collect::<Result<_, _>>()?,
        })
    }

    fn snapshot(
        &self,
        document: &DocumentId,
        content: &[u8],
        _from: u64,
        through: u64,
    ) -> Result<(), Failure> {
        let version = Version(through);
        let snapshot = Snapshot {
            version,
            content: Bytes::copy_from_slice(content),
        };
        let id = document_id(document)?;
        Ok(block_on(self.store.save_snapshot(id, snapshot, version))?)
    }

    fn heads(&self, after: Option<&DocumentId>, limit: usize) -> Result<Heads, Failure> {
        let before = after.map(document_id).transpose()?;
        let query = ListQuery {
            member: None,
            state: None,
            before,
            limit,
        };
        let page = block_on(DocumentStore::list(&self.store, query))?;
        let heads = page.documents.into_iter();
        Ok(heads
            .map(|head| (head.id.0.to_bytes(), head.version.0))
            .collect())
    }

    fn settle(&self) -> Result<(), Failure> {
        Ok(self.store.flush()?)
    }
}
