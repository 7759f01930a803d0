//! Sessions: the [`SessionStore`] over the log and the tables.

use async_trait::async_trait;
use session_core::{
    Admission, Created, Filter, Listed, Page, Record, Revision, SessionId, SessionStore,
    StoreError, Timestamp,
};

use crate::error::{Damage, Refusal};
use crate::queue::Reads;
use crate::rows::Rows;
use crate::store::{EmbeddedStore, REQUEST_BYTES_MAX};

mod change;
mod find;
mod key;
mod row;

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn create(&self, record: &Record, admission: Admission) -> Result<Created, StoreError> {
        let record = record.clone();
        let encoded = row::Encoded::new(&record)?;
        let bytes = checked_size(encoded.bytes())?;
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            change::create(reads, rows, &record, &encoded, admission)
        };
        self.shared.write(bytes, decide).await
    }

    async fn load(&self, session_id: SessionId) -> Result<Record, StoreError> {
        find::one(&self.shared.tables.now(), session_id)?.ok_or(StoreError::NotFound)
    }

    async fn replace_if(&self, record: &Record, expected: Revision) -> Result<(), StoreError> {
        let record = record.clone();
        let encoded = row::Encoded::new(&record)?;
        let bytes = checked_size(encoded.bytes())?;
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            change::replace(reads, rows, &record, &encoded, expected)
        };
        self.shared.write(bytes, decide).await
    }

    async fn remove(
        &self,
        session_id: SessionId,
        expected: Option<Revision>,
    ) -> Result<Record, StoreError> {
        let decide = move |reads: &Reads<'_>, rows: &mut Rows| {
            change::remove(reads, rows, session_id, expected)
        };
        self.shared.write(0, decide).await
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Listed, StoreError> {
        let filter = filter.clone();
        self.shared
            .readers
            .read(move |tables| find::page(&tables.now(), &filter, page))
            .await
    }

    async fn expired(&self, before: Timestamp, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.shared
            .readers
            .read(move |tables| find::expired(&tables.now(), before, limit))
            .await
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        Self::Unavailable(Box::new(refusal))
    }
}

fn corrupt(damage: impl Into<Damage>) -> StoreError {
    let damage = damage.into();
    tracing::error!(%damage, "a stored session is damaged");
    StoreError::Corrupt(Box::new(damage))
}

fn checked_size(bytes: usize) -> Result<usize, StoreError> {
    if bytes <= REQUEST_BYTES_MAX {
        return Ok(bytes);
    }
    let why = format!("{bytes} bytes in one session; at most {REQUEST_BYTES_MAX} are possible");
    Err(StoreError::Backend(why.into()))
}
