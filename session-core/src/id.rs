//! The names of things: sessions, users, connections.
//!
//! A [`SessionId`] carries 16 bits of a hash of its user, its *placement*. All sessions of one user
//! share it, and so does every token (which begins with the session's id). A store that spreads its
//! keys, a Redis cluster for one, therefore finds the shard of a session from its id alone, and can
//! change a session together with its user's index in one script, without a directory of its own.

use core::fmt;
use core::str::FromStr;

use guuid::Guuid;
use sha2::{Digest, Sha256};

use crate::error::IdError;
use crate::limits::USER_ID_BYTES_MAX;

/// Names one session. Not a secret: it stands in logs, lists and access tokens.
///
/// The text form is the one of [`Guuid`]. Ids sort by the millisecond in which they were minted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct SessionId(Guuid);

impl SessionId {
    /// The id of a new session of `user_id`: a fresh id whose low 16 random bits give way to the
    /// user's placement. What makes ids of one generator unique and ordered is in the other bits.
    pub fn mint(user_id: &UserId, fresh: Guuid) -> Self {
        let [.., a, b, c, d, e, f, _, _] = fresh.to_bytes();
        let [high, low] = user_id.placement().to_be_bytes();
        let random = u64::from_be_bytes([a, b, c, d, e, f, high, low]);
        Self(Guuid::from_tick(fresh.tick(), random))
    }

    /// Which of 65,536 places the session and everything else of its user belongs to.
    ///
    /// A store may use fewer places: any function of this number keeps a user's sessions together.
    pub fn placement(self) -> u16 {
        let [.., high, low] = *self.as_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The 16 bytes, whose order is the order of ids.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id as the general type.
    pub const fn guuid(self) -> Guuid {
        self.0
    }
}

impl From<Guuid> for SessionId {
    /// Takes an id that was [minted](SessionId::mint) earlier. With any other id, a store that
    /// spreads its keys would look in the wrong place.
    fn from(guuid: Guuid) -> Self {
        Self(guuid)
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|_| IdError::NotAnId)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionId({})", self.0)
    }
}

/// Names the connection through which a session is reached: the id that a Quantum connection or a
/// socket has in logs and traces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ConnectionId(Guuid);

impl ConnectionId {
    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id as the general type.
    pub const fn guuid(self) -> Guuid {
        self.0
    }
}

impl From<Guuid> for ConnectionId {
    fn from(guuid: Guuid) -> Self {
        Self(guuid)
    }
}

impl FromStr for ConnectionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|_| IdError::NotAnId)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConnectionId({})", self.0)
    }
}

/// Names a user, as the identity provider does: 1 to [`USER_ID_BYTES_MAX`] bytes, no control
/// characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct UserId(String);

impl UserId {
    /// Takes a user's name for themselves, unchanged: no trimming, no folding of case.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has a control character (which would forge lines in logs).
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        if text.is_empty() {
            return Err(IdError::EmptyUserId);
        }
        if text.len() > USER_ID_BYTES_MAX {
            return Err(IdError::UserIdTooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where this user's sessions belong; see [`SessionId::placement`].
    pub fn placement(&self) -> u16 {
        let digest = Sha256::digest(self.0.as_bytes());
        u16::from_be_bytes([digest[0], digest[1]])
    }
}

impl TryFrom<String> for UserId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl FromStr for UserId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl From<UserId> for String {
    fn from(user_id: UserId) -> Self {
        user_id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UserId({:?})", self.0)
    }
}
