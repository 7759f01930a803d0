//! What is written in a document, in memory: Yjs, or objects with fields, behind the same verbs.
//!
//! [`Content::replay`] takes in one record of the log, [`Content::snapshot`] and [`Content::restored`]
//! carry all of it to the store and back, [`Content::read`] answers readers. Nothing here is asynchronous
//! and nothing is stored.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::document::DocumentType;
use crate::objects::{Objects, Stamp, steps};
use crate::record::{Change, Effect, Record};
use crate::value::{FieldName, ObjectId, Value};
use crate::yjs::{ContentError, YjsContent};

/// The content of one open document.
#[derive(Debug)]
pub enum Content {
    /// Text or rich text.
    Yjs(Box<YjsContent>),
    /// Objects with fields.
    Objects(Objects),
}

/// What a reader without Yjs is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The text, one line for each block of a rich text.
    pub text: String,
    /// The XML of a rich text.
    pub xml: Option<String>,
    /// The objects of other documents.
    pub objects: BTreeMap<ObjectId, ObjectReading>,
}

/// One object for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReading {
    /// What it is.
    pub kind: String,
    /// The values of its fields, texts as text.
    pub fields: BTreeMap<FieldName, Value>,
}

impl Content {
    /// Content of a new document.
    #[must_use]
    pub fn empty(kind: DocumentType) -> Self {
        if kind.is_yjs() {
            Self::Yjs(Box::new(YjsContent::empty()))
        } else {
            Self::Objects(Objects::default())
        }
    }

    /// Content of a new document, to which typed edits of text are written by the Yjs client of this id.
    #[must_use]
    pub fn with_writer(kind: DocumentType, client: u64) -> Self {
        if kind.is_yjs() {
            Self::Yjs(Box::new(YjsContent::with_writer(client)))
        } else {
            Self::Objects(Objects::default())
        }
    }

    /// This, empty so far, with everything that [`Content::snapshot`] wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are not a snapshot.
    pub fn restored(self, snapshot: &[u8]) -> Result<Self, ContentError> {
        match self {
            Self::Yjs(content) => Ok(Self::Yjs(Box::new(content.restored(snapshot)?))),
            Self::Objects(_) => Ok(Self::Objects(Objects::restore(snapshot)?)),
        }
    }

    /// Does again what a record of the log did.
    ///
    /// # Errors
    ///
    /// See [`ContentError`]: after any, this content must not be used any more.
    pub fn replay(&mut self, record: &Record) -> Result<(), ContentError> {
        match (self, &record.change, &record.effect) {
            (_, Change::Properties(_), _) | (_, _, Effect::Nothing) => Ok(()),
            (Self::Yjs(content), Change::Yjs(update), Effect::AsAsked)
            | (Self::Yjs(content), _, Effect::Yjs(update)) => content.apply(update).map(|_| ()),
            (Self::Objects(objects), Change::Operation(operation), Effect::AsAsked) => {
                objects.apply(steps(operation), Stamp::of(record))
            }
            (Self::Objects(objects), _, Effect::Objects(steps)) => {
                objects.apply(steps.clone(), Stamp::of(record))
            }
            _ => {
                let version = record.version;
                let reason = format!("record {version} is of another type of document");
                Err(ContentError::Unfit(reason))
            }
        }
    }

    /// All of it, for [`Content::restored`].
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        match self {
            Self::Yjs(content) => content.snapshot(),
            Self::Objects(objects) => objects.snapshot(),
        }
    }

    /// Whether bytes that [`Content::snapshot`] made can be read again.
    pub(crate) fn is_readable(kind: DocumentType, snapshot: &[u8]) -> bool {
        if kind.is_yjs() {
            YjsContent::is_readable(snapshot)
        } else {
            Objects::restore(snapshot).is_ok()
        }
    }

    /// Notes that a snapshot of `bytes` bytes now stands for everything so far.
    pub fn on_snapshot(&mut self, bytes: usize) {
        if let Self::Yjs(content) = self {
            content.on_snapshot(bytes);
        }
    }

    /// The Yjs document, of a text or rich text.
    #[must_use]
    pub fn as_yjs(&self) -> Option<&YjsContent> {
        match self {
            Self::Yjs(content) => Some(content),
            Self::Objects(_) => None,
        }
    }

    /// The objects, of another document.
    #[must_use]
    pub fn as_objects(&self) -> Option<&Objects> {
        match self {
            Self::Yjs(_) => None,
            Self::Objects(objects) => Some(objects),
        }
    }

    /// The content for readers without Yjs.
    #[must_use]
    pub fn read(&self, kind: DocumentType) -> Reading {
        match self {
            Self::Yjs(content) => content.read(kind),
            Self::Objects(objects) => Reading {
                objects: objects
                    .iter()
                    .map(|(id, object)| {
                        let fields = object.values();
                        let reading = ObjectReading {
                            kind: object.kind.clone(),
                            fields: fields.map(|(name, value)| (name.clone(), value)).collect(),
                        };
                        (id.clone(), reading)
                    })
                    .collect(),
                ..Reading::default()
            },
        }
    }

    /// Upper estimate of the content's encoded size, in bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        match self {
            Self::Yjs(content) => content.encoded_bytes(),
            Self::Objects(objects) => objects.encoded_bytes(),
        }
    }

    /// Estimated memory that it takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Yjs(content) => content.memory_bytes(),
            Self::Objects(objects) => objects.memory_bytes(),
        }
    }
}
