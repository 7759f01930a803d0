//! What a field of an object holds, and what one write does to it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

/// Names an object within its document: chosen by whoever creates it.
///
/// Between 1 and [`ObjectId::BYTES_MAX`] bytes, without control characters; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ObjectId(Arc<str>);

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl ObjectId {
    /// Longest id of an object, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Takes `text` as the id of an object.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it is empty, too long, or has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
        checked("object", text.as_ref(), Self::BYTES_MAX).map(|text| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for ObjectId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// Names a field of an object. Which ones there are, and what they hold, is in the schema of the
/// document's type.
///
/// Between 1 and [`FieldName::BYTES_MAX`] bytes, without control characters; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct FieldName(Arc<str>);

impl Serialize for FieldName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FieldName {
    /// Longest name of a field, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Takes `text` as the name of a field.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it is empty, too long, or has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
        checked("field", text.as_ref(), Self::BYTES_MAX).map(|text| Self(text.into()))
    }

    /// `x`, of everything that has a place.
    pub(crate) fn x() -> Self {
        static NAME: LazyLock<FieldName> = LazyLock::new(|| FieldName("x".into()));
        NAME.clone()
    }

    /// `y`, the same.
    pub(crate) fn y() -> Self {
        static NAME: LazyLock<FieldName> = LazyLock::new(|| FieldName("y".into()));
        NAME.clone()
    }

    /// `width`, of everything that has a size.
    pub(crate) fn width() -> Self {
        static NAME: LazyLock<FieldName> = LazyLock::new(|| FieldName("width".into()));
        NAME.clone()
    }

    /// `height`, the same.
    pub(crate) fn height() -> Self {
        static NAME: LazyLock<FieldName> = LazyLock::new(|| FieldName("height".into()));
        NAME.clone()
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for FieldName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> Self {
        name.0.as_ref().to_owned()
    }
}

fn checked<'a>(what: &'static str, text: &'a str, max: usize) -> Result<&'a str, InvalidName> {
    let fits = (1..=max).contains(&text.len()) && !text.chars().any(char::is_control);
    let bytes = text.len();
    fits.then_some(text).ok_or(InvalidName { what, bytes, max })
}

/// The caller's name of an object or a field cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a {what} has 1 to {max} bytes and no control characters (this one: {bytes} bytes)"
)]
pub struct InvalidName {
    /// An object, or a field.
    pub what: &'static str,
    /// Length of what was offered.
    pub bytes: usize,
    /// Longest that is taken.
    pub max: usize,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Boolean(bool),
    /// A whole number; also what a counter has come to.
    Integer(i64),
    /// A number, never infinite and never "not a number".
    Number(f64),
    /// Text that is replaced as a whole.
    Text(String),
    /// Points, pairs of x and y: the course of a line.
    Points(Vec<(f64, f64)>),
    /// A set of words, which unite.
    Set(BTreeSet<String>),
}

// Numbers are finite: what is equal is equal to itself.
impl Eq for Value {}

impl Value {
    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        const SCALAR: usize = 8;
        match self {
            Self::Boolean(_) | Self::Integer(_) | Self::Number(_) => SCALAR,
            Self::Text(text) => SCALAR + text.len(),
            Self::Points(points) => SCALAR + points.len() * 2 * SCALAR,
            Self::Set(words) => {
                words.iter().map(|word| SCALAR + word.len()).sum::<usize>() + SCALAR
            }
        }
    }
}

/// What a write does to one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Write {
    /// Gives it this value.
    Set(Value),
    /// Takes its value away.
    Clear,
    /// Adds to a counter. Additions do not conflict with each other.
    Add(i64),
    /// Adds words to a set and takes others out of it. Neither conflicts with another such write,
    /// unless one adds what the other takes out.
    Unite {
        /// Words that are in it afterwards.
        add: BTreeSet<String>,
        /// Words that are not, unless they are also added.
        remove: BTreeSet<String>,
    },
}

impl Write {
    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Set(value) => value.weight(),
            Self::Clear | Self::Add(_) => 8,
            Self::Unite { add, remove } => {
                add.iter().chain(remove).map(|word| 8 + word.len()).sum()
            }
        }
    }

    /// Whether both can be done, in either order, with the same outcome that keeps both.
    #[must_use]
    pub fn commutes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Add(_), Self::Add(_)) => true,
            (Self::Set(one), Self::Set(other)) => one == other,
            (Self::Clear, Self::Clear) => true,
            (
                Self::Unite { add, remove },
                Self::Unite {
                    add: other_add,
                    remove: other_remove,
                },
            ) => add.is_disjoint(other_remove) && remove.is_disjoint(other_add),
            _ => false,
        }
    }
}

/// One step of what an operation does to a document of objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Step {
    /// Makes an object without fields.
    Create(ObjectId, String),
    /// Takes an object and all of its fields away.
    Delete(ObjectId),
    /// Does this to a field.
    Write(ObjectId, FieldName, Write),
    /// Joins this Yjs update to a field that is text.
    Text(ObjectId, FieldName, Bytes),
}

impl Step {
    /// The object that it is about.
    #[must_use]
    pub fn object(&self) -> &ObjectId {
        match self {
            Self::Create(object, _)
            | Self::Delete(object)
            | Self::Write(object, ..)
            | Self::Text(object, ..) => object,
        }
    }

    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Create(object, kind) => object.as_str().len() + kind.len(),
            Self::Delete(object) => object.as_str().len(),
            Self::Write(object, field, write) => {
                object.as_str().len() + field.as_str().len() + write.weight()
            }
            Self::Text(object, field, update) => {
                object.as_str().len() + field.as_str().len() + update.len()
            }
        }
    }
}
