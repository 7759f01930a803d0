//! What can go wrong, one enum per operation, and whose fault it is.

use thiserror::Error;

use crate::session::Revision;

/// A foreign error, kept as the source.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// How a store fails: in five ways and no more.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no such session (any more).
    #[error("no such session")]
    NotFound,
    /// Somebody else changed the record first.
    #[error("revision {} was expected, {} is stored", expected.number(), actual.number())]
    Conflict {
        /// The revision that the caller knew; [`Revision::NONE`] for a creation.
        expected: Revision,
        /// The revision that is stored.
        actual: Revision,
    },
    /// The store cannot be reached or is overloaded. Try later; a write may or may not have
    /// happened.
    #[error("the session store is unavailable")]
    Unavailable(#[source] BoxError),
    /// A stored record cannot be read: it was damaged, or written by something else.
    #[error("a stored session is corrupt")]
    Corrupt(#[source] BoxError),
    /// The store refuses for a reason of its own. Trying again will not help.
    #[error("the session store failed")]
    Backend(#[source] BoxError),
}

/// Why a text is no id. The fault of whoever wrote it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// Neither of the forms of an id.
    #[error("not an id")]
    NotAnId,
    /// A user id has at least one byte.
    #[error("user id is empty")]
    EmptyUserId,
    /// A user id has at most [`USER_ID_BYTES_MAX`](crate::USER_ID_BYTES_MAX) bytes.
    #[error("user id is longer than {} bytes", crate::limits::USER_ID_BYTES_MAX)]
    UserIdTooLong,
    /// A user id has no control characters.
    #[error("user id contains a control character")]
    ControlCharacter,
}

/// Why a text is no token. The fault of the client; says nothing about the text on purpose.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It does not have the form of a token.
    #[error("not a session token")]
    Malformed,
}

/// Which limits contradict each other. The fault of the configuration.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitsError {
    /// The sliding time-out must be positive and at most the absolute one.
    #[error("sliding_timeout must be positive and not exceed absolute_timeout")]
    SlidingTimeout,
    /// A session must not expire before it is idle.
    #[error("idle_after must not exceed sliding_timeout")]
    IdleAfter,
    /// An active session must not look idle because its activity was not written.
    #[error("touch_interval must not exceed idle_after")]
    TouchInterval,
    /// Tolerating an old token for long defeats rotation.
    #[error("rotation_grace must not exceed {} s", crate::limits::ROTATION_GRACE_MAX.as_secs())]
    RotationGrace,
    /// Counts must be positive.
    #[error("page_max, sweep_batch_max, update_attempts_max and events_max must be positive")]
    Zero,
}

/// Which field exceeds a limit. The fault of the caller.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidField {
    /// The user's name is too long.
    #[error("user name is longer than {bytes_max} bytes")]
    UserNameTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// The server's address is too long.
    #[error("server address is longer than {bytes_max} bytes")]
    ServerAddrTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// Too many metadata entries.
    #[error("more than {entries_max} metadata entries")]
    TooManyMetadata {
        /// The limit.
        entries_max: usize,
    },
    /// A metadata key is empty or too long.
    #[error("a metadata key is empty or longer than {bytes_max} bytes")]
    MetadataKey {
        /// The limit.
        bytes_max: usize,
    },
    /// A metadata value is too long.
    #[error("a metadata value is longer than {bytes_max} bytes")]
    MetadataValue {
        /// The limit.
        bytes_max: usize,
    },
    /// The metadata are too large together.
    #[error("metadata are larger than {bytes_max} bytes together")]
    MetadataTooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

/// Why a session was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A field exceeds a limit: the caller's fault.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// The user has as many sessions as allowed, and the policy is to reject.
    #[error("session limit reached: {live} open")]
    Full {
        /// How many sessions the user has.
        live: u32,
    },
    /// The store failed. After [`StoreError::Unavailable`] the session may exist, unusable because
    /// nobody has its token; it expires, or is evicted, like any other.
    #[error(transparent)]
    Store(StoreError),
}

/// Why a token does not let its holder in. Tell the client no more than "log in again", except for
/// [`AccessError::Contended`] and [`AccessError::Store`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The session ended, never existed, or the token is not one of its.
    #[error("unknown session or token")]
    Unknown,
    /// The session outlived itself.
    #[error("the session has expired")]
    Expired,
    /// The session is ending.
    #[error("the session is disconnecting")]
    Disconnecting,
    /// The token had been rotated away: it was stolen, or its thief was faster. The session was
    /// ended.
    #[error("a rotated-away token was used again; the session was ended")]
    Reused,
    /// Too many changed the session at the same moment. Try again.
    #[error("the session changed {attempts} times while it was being changed")]
    Contended {
        /// How often the change was tried.
        attempts: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// Why a session named by its id was not read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such session, or not any more.
    #[error("no such session")]
    NotFound,
    /// The session is ending and takes no new connection.
    #[error("the session is disconnecting")]
    Disconnecting,
    /// A field exceeds a limit: the caller's fault.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// Too many changed the session at the same moment. Try again.
    #[error("the session changed {attempts} times while it was being changed")]
    Contended {
        /// How often the change was tried.
        attempts: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}
