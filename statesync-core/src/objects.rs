//! What is on a whiteboard, a canvas or a sheet: objects with fields, in memory.
//!
//! A field holds its present value and the stamp of the write that it is from; what was there before
//! is in the log. So the size is that of the live objects, however often they were written to.

mod plan;
mod snapshot;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::document::DocumentType;
use crate::identity::{OperationId, Version};
use crate::operation::TextTarget;
use crate::record::{Author, Record};
use crate::text::Pending;
use crate::value::{FieldName, ObjectId, Step, Value, Write};
use crate::yjs::{ContentError, EditFault, YjsContent};

pub(crate) use plan::{Contest, contests, steps};

/// Deletions that are remembered, so that a write that had not seen one is a conflict, not a mistake.
const REMOVED_MAX: usize = 1024;

/// Memory of an object and of a field, beside what is in them: allocations, keys and stamps. Measured
/// with 1,000 rectangles.
const OBJECT_BYTES: usize = 160;
const FIELD_BYTES: usize = 128;

/// All objects of one document.
#[derive(Debug, Default)]
pub struct Objects {
    objects: HashMap<ObjectId, Object>,
    /// The last ones to go, the oldest first.
    removed: VecDeque<(ObjectId, Stamp)>,
    bytes: usize,
    /// Of all objects together.
    fields: usize,
}

/// One object.
#[derive(Debug)]
pub struct Object {
    /// What it is: a word of the schema.
    pub kind: String,
    /// The operation that made it.
    pub created: Stamp,
    fields: BTreeMap<FieldName, Field>,
}

/// One field.
#[derive(Debug)]
struct Field {
    held: Held,
    /// The last write of any kind.
    written: Stamp,
    /// The last one that was not an addition.
    set: Stamp,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Value(Value),
    Text(Box<YjsContent>),
}

/// Which operation a value is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The version that has it.
    pub version: Version,
    /// The operation.
    pub operation: OperationId,
    /// Whose client it was.
    pub writer: Writer,
}

/// A client of a user, as a number: two are the same with a probability of 2^-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer(pub u64);

impl Writer {
    /// The client that asks for something: the one that is named, or the session.
    #[must_use]
    pub fn of(author: &Author, client_id: &str) -> Self {
        // FNV-1a of 64 bits (draft-eastlake-fnv-21): snapshots keep it, so it is the same everywhere.
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let client = if client_id.is_empty() {
            &author.session_id
        } else {
            client_id
        };
        let user = author.user_id.as_str().bytes();
        let bytes = user.chain([0]).chain(client.bytes());
        Self(bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        }))
    }
}

impl Stamp {
    /// That of what `record` writes.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self {
            version: record.version,
            operation: record.operation_id,
            writer: Writer::of(&record.author, &record.terms.client_id),
        }
    }

    /// Whether somebody who had seen `base`, and their own, had not seen this.
    fn is_news_to(&self, base: Version, writer: Writer) -> bool {
        self.version > base && self.writer != writer
    }
}

impl Objects {
    /// One object, if it is there.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        let mut objects: Vec<_> = self.objects.iter().collect();
        objects.sort_unstable_by_key(|(id, _)| *id);
        objects.into_iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Upper estimate of the encoded size, in bytes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        self.bytes
    }

    /// Estimated memory, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes + self.objects.len() * OBJECT_BYTES + self.fields * FIELD_BYTES
    }

    /// Does these steps. What lacks its object does nothing: it was deleted in the meantime.
    ///
    /// # Errors
    ///
    /// [`ContentError`], when an update of a text cannot be joined to it.
    pub(crate) fn apply(&mut self, steps: Vec<Step>, stamp: Stamp) -> Result<(), ContentError> {
        steps
            .into_iter()
            .try_for_each(|step| self.take(step, stamp))
    }

    fn take(&mut self, step: Step, stamp: Stamp) -> Result<(), ContentError> {
        match step {
            Step::Create(id, kind) => {
                self.bytes += id.as_str().len() + kind.len() + STAMP_BYTES;
                let object = Object {
                    kind,
                    created: stamp,
                    fields: BTreeMap::new(),
                };
                self.objects.insert(id, object);
            }
            Step::Delete(id) => self.remove(id, stamp),
            Step::Write(id, field, write) => {
                if let Some(object) = self.objects.get_mut(&id) {
                    let before = object.fields.len();
                    let change = object.write(field, write, stamp);
                    self.bytes = self.bytes.saturating_add_signed(change);
                    self.fields += object.fields.len() - before;
                }
            }
            Step::Text(id, field, update) => {
                if let Some(object) = self.objects.get_mut(&id) {
                    let before = object.fields.len();
                    self.bytes += object.join(field, &update, stamp)?;
                    self.fields += object.fields.len() - before;
                }
            }
        }
        Ok(())
    }

    /// Edits a field that is text, of an object that is there, as the Yjs client `writer` if this copy of
    /// it was not edited yet, only read; the update that this makes.
    pub(crate) fn edit_text(
        &mut self,
        target: &TextTarget,
        edits: &Pending,
        writer: u64,
        stamp: Stamp,
    ) -> Result<Bytes, EditFault> {
        let object = self.objects.get_mut(&target.object);
        let object = object.ok_or(EditFault::Refused("there is no such object"))?;
        let before = object.fields.len();
        let update = object.edit_text(&target.field, edits, writer, stamp);
        self.fields += object.fields.len() - before;
        self.bytes += update.as_ref().map_or(0, Bytes::len);
        update
    }

    fn remove(&mut self, id: ObjectId, stamp: Stamp) {
        if let Some(object) = self.objects.remove(&id) {
            self.fields -= object.fields.len();
            let fields = object.fields.iter();
            let fields: usize = fields
                .map(|(name, field)| field.bytes(name.as_str().len()))
                .sum();
            let own = id.as_str().len() + object.kind.len() + STAMP_BYTES;
            self.bytes = self.bytes.saturating_sub(own + fields);
        }
        self.removed.push_back((id, stamp));
        if self.removed.len() > REMOVED_MAX {
            self.removed.pop_front();
        }
    }

    /// The deletion of an object, if it was lately.
    fn removal(&self, id: &ObjectId) -> Option<Stamp> {
        let mut latest_first = self.removed.iter().rev();
        latest_first
            .find(|(gone, _)| gone == id)
            .map(|(_, stamp)| *stamp)
    }
}

