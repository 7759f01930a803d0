//! Lists of documents.

use statesync_core::{DocumentId, ListQuery, Page, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::rows;
use crate::transaction::{Statement, Transactions};

pub(crate) async fn list(transactions: &Transactions, query: &ListQuery) -> Result<Page, Failure> {
    let state = query.state.map(rows::word).transpose()?;
    let before = query.before.map(|id| id.0.to_uuid());
    let member = query.member.as_ref().map(|user| user.as_str());
    // One more tells whether there are more.
    let limit = rows::limit(query.limit).saturating_add(1);
    let source = if member.is_some() {
        "members JOIN documents ON documents.id = members.document_id \
         WHERE members.user_id = $4 AND ($2::uuid IS NULL OR members.document_id < $2) AND"
    } else {
        "documents WHERE $4::text IS NULL AND"
    };
    let sql = format!(
        "SELECT {} FROM {source} ($1::text IS NULL OR state = $1) \
         AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        rows::HEAD
    );
    let statement = Statement::new(
        &sql,
        [
            (&state, Type::TEXT),
            (&before, Type::UUID),
            (&limit, Type::INT8),
            (&member, Type::TEXT),
        ],
    );
    let [found] = transactions.read([statement]).await?;
    let documents = found.iter().take(query.limit);
    let documents = documents.map(|row| rows::head(row, id(row)?));
    Ok(Page {
        documents: documents.collect::<Result<_, _>>()?,
        more: found.len() > query.limit,
    })
}

/// The ids of all documents, or of those with a smaller one.
pub(crate) async fn ids(
    transactions: &Transactions,
    before: Option<DocumentId>,
    limit: usize,
) -> Result<Vec<DocumentId>, Failure> {
    let (before, limit) = (before.map(|id| id.0.to_uuid()), rows::limit(limit));
    let statement = Statement::new(IDS, [(&before, Type::UUID), (&limit, Type::INT8)]);
    let [found] = transactions.read([statement]).await?;
    let ids: Result<Vec<_>, StoreError> = found.iter().map(id).collect();
    Ok(ids?)
}

/// What the document is called whose row this is.
fn id(row: &Row) -> Result<DocumentId, StoreError> {
    // Only a damaged one has no name.
    let nobody = DocumentId(guuid::Guuid::first_at(0));
    let id = rows::Columns::of(row, nobody, "head").guuid("id")?;
    Ok(DocumentId(id))
}

const IDS: &str =
    "SELECT id FROM documents WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2";
