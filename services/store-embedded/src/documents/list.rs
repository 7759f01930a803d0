//! Lists of documents, newest first.

use statesync_core::{Document, DocumentId, ListQuery, Page, StoreError, UserId};

use super::description::Description;
use super::head::Head;
use super::key::{self, HeadRow};
use super::{corrupt, load};
use crate::error::Damage;
use crate::tables::{Value, View};

/// One page.
pub(super) fn page(view: &View<'_>, query: &ListQuery) -> Result<Page, StoreError> {
    let mut page = Page {
        documents: Vec::new(),
        more: false,
    };
    let mut take = |document: Document| {
        if query.state.is_some_and(|state| state != document.state) {
            return true;
        }
        page.more = page.documents.len() == query.limit;
        if !page.more {
            page.documents.push(document);
        }
        !page.more
    };
    match &query.member {
        Some(member) => of_member(view, member, query.before, &mut take)?,
        None => all(view, query.before, &mut take)?,
    }
    Ok(page)
}

/// Hands over every document until `take` says that it is enough.
fn all(
    view: &View<'_>,
    before: Option<DocumentId>,
    mut take: impl FnMut(Document) -> bool,
) -> Result<(), StoreError> {
    // Backwards, the description comes before its head.
    let mut waiting: Option<(DocumentId, Value)> = None;
    for row in view
        .range(key::first_head()..=key::heads_before(before))
        .rev()
    {
        let (row_key, value) = row.map_err(unlisted)?;
        let (id, kind) = key::parse_head(&row_key).map_err(|bad| unlisted(bad.into()))?;
        let described = waiting.take();
        match (kind, described) {
            (HeadRow::Description, None) => waiting = Some((id, value)),
            (HeadRow::Head, Some((of, description))) if of == id => {
                let decode = || {
                    let head = Head::decode(id, &value)?;
                    let description = Description::decode(id, &head, &description)?;
                    Ok(description.into_document(id, &head))
                };
                if !take(decode().map_err(|bad: Damage| corrupt(id, bad))?) {
                    return Ok(());
                }
            }
            _ => return Err(corrupt(id, "the head or the description is missing")),
        }
    }
    waiting.map_or(Ok(()), |(id, _)| Err(corrupt(id, "the head is missing")))
}

/// The ids of all documents, or of those with a smaller one.
pub(super) fn ids(
    view: &View<'_>,
    before: Option<DocumentId>,
    limit: usize,
) -> Result<Vec<DocumentId>, StoreError> {
    let mut ids: Vec<DocumentId> = Vec::new();
    let rows = view.range(key::first_head()..=key::heads_before(before));
    for row in rows.rev() {
        let (row_key, _) = row.map_err(unlisted)?;
        let (id, _) = key::parse_head(&row_key).map_err(|bad| unlisted(bad.into()))?;
        // Two rows have it, or one when the other is lost.
        if ids.last() == Some(&id) {
            continue;
        }
        if ids.len() == limit {
            break;
        }
        ids.push(id);
    }
    Ok(ids)
}

fn of_member(
    view: &View<'_>,
    member: &UserId,
    before: Option<DocumentId>,
    mut take: impl FnMut(Document) -> bool,
) -> Result<(), StoreError> {
    let first = key::members_of(member);
    let last = match before {
        Some(before) => key::member(member, before),
        None => [first.as_slice(), &[0xFF; 17]].concat(),
    };
    for row in view.range(first..=last).rev() {
        let (row_key, _) = row.map_err(unlisted)?;
        let id = key::parse_member(&row_key).map_err(|bad| unlisted(bad.into()))?;
        if before == Some(id) {
            continue;
        }
        let (document, _) = match load::document(view, id) {
            Err(StoreError::NotFound(id)) => {
                return Err(corrupt(id, "it is listed, but its head is missing"));
            }
            other => other?,
        };
        if !document
            .metadata
            .permissions
            .members()
            .any(|user| user == member)
        {
            return Err(corrupt(id, "it is listed for somebody who is no member"));
        }
        if !take(document) {
            return Ok(());
        }
    }
    Ok(())
}

/// It is unknown whose row it was.
fn unlisted(damage: Damage) -> StoreError {
    StoreError::Backend(Box::new(damage))
}