/// A stamp in a snapshot, at most.
const STAMP_BYTES: usize = 16 + 8 + 10;

impl Object {
    /// The value of a field that is not text, if it has one.
    #[must_use]
    pub fn value(&self, field: &FieldName) -> Option<&Value> {
        match &self.fields.get(field)?.held {
            Held::Value(value) => Some(value),
            Held::Nothing | Held::Text(_) => None,
        }
    }

    /// The content of a field that is text, if it has any.
    #[must_use]
    pub fn text(&self, field: &FieldName) -> Option<&YjsContent> {
        match &self.fields.get(field)?.held {
            Held::Text(text) => Some(text),
            Held::Nothing | Held::Value(_) => None,
        }
    }

    /// Names of all fields that it has, or had.
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.keys()
    }

    /// Whether a field has a value or a text.
    pub(crate) fn holds(&self, field: &FieldName) -> bool {
        let field = self.fields.get(field);
        field.is_some_and(|field| !matches!(field.held, Held::Nothing))
    }

    /// The values of all fields, texts as text.
    pub fn values(&self) -> impl Iterator<Item = (&FieldName, Value)> {
        self.fields.iter().filter_map(|(name, field)| {
            let value = match &field.held {
                Held::Nothing => return None,
                Held::Value(value) => value.clone(),
                Held::Text(text) => {
                    let kind = DocumentType::Text;
                    Value::Text(text.read(kind).text)
                }
            };
            Some((name, value))
        })
    }

    fn edit_text(
        &mut self,
        name: &FieldName,
        edits: &Pending,
        writer: u64,
        stamp: Stamp,
    ) -> Result<Bytes, EditFault> {
        let created = self.created;
        let field = self.fields.entry(name.clone());
        let field = field.or_insert_with(|| Field::new(created));
        field.written = stamp;
        if !matches!(field.held, Held::Text(_)) {
            field.held = Held::Text(Box::new(YjsContent::with_writer(writer)));
        }
        match &mut field.held {
            Held::Text(text) => {
                text.ensure_writer(writer)?;
                text.edit(DocumentType::Text, edits)
            }
            Held::Nothing | Held::Value(_) => Err(EditFault::Refused("the field is not a text")),
        }
    }

    fn write(&mut self, name: FieldName, write: Write, stamp: Stamp) -> isize {
        let length = name.as_str().len();
        let (field, before) = match self.fields.entry(name) {
            Entry::Occupied(known) => {
                let field = known.into_mut();
                let before = field.bytes(length);
                (field, before)
            }
            Entry::Vacant(new) => (new.insert(Field::new(self.created)), 0),
        };
        if matches!(write, Write::Set(_) | Write::Clear) {
            field.set = stamp;
        }
        field.written = stamp;
        field.held.take(write);
        let after = field.bytes(length);
        isize::try_from(after).unwrap_or(isize::MAX) - isize::try_from(before).unwrap_or(0)
    }

    fn join(
        &mut self,
        name: FieldName,
        update: &[u8],
        stamp: Stamp,
    ) -> Result<usize, ContentError> {
        let created = self.created;
        let field = self
            .fields
            .entry(name)
            .or_insert_with(|| Field::new(created));
        if !matches!(field.held, Held::Text(_)) {
            field.held = Held::Text(Box::new(YjsContent::empty()));
        }
        field.written = stamp;
        if let Held::Text(text) = &mut field.held {
            text.apply(update)?;
        }
        Ok(update.len())
    }
}

impl Field {
    fn new(created: Stamp) -> Self {
        Self {
            held: Held::Nothing,
            written: created,
            set: created,
        }
    }

    /// Bytes that it takes in a snapshot, under a name of this length.
    fn bytes(&self, name: usize) -> usize {
        let held = match &self.held {
            Held::Nothing => 1,
            Held::Value(value) => value.weight(),
            Held::Text(text) => text.encoded_bytes(),
        };
        name + held + 2
    }
}

impl Held {
    fn take(&mut self, write: Write) {
        *self = match write {
            Write::Set(value) => Self::Value(value),
            Write::Clear => Self::Nothing,
            Write::Add(number) => {
                let before = match self {
                    Self::Value(Value::Integer(before)) => *before,
                    _ => 0,
                };
                Self::Value(Value::Integer(before.saturating_add(number)))
            }
            Write::Unite { add, remove } => {
                let mut words = match self {
                    Self::Value(Value::Set(words)) => std::mem::take(words),
                    _ => Default::default(),
                };
                words.retain(|word| !remove.contains(word));
                words.extend(add);
                Self::Value(Value::Set(words))
            }
        };
    }
}

#[cfg(test)]
mod tests;
