//! Making documents.

use statesync_core::{Document, StoreError, Version};
use tokio_postgres::types::Type;

use crate::failure::{Failure, Tries};
use crate::head::HeadColumns;
use crate::rows;
use crate::transaction::{Statement, Transaction, Transactions};

/// Makes a document, or says that the id is taken.
pub(crate) async fn create(
    transactions: &Transactions,
    document: &Document,
) -> Result<(), StoreError> {
    let columns = HeadColumns::of(document)?;
    let mut tries = Tries::default();
    loop {
        match once(transactions, document, &columns).await {
            Ok(Outcome::Made) => return Ok(()),
            // An attempt that is in doubt made it. (An insert waits for one that is on its way.)
            Ok(Outcome::Taken(present)) if tries.in_doubt() && *present == *document => {
                return Ok(());
            }
            Ok(Outcome::Taken(present)) => {
                return Err(StoreError::Conflict {
                    id: document.id,
                    expected: Version::ZERO,
                    actual: present.version,
                });
            }
            Err(failure) => tries.again(failure).await?,
        }
    }
}

enum Outcome {
    Made,
    Taken(Box<Document>),
}

async fn once(
    transactions: &Transactions,
    document: &Document,
    columns: &HeadColumns<'_>,
) -> Result<Outcome, Failure> {
    let transaction = transactions.start().await?;
    let outcome = made(&transaction, &transactions.writing, document, columns).await;
    transaction.end(outcome)
}

async fn made(
    transaction: &Transaction,
    begin: &str,
    document: &Document,
    columns: &HeadColumns<'_>,
) -> Result<Outcome, Failure> {
    let head = format!("SELECT {} FROM documents WHERE id = $1", rows::HEAD);
    let head = Statement::new(&head, [(&columns.id, Type::UUID)]);
    let [made, head] = transaction.begin(begin, [columns.insert(), head]).await?;
    if made.is_empty() {
        let row = head.first().ok_or(StoreError::NotFound(document.id))?;
        let present = Box::new(rows::head(row, document.id)?);
        let left = transaction.commit(&[]).await;
        left.map_err(|failure| match failure {
            // Nothing was written that could be in doubt.
            Failure::Doubtful(reason) => Failure::Lost(reason),
            other => other,
        })?;
        return Ok(Outcome::Taken(present));
    }
    transaction.commit(&[columns.add_members()]).await?;
    Ok(Outcome::Made)
}
