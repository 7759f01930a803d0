//! Names and numbers: who, which document, which version, when.

use std::fmt;
use std::sync::Arc;

use guuid::Guuid;
use serde::{Deserialize, Serialize, Serializer};

/// Where new ids come from: `Guuid::now` in a service, a seeded generator in a simulation.
pub type IdSource = Arc<dyn Fn() -> Guuid + Send + Sync>;

/// Names a document. Sorts by the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentId(pub Guuid);

impl fmt::Display for DocumentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Names one accepted edit for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub Guuid);

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How many edits a document has had. An empty document is at [`Version::ZERO`]; the first edit
/// makes it 1; there are no holes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version of a document that nobody edited yet.
    pub const ZERO: Self = Self(0);

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The version `count` edits after this one.
    #[must_use]
    pub const fn after(self, count: usize) -> Self {
        Self(self.0 + count as u64)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A point in time: milliseconds since 1970-01-01 00:00 UTC. For people and expiry, never for
/// ordering edits: their order is the order of versions.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to this; zero when `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Names a user, in the words of whatever identity provider the application uses.
///
/// Between 1 and [`UserId::BYTES_MAX`] bytes, without control characters; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl UserId {
    /// Longest user id that is taken, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Takes `text` as a user id.
    ///
    /// # Errors
    ///
    /// [`InvalidUserId`] when it is empty, too long, or has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidUserId> {
        let text = text.as_ref();
        let length_fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if !length_fits || text.chars().any(char::is_control) {
            return Err(InvalidUserId { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// The caller's user id cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user id has 1 to {max} bytes and no control characters (this one: {bytes} bytes)", max = UserId::BYTES_MAX)]
pub struct InvalidUserId {
    /// Length of what was offered.
    pub bytes: usize,
}
