//! A record as JSON: whoever operates Redis can read it.

use std::time::Duration;

use session_core::store::EXPIRED_RETENTION;
use session_core::{Record, SessionId, StoreError, Timestamp};

/// Longer than a session may be meant to last; beyond it, Redis takes no time-out.
const LIFETIME_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

pub(super) fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|error| StoreError::Backend(Box::new(error)))
}

pub(super) fn decode(row: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(row).map_err(|error| StoreError::Corrupt(Box::new(error)))
}

/// A record that must be that of `id`.
pub(super) fn decode_of(id: SessionId, row: &[u8]) -> Result<Record, StoreError> {
    let record = decode(row)?;
    if record.session.session_id == id {
        return Ok(record);
    }
    let other = format!(
        "under the key of {id} is session {}",
        record.session.session_id
    );
    Err(StoreError::Corrupt(other.into()))
}

/// For how many milliseconds from `now` the server keeps it at least.
pub(super) fn lifetime_ms(record: &Record, now: Timestamp) -> u64 {
    let left = record.session.expires_at.since(now);
    let lifetime = left.saturating_add(EXPIRED_RETENTION).min(LIFETIME_MAX);
    lifetime.as_millis() as u64
}
