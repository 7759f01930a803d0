//! A session's record: JSON, with its checksum before it.
//!
//! ```text
//!  0  check   8   XXH3-64 of the JSON; context: session
//!  8  JSON        the fields of `session_core::Record`
//! ```
//!
//! JSON, because sessions are few, small and short-lived, and their fields will change more often
//! than those of documents.
//!
//! Under the session's key by user:
//!
//! ```text
//!  0  created at   8   u64, unix milliseconds
//!  8  expires at   8   u64, unix milliseconds
//! ```

use session_core::{Record, Session, SessionId, StoreError, Timestamp};

use super::key;
use crate::encoding::{Fields, Malformed};
use crate::integrity;
use crate::rows::Rows;

/// A record ready to be written.
pub(super) struct Encoded {
    row: Vec<u8>,
}

impl Encoded {
    pub(super) fn new(record: &Record) -> Result<Self, StoreError> {
        let mut row = vec![0; 8];
        serde_json::to_writer(&mut row, record)
            .map_err(|error| StoreError::Backend(Box::new(error)))?;
        let context = record.session.session_id;
        let check = integrity::check(&[context.as_bytes()], &row[8..]);
        row[..8].copy_from_slice(&check.to_le_bytes());
        Ok(Self { row })
    }

    pub(super) fn bytes(&self) -> usize {
        self.row.len()
    }

    /// Puts the record and its entries in the indexes.
    pub(super) fn write(&self, session: &Session, rows: &mut Rows) {
        let id = session.session_id;
        let times =
            [session.created_at, session.expires_at].map(|time| time.unix_ms().to_le_bytes());
        rows.put(&key::session(id), &[&self.row]);
        rows.put(
            &key::entry(key::of_user(&session.user_id), id),
            &[&times[0], &times[1]],
        );
        rows.put(&key::entry(key::expiring_at(session.expires_at), id), &[]);
        if let Some(connection) = session.connection_id {
            rows.put(&key::entry(key::of_connection(connection), id), &[]);
        }
    }
}

/// Reads a record.
pub(super) fn decode(id: SessionId, row: &[u8]) -> Result<Record, Malformed> {
    let malformed = Malformed { what: "session" };
    let (check, json) = row.split_first_chunk().ok_or(malformed)?;
    if integrity::check(&[id.as_bytes()], json).to_le_bytes() != *check {
        return Err(malformed);
    }
    serde_json::from_slice(json).map_err(|_| malformed)
}

/// When a session was created and when it expires, from its entry by user.
pub(super) fn decode_times(row: &[u8]) -> Result<(Timestamp, Timestamp), Malformed> {
    let mut fields = Fields::of(row, "times of a session");
    let mut time = || fields.u64().map(Timestamp::from_unix_ms);
    let times = (time()?, time()?);
    fields.end()?;
    Ok(times)
}

/// Removes a record and its entries, except those that `staying` has at the same keys.
pub(super) fn erase(session: &Session, staying: Option<&Session>, rows: &mut Rows) {
    let id = session.session_id;
    if staying.is_none() {
        rows.delete(&key::session(id));
        rows.delete(&key::entry(key::of_user(&session.user_id), id));
    }
    if staying.is_none_or(|staying| staying.expires_at != session.expires_at) {
        rows.delete(&key::entry(key::expiring_at(session.expires_at), id));
    }
    if let Some(connection) = session.connection_id
        && staying.is_none_or(|staying| staying.connection_id != Some(connection))
    {
        rows.delete(&key::entry(key::of_connection(connection), id));
    }
}
