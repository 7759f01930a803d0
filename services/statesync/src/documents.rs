//! Documents: made, read, changed, listed.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{
    Change, Content, ContentError, Document, DocumentId, DocumentState, Edit, ListQuery,
    NewDocument, OpenDocument, PropertiesChange, Terms,
};

use crate::auth::Caller;
use crate::convert;
use crate::desk::{Desk, role};
use crate::status::{Failed, invalid};

const PAGE_MAX: usize = 200;
const PAGE_USUAL: usize = 50;

/// How many entries a page gets that somebody asked for.
pub(crate) fn page_size(asked: u32, usual: usize, most: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) => usual,
        Ok(asked) => asked.min(most),
        Err(_) => most,
    }
}

impl Desk {
    pub(crate) async fn create_document(
        &self,
        caller: Caller,
        asked: wire::CreateDocumentRequest,
    ) -> Result<wire::CreateDocumentResponse, Failed> {
        let kind = convert::document_type("type", asked.r#type)?;
        let new = NewDocument {
            name: asked.name,
            kind: kind.ok_or_else(|| invalid("type", "which type of document?"))?,
            owner: caller.user_id,
            public: convert::public_access("public", asked.public)?.unwrap_or_default(),
        };
        let document = self.library.create(new).await?;
        let document = Some(self.shown(&document));
        Ok(wire::CreateDocumentResponse { document })
    }

    pub(crate) async fn document(
        &self,
        caller: Caller,
        asked: wire::GetDocumentRequest,
    ) -> Result<wire::GetDocumentResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let (document, _) = self.visible(&caller, id).await?;
        let mut shown = self.shown(&document);
        if asked.with_content {
            let open = self.library.open(id).await?;
            shown.content = Some(present_content(&open, false).await?);
        }
        let document = Some(shown);
        Ok(wire::GetDocumentResponse { document })
    }

    pub(crate) async fn update_document(
        &self,
        caller: Caller,
        asked: wire::UpdateDocumentRequest,
    ) -> Result<wire::UpdateDocumentResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let terms = Terms {
            operation_id: convert::operation_id(asked.operation_id.as_deref())?,
            ..Terms::default()
        };
        let change = convert::properties_change(asked)?;
        if change.is_empty() {
            return Err(invalid("name", "nothing is to be changed").into());
        }
        if change.state == Some(DocumentState::Deleted) {
            let reason = "a document is deleted with DeleteDocument";
            return Err(invalid("state", reason).into());
        }
        let edit = Edit::new(caller.author(), Change::Properties(change)).with_terms(terms);
        self.submit(&caller, id, edit).await?;
        let document = self.library.head(id).await?;
        let document = Some(self.shown(&document));
        Ok(wire::UpdateDocumentResponse { document })
    }

    pub(crate) async fn delete_document(
        &self,
        caller: Caller,
        asked: wire::DeleteDocumentRequest,
    ) -> Result<wire::DeleteDocumentResponse, Failed> {
        let id = convert::document_id(&asked.doc_id)?;
        let change = PropertiesChange {
            state: Some(DocumentState::Deleted),
            ..PropertiesChange::default()
        };
        let edit = Edit::new(caller.author(), Change::Properties(change));
        let accepted = self.submit(&caller, id, edit).await?;
        let version = accepted.version.0;
        Ok(wire::DeleteDocumentResponse { version })
    }

    pub(crate) async fn list_documents(
        &self,
        caller: Caller,
        asked: wire::ListDocumentsRequest,
    ) -> Result<wire::ListDocumentsResponse, Failed> {
        let kind = convert::document_type("type", asked.r#type)?;
        let before = match asked.page_token.as_str() {
            "" => None,
            token => Some(DocumentId(convert::guuid("page_token", token)?)),
        };
        let query = ListQuery {
            member: Some(caller.user_id.clone()),
            state: convert::document_state("state", asked.state)?,
            before,
            limit: page_size(asked.page_size, PAGE_USUAL, PAGE_MAX),
        };
        let page = self.library.list(query).await?;
        let last = page.documents.last().map(|document| document.id);
        let is_asked_for = |document: &&Document| {
            role(document, &caller).is_some()
                && kind.is_none_or(|kind| kind == document.kind)
                && asked
                    .tag
                    .as_ref()
                    .is_none_or(|tag| document.metadata.tags.contains(tag))
        };
        let documents = page.documents.iter().filter(is_asked_for);
        let next = last.filter(|_| page.more).map(|id| id.to_string());
        Ok(wire::ListDocumentsResponse {
            documents: documents.map(|document| self.shown(document)).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }
}

/// The content, all of it of one version.
pub(crate) async fn present_content(
    open: &OpenDocument,
    with_yjs: bool,
) -> Result<wire::Content, Failed> {
    let kind = open.document().kind;
    if !with_yjs {
        let (version, reading) = open.reading().await?;
        return Ok(convert::content(version, reading));
    }
    let snapshot = open.snapshot().await?;
    let unreadable = |error: ContentError| {
        tracing::error!(document = %open.id(), %error, "a snapshot cannot be read");
        crate::status::unavailable("the content cannot be read at present")
    };
    let content = Content::empty(kind)
        .restored(&snapshot.content)
        .map_err(unreadable)?;
    let mut shown = convert::content(snapshot.version, content.read(kind));
    convert::add_yjs(&mut shown, &content).map_err(unreadable)?;
    Ok(shown)
}
