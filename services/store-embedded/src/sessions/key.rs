//! Under which keys sessions are kept and found; see `tables`.

use guuid::Guuid;
use session_core::{ConnectionId, SessionId, Timestamp, UserId};

use crate::encoding::Malformed;

const SESSIONS: u8 = 0x20;
const BY_USER: u8 = 0x21;
const BY_CONNECTION: u8 = 0x22;
const BY_EXPIRY: u8 = 0x23;

/// Key of a session's record.
pub(super) fn session(id: SessionId) -> Vec<u8> {
    [&[SESSIONS], id.as_bytes().as_slice()].concat()
}

/// What the keys of all records begin with.
pub(super) fn sessions() -> Vec<u8> {
    vec![SESSIONS]
}

/// What the keys of the sessions of `user` begin with. User ids have no control characters, so
/// that the zero ends them.
pub(super) fn of_user(user: &UserId) -> Vec<u8> {
    [&[BY_USER], user.as_str().as_bytes(), &[0]].concat()
}

/// What the keys of the sessions behind `connection` begin with.
pub(super) fn of_connection(connection: ConnectionId) -> Vec<u8> {
    [&[BY_CONNECTION], connection.as_bytes().as_slice()].concat()
}

/// What the keys of the sessions that expire at `time` begin with.
pub(super) fn expiring_at(time: Timestamp) -> Vec<u8> {
    [&[BY_EXPIRY], time.unix_ms().to_be_bytes().as_slice()].concat()
}

/// What all keys by expiry begin with.
pub(super) fn expiring() -> Vec<u8> {
    vec![BY_EXPIRY]
}

/// The key of `id` behind one of the prefixes above.
pub(super) fn entry(mut prefix: Vec<u8>, id: SessionId) -> Vec<u8> {
    prefix.extend_from_slice(id.as_bytes());
    prefix
}

/// The session that a key ends with.
pub(super) fn parse(key: &[u8]) -> Result<SessionId, Malformed> {
    let malformed = Malformed {
        what: "key of a session",
    };
    let (_, id) = key.split_last_chunk().ok_or(malformed)?;
    Ok(Guuid::from_bytes(*id).map_err(|_| malformed)?.into())
}
