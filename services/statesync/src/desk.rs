//! What every call works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{
    Accepted, Document, DocumentId, DocumentState, Edit, Library, OpenDocument, Receipt, Role,
};

use crate::auth::Caller;
use crate::convert;
use crate::status::{Failed, forbidden, no_document};
use crate::subscribe::Subscriptions;

/// The documents, and what is counted about them.
pub(crate) struct Desk {
    pub(crate) library: Arc<Library>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) operations: AtomicU64,
    pub(crate) conflicts: AtomicU64,
}

/// An edit that was handed in.
pub(crate) struct HandedIn {
    receipt: Receipt,
    kind: &'static str,
}

impl Desk {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        Self {
            library,
            subscriptions: Subscriptions::default(),
            operations: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
        }
    }

    /// A document's head, and what the caller may do with it; for others it does not exist.
    pub(crate) async fn visible(
        &self,
        caller: &Caller,
        id: DocumentId,
    ) -> Result<(Arc<Document>, Role), Failed> {
        let document = self.library.head(id).await?;
        let role = role(&document, caller).ok_or_else(|| no_document(id))?;
        Ok((document, role))
    }

    /// The document, open, if the caller may read it.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        id: DocumentId,
    ) -> Result<Arc<OpenDocument>, Failed> {
        self.visible(caller, id).await?;
        Ok(self.library.open(id).await?)
    }

    /// Hands in an edit: edits of one caller are carried out in the order in which these calls end.
    pub(crate) async fn hand_in(
        &self,
        caller: &Caller,
        id: DocumentId,
        edit: Edit,
    ) -> Result<HandedIn, Failed> {
        let kind = edit.change.kind().as_str();
        let open = self.open(caller, id).await?;
        let receipt = open.submit(edit, None).await?;
        Ok(HandedIn { receipt, kind })
    }

    /// What became of it.
    pub(crate) async fn outcome(&self, handed_in: HandedIn) -> Result<Accepted, Failed> {
        let HandedIn { receipt, kind } = handed_in;
        let outcome = receipt.answer().await;
        let status = outcome.as_ref().map_or("refused", |it| it.status.as_str());
        let labels = [("type", kind), ("status", status)];
        metrics::counter!("statesync_operations_total", &labels).increment(1);
        self.operations.fetch_add(1, Ordering::Relaxed);
        let in_conflict = |accepted: &Accepted| accepted.conflict.is_some() && kind != "resolve";
        if outcome.as_ref().is_ok_and(in_conflict) {
            metrics::counter!("statesync_conflicts_total").increment(1);
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome?)
    }

    /// Hands in an edit and waits for what becomes of it.
    pub(crate) async fn submit(
        &self,
        caller: &Caller,
        id: DocumentId,
        edit: Edit,
    ) -> Result<Accepted, Failed> {
        let handed_in = self.hand_in(caller, id, edit).await?;
        self.outcome(handed_in).await
    }

    /// The document as the caller is shown it, with who is there.
    pub(crate) fn shown(&self, document: &Document) -> wire::Document {
        let open = self.library.opened(document.id);
        let active = open.map(|open| open.participants());
        convert::document(document, &active.unwrap_or_default())
    }
}

/// What the caller may do with a document; `None`: for them it does not exist.
pub(crate) fn role(document: &Document, caller: &Caller) -> Option<Role> {
    if document.state == DocumentState::Deleted {
        return None;
    }
    document.metadata.permissions.role_of(&caller.user_id)
}

/// Refuses whoever may only read.
pub(crate) fn require_editor(role: Role) -> Result<(), Failed> {
    if role >= Role::Editor {
        return Ok(());
    }
    Err(forbidden("this takes the right to edit").into())
}
