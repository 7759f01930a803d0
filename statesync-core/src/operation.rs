//! Typed operations: what applications without Yjs ask for, and what conflict policies act on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{FieldName, ObjectId, Value, Write};

/// One typed operation. All but [`Operation::Text`] are for documents of objects (whiteboard,
/// canvas, sheet); [`Operation::Text`] is for text, rich text, and fields that are text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Operation {
    /// Makes an object.
    Create {
        /// Its name; not in use.
        object: ObjectId,
        /// What it is: a word of the schema, such as `rectangle`.
        kind: String,
        /// Its first values.
        fields: BTreeMap<FieldName, Value>,
    },
    /// Writes fields of an object.
    Update {
        /// Which object.
        object: ObjectId,
        /// Which fields, and what becomes of them.
        writes: BTreeMap<FieldName, Write>,
    },
    /// Takes an object away.
    Delete {
        /// Which object.
        object: ObjectId,
    },
    /// Sets the fields `x` and `y`.
    Move {
        /// Which object.
        object: ObjectId,
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
    },
    /// Sets the fields `width` and `height`.
    Resize {
        /// Which object.
        object: ObjectId,
        /// From left to right.
        width: f64,
        /// From top to bottom.
        height: f64,
    },
    /// Sets fields that are about looks: those that the schema calls style.
    Style {
        /// Which object.
        object: ObjectId,
        /// Which fields, and their new values; `None` takes one away.
        fields: BTreeMap<FieldName, Option<Value>>,
    },
    /// Edits text.
    Text {
        /// Which text; `None`: the document's own.
        target: Option<TextTarget>,
        /// The edits. Positions are those of the text at the operation's base version, before any
        /// of these edits.
        edits: Vec<TextEdit>,
    },
}

// Numbers are finite, which the schema sees to: what is equal is equal to itself.
impl Eq for Operation {}

/// A text within a document of objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TextTarget {
    /// Which object.
    pub object: ObjectId,
    /// Which of its fields.
    pub field: FieldName,
}

/// One edit of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextEdit {
    /// Where, in UTF-16 code units from the beginning, as JavaScript and Yjs count.
    pub position: u32,
    /// How many code units are taken away from there on.
    pub delete: u32,
    /// What is put there.
    pub insert: String,
}

/// The seven kinds of operations, for statistics and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OperationKind {
    /// [`Operation::Create`].
    Create,
    /// [`Operation::Update`].
    Update,
    /// [`Operation::Delete`].
    Delete,
    /// [`Operation::Move`].
    Move,
    /// [`Operation::Resize`].
    Resize,
    /// [`Operation::Style`].
    Style,
    /// [`Operation::Text`], and raw Yjs updates.
    Text,
    /// A change of the document's head.
    Properties,
    /// The resolution of a conflict.
    Resolve,
    /// A return to an earlier version.
    Restore,
}

impl OperationKind {
    /// The word for it, as the services and the databases write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Resize => "resize",
            Self::Style => "style",
            Self::Text => "text",
            Self::Properties => "properties",
            Self::Resolve => "resolve",
            Self::Restore => "restore",
        }
    }
}

impl Operation {
    /// Which of the seven kinds it is.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Create { .. } => OperationKind::Create,
            Self::Update { .. } => OperationKind::Update,
            Self::Delete { .. } => OperationKind::Delete,
            Self::Move { .. } => OperationKind::Move,
            Self::Resize { .. } => OperationKind::Resize,
            Self::Style { .. } => OperationKind::Style,
            Self::Text { .. } => OperationKind::Text,
        }
    }

    /// The object that it is about; `None` for the document's own text.
    #[must_use]
    pub fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Create { object, .. }
            | Self::Update { object, .. }
            | Self::Delete { object }
            | Self::Move { object, .. }
            | Self::Resize { object, .. }
            | Self::Style { object, .. } => Some(object),
            Self::Text { target, .. } => target.as_ref().map(|target| &target.object),
        }
    }

    /// Bytes that it occupies, near enough for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        const BASE: usize = 32;
        let name = self.object().map_or(0, |object| object.as_str().len());
        let rest = match self {
            Self::Create { kind, fields, .. } => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| name.as_str().len() + value.weight());
                kind.len() + fields.sum::<usize>()
            }
            Self::Update { writes, .. } => writes
                .iter()
                .map(|(name, write)| name.as_str().len() + write.weight())
                .sum(),
            Self::Style { fields, .. } => fields
                .iter()
                .map(|(name, value)| name.as_str().len() + value.as_ref().map_or(8, Value::weight))
                .sum(),
            Self::Move { .. } | Self::Resize { .. } | Self::Delete { .. } => 16,
            Self::Text { edits, .. } => edits.iter().map(|edit| 12 + edit.insert.len()).sum(),
        };
        BASE + name + rest
    }
}
