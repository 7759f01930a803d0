//! Documents over REST: everything about them but the typing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use statesync_core::{
    Author, Change, Document, DocumentId, DocumentState, DocumentType, Edit, ListQuery,
    NewDocument, ObjectId, PolicyName, PropertiesChange, PublicAccess, Role, UserId,
};

use super::json::{Json, Named, Parameters};
use super::view::{DocumentView, ObjectView};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    #[serde(rename = "type", default = "richtext")]
    kind: DocumentType,
    #[serde(default)]
    public: PublicAccess,
}

const fn richtext() -> DocumentType {
    DocumentType::Richtext
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    name: Option<String>,
    description: Option<String>,
    tags: Option<BTreeSet<String>>,
    state: Option<DocumentState>,
    editors: Option<BTreeSet<UserId>>,
    viewers: Option<BTreeSet<UserId>>,
    public: Option<PublicAccess>,
    policy: Option<PolicyName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    state: Option<DocumentState>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    documents: Vec<DocumentView<'a>>,
    next_cursor: Option<DocumentId>,
}

#[derive(Serialize)]
struct ContentView {
    id: DocumentId,
    version: u64,
    #[serde(rename = "type")]
    kind: DocumentType,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    xml: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    objects: BTreeMap<ObjectId, ObjectView>,
}

/// Makes a document.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    Json(create): Json<Create>,
) -> Result<Response, Problem> {
    let new = NewDocument {
        name: create.name,
        kind: create.kind,
        owner: principal.user_id,
        public: create.public,
    };
    let document = app.library.create(new).await?;
    let view = DocumentView::new(&document, Role::Owner, Vec::new());
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

/// The documents in which the caller is named, newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
    Parameters(listing): Parameters<Listing>,
) -> Result<Response, Problem> {
    const LIMIT_MAX: usize = 200;
    const LIMIT_DEFAULT: usize = 50;
    let before = match listing.cursor {
        None => None,
        Some(cursor) => {
            let id = cursor
                .parse()
                .map_err(|_| Problem::invalid("cursor: not one of ours"))?;
            Some(DocumentId(id))
        }
    };
    let query = ListQuery {
        member: Some(principal.user_id.clone()),
        state: Some(listing.state.unwrap_or(DocumentState::Active)),
        before,
        limit: listing.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX),
    };
    let page = app.library.list(query).await?;
    let oldest = page.documents.last().map(|document| document.id);
    let views = page.documents.iter().filter_map(|document| {
        let role = visible_role(document, &principal)?;
        Some(view(&app, document, role))
    });
    let listed = Listed {
        documents: views.collect(),
        next_cursor: oldest.filter(|_| page.more),
    };
    Ok(axum::Json(listed).into_response())
}

/// One document.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    principal: Principal,
    Named(id): Named,
) -> Result<Response, Problem> {
    let (document, role) = visible(&app, id, &principal).await?;
    Ok(axum::Json(view(&app, &document, role)).into_response())
}

/// Renames, shares, archives, takes back into use.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    principal: Principal,
    Named(id): Named,
    Json(patch): Json<Patch>,
) -> Result<Response, Problem> {
    if patch.state == Some(DocumentState::Deleted) {
        return Err(Problem::invalid("state: a document is deleted with DELETE"));
    }
    let change = PropertiesChange {
        name: patch.name,
        description: patch.description,
        tags: patch.tags,
        state: patch.state,
        editors: patch.editors,
        viewers: patch.viewers,
        public: patch.public,
        policy: patch.policy,
    };
    if change.is_empty() {
        return Err(Problem::invalid("nothing to change"));
    }
    let (document, role) = submit(&app, id, &principal, change).await?;
    Ok(axum::Json(view(&app, &document, role)).into_response())
}

/// Takes a document away from everybody.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    principal: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let change = PropertiesChange {
        state: Some(DocumentState::Deleted),
        ..Default::default()
    };
    submit(&app, id, &principal, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is written in a document, for readers without Yjs.
pub(super) async fn content(
    State(app): State<Arc<App>>,
    principal: Principal,
    Named(id): Named,
) -> Result<Response, Problem> {
    let (document, _role) = visible(&app, id, &principal).await?;
    let (version, reading) = app.library.open(id).await?.reading().await?;
    let view = ContentView {
        id,
        version: version.0,
        kind: document.kind,
        text: reading.text,
        xml: reading.xml,
        objects: reading
            .objects
            .into_iter()
            .map(|(id, object)| (id, object.into()))
            .collect(),
    };
    Ok(axum::Json(view).into_response())
}

/// Changes a document's head the way every edit goes: through its owner and its log.
async fn submit(
    app: &App,
    id: DocumentId,
    principal: &Principal,
    change: PropertiesChange,
) -> Result<(Arc<Document>, Role), Problem> {
    let (_, role) = visible(app, id, principal).await?;
    let open = app.library.open(id).await?;
    let author = Author {
        user_id: principal.user_id.clone(),
        session_id: principal.session_id.to_string().into(),
    };
    let edit = Edit::new(author, Change::Properties(change));
    open.submit(edit, None).await?.answer().await?;
    Ok((open.document(), role))
}

/// A document and what the caller may do with it; for others it does not exist.
async fn visible(
    app: &App,
    id: DocumentId,
    principal: &Principal,
) -> Result<(Arc<Document>, Role), Problem> {
    let document = app.library.head(id).await?;
    let role = visible_role(&document, principal).ok_or_else(Problem::no_such_document)?;
    Ok((document, role))
}

fn visible_role(document: &Document, principal: &Principal) -> Option<Role> {
    if document.state == DocumentState::Deleted {
        return None;
    }
    document.metadata.permissions.role_of(&principal.user_id)
}

fn view<'a>(app: &App, document: &'a Document, role: Role) -> DocumentView<'a> {
    let active = app
        .library
        .opened(document.id)
        .map(|open| open.participants());
    DocumentView::new(document, role, active.unwrap_or_default())
}
