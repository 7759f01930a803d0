//! All objects as bytes, and back: postcard, in which each word and each stamp of an object stands
//! once.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Field, Held, Object, Objects, Stamp, Writer};
use crate::identity::{OperationId, Version};
use crate::value::{FieldName, ObjectId, Value};
use crate::yjs::{ContentError, YjsContent};

/// The first byte; another form of snapshots will have another.
const FORM: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Encoded {
    words: Vec<String>,
    objects: Vec<EncodedObject>,
    removed: Vec<(ObjectId, EncodedStamp)>,
}

#[derive(Serialize, Deserialize)]
struct EncodedObject {
    id: ObjectId,
    kind: u32,
    /// The first one is that of its making.
    stamps: Vec<EncodedStamp>,
    fields: Vec<EncodedField>,
}

#[derive(Serialize, Deserialize)]
struct EncodedField {
    name: u32,
    written: u32,
    set: u32,
    held: EncodedHeld,
}

#[derive(Serialize, Deserialize)]
enum EncodedHeld {
    Nothing,
    Value(Value),
    Text(Bytes),
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct EncodedStamp(Version, OperationId, [u8; 8]);

impl From<Stamp> for EncodedStamp {
    fn from(stamp: Stamp) -> Self {
        Self(stamp.version, stamp.operation, stamp.writer.0.to_le_bytes())
    }
}

impl From<EncodedStamp> for Stamp {
    fn from(EncodedStamp(version, operation, writer): EncodedStamp) -> Self {
        let writer = Writer(u64::from_le_bytes(writer));
        Self {
            version,
            operation,
            writer,
        }
    }
}

/// Words that were met, and their numbers.
#[derive(Default)]
struct Words<'a> {
    numbers: HashMap<&'a str, u32>,
    words: Vec<String>,
}

impl<'a> Words<'a> {
    fn number(&mut self, word: &'a str) -> u32 {
        *self.numbers.entry(word).or_insert_with(|| {
            self.words.push(word.to_owned());
            self.words.len() as u32 - 1
        })
    }
}

impl Objects {
    /// All of it, for [`Objects::restore`].
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let mut words = Words::default();
        let objects = self.iter();
        let objects = objects
            .map(|(id, object)| encode(id, object, &mut words))
            .collect();
        let removed = self.removed.iter();
        let encoded = Encoded {
            objects,
            removed: removed
                .map(|(id, stamp)| (id.clone(), (*stamp).into()))
                .collect(),
            words: words.words,
        };
        // Into a growing buffer, and of types without a length that could be unknown.
        postcard::to_extend(&encoded, vec![FORM])
            .unwrap_or_default()
            .into()
    }

    /// Objects from what [`Objects::snapshot`] made.
    ///
    /// # Errors
    ///
    /// [`ContentError::Malformed`] when the bytes are not such.
    pub fn restore(snapshot: &[u8]) -> Result<Self, ContentError> {
        let malformed = || ContentError::Malformed("not a snapshot of objects".to_owned());
        let (form, rest) = snapshot.split_first().ok_or_else(malformed)?;
        if *form != FORM {
            return Err(malformed());
        }
        let (encoded, left) =
            postcard::take_from_bytes::<Encoded>(rest).map_err(|_| malformed())?;
        if !left.is_empty() {
            return Err(malformed());
        }
        let Encoded {
            words,
            objects,
            removed,
        } = encoded;
        let word = |number: u32| words.get(number as usize).ok_or_else(malformed);
        let decode = |object: EncodedObject| {
            let kind = word(object.kind)?.clone();
            let stamp = |number: u32| {
                let stamp = object.stamps.get(number as usize).ok_or_else(malformed)?;
                Ok::<Stamp, ContentError>((*stamp).into())
            };
            let mut fields = BTreeMap::new();
            for field in object.fields {
                let name = FieldName::new(word(field.name)?).map_err(|_| malformed())?;
                let held = match field.held {
                    EncodedHeld::Nothing => Held::Nothing,
                    EncodedHeld::Value(value) => Held::Value(value),
                    EncodedHeld::Text(text) => Held::Text(Box::new(YjsContent::restore(&text)?)),
                };
                let (written, set) = (stamp(field.written)?, stamp(field.set)?);
                fields.insert(name, Field { held, written, set });
            }
            let created = stamp(0)?;
            Ok((
                object.id,
                Object {
                    kind,
                    created,
                    fields,
                },
            ))
        };
        let objects: HashMap<_, _> = objects
            .into_iter()
            .map(decode)
            .collect::<Result<_, ContentError>>()?;
        let removed = removed.into_iter().map(|(id, stamp)| (id, stamp.into()));
        Ok(Self {
            fields: objects.values().map(|object| object.fields.len()).sum(),
            objects,
            removed: removed.collect::<VecDeque<_>>(),
            bytes: snapshot.len(),
        })
    }
}

fn encode<'a>(id: &ObjectId, object: &'a Object, words: &mut Words<'a>) -> EncodedObject {
    let mut stamps = vec![EncodedStamp::from(object.created)];
    let mut number = |stamp: Stamp| {
        let stamp = EncodedStamp::from(stamp);
        let known = stamps.iter().position(|known| *known == stamp);
        known.unwrap_or_else(|| {
            stamps.push(stamp);
            stamps.len() - 1
        }) as u32
    };
    let mut fields = Vec::with_capacity(object.fields.len());
    for (name, field) in &object.fields {
        let held = match &field.held {
            Held::Nothing => EncodedHeld::Nothing,
            Held::Value(value) => EncodedHeld::Value(value.clone()),
            Held::Text(text) => EncodedHeld::Text(text.snapshot()),
        };
        fields.push(EncodedField {
            name: words.number(name.as_str()),
            written: number(field.written),
            set: number(field.set),
            held,
        });
    }
    EncodedObject {
        id: id.clone(),
        kind: words.number(&object.kind),
        stamps,
        fields,
    }
}
