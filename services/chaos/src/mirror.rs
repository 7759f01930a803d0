//! A document as somebody has it who is told nothing but events.

use std::collections::BTreeMap;

use aetherflow_api::statesync::v1 as wire;
use wire::step::Kind as Step;
use wire::value::Kind as Value;
use wire::write::Kind as Write;
use yrs::updates::decoder::Decode as _;
use yrs::{Doc, GetString as _, ReadTxn as _, StateVector, Transact as _, Update};

/// A content that can be compared with another one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Board {
    pub(crate) text: String,
    pub(crate) objects: BTreeMap<String, Shape>,
}

/// An object on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    pub(crate) kind: String,
    pub(crate) fields: BTreeMap<String, Value>,
}

/// What cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadEffect(String);

/// A content that grows by the effects of operations.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) version: u64,
    text: Text,
    objects: BTreeMap<String, Shape>,
    /// Fields that are shared text, by object and field.
    texts: BTreeMap<(String, String), Text>,
}

/// A text that several people edit at once.
#[derive(Debug)]
struct Text(Doc);

impl Default for Text {
    fn default() -> Self {
        let doc = Doc::new();
        doc.get_or_insert_text(ROOT);
        Self(doc)
    }
}

impl Text {
    fn join(&self, update: &[u8]) -> Result<(), BadEffect> {
        let bad = |error: &dyn std::fmt::Display| BadEffect(format!("a Yjs update: {error}"));
        let update = Update::decode_v1(update).map_err(|error| bad(&error))?;
        let joined = self.0.transact_mut().apply_update(update);
        joined.map_err(|error| bad(&error))
    }

    fn string(&self) -> String {
        let text = self.0.get_or_insert_text(ROOT);
        text.get_string(&self.0.transact())
    }
}

impl Mirror {
    /// As it is after a resync.
    pub(crate) fn of(version: u64, content: &wire::Content) -> Result<Self, BadEffect> {
        let mut mirror = Self {
            version,
            ..Self::default()
        };
        if let Some(update) = &content.yjs_update {
            mirror.text.join(update)?;
        }
        for (id, object) in &content.objects {
            mirror.objects.insert(id.clone(), shape(object)?);
            for (field, update) in &object.texts {
                mirror.join_field(id, field, update)?;
            }
        }
        Ok(mirror)
    }

    /// Carries out an entry of the log.
    pub(crate) fn take(&mut self, operation: &wire::Operation) -> Result<(), BadEffect> {
        self.version = operation.version;
        let Some(effect) = &operation.effect else {
            return Ok(());
        };
        if let Some(update) = &effect.yjs_update {
            self.text.join(update)?;
        }
        effect.steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &wire::Step) -> Result<(), BadEffect> {
        let missing = || BadEffect("a step without a kind".to_owned());
        let id = &step.object_id;
        match step.kind.as_ref().ok_or_else(missing)? {
            Step::Create(kind) => {
                let shape = Shape {
                    kind: kind.clone(),
                    fields: BTreeMap::new(),
                };
                self.objects.insert(id.clone(), shape);
            }
            Step::Delete(_) => {
                self.objects.remove(id);
                self.texts.retain(|(object, _), _| object != id);
            }
            Step::Write(written) => {
                // What lacks its object does nothing.
                if let Some(shape) = self.objects.get_mut(id) {
                    shape.write(written)?;
                }
            }
            Step::Text(text) => {
                if self.objects.contains_key(id) {
                    self.join_field(id, &text.field, &text.yjs_update)?;
                }
            }
        }
        Ok(())
    }

    fn join_field(&mut self, id: &str, field: &str, update: &[u8]) -> Result<(), BadEffect> {
        let key = (id.to_owned(), field.to_owned());
        let text = self.texts.entry(key).or_default();
        text.join(update)?;
        let value = Value::Text(text.string());
        if let Some(shape) = self.objects.get_mut(id) {
            shape.fields.insert(field.to_owned(), value);
        }
        Ok(())
    }

    /// The text of the document.
    pub(crate) fn text(&self) -> String {
        self.text.string()
    }

    /// The text of the document for another Yjs client.
    pub(crate) fn yjs(&self) -> Vec<u8> {
        let transaction = self.text.0.transact();
        transaction.encode_state_as_update_v1(&StateVector::default())
    }

    /// What a field holds.
    pub(crate) fn field(&self, object: &str, field: &str) -> Option<&Value> {
        self.objects.get(object)?.fields.get(field)
    }

    /// The content as it is now.
    pub(crate) fn board(&self) -> Board {
        Board {
            text: self.text(),
            objects: self.objects.clone(),
        }
    }
}

impl Board {
    /// The content as a replica reads it.
    pub(crate) fn of(content: &wire::Content) -> Result<Self, BadEffect> {
        let objects = content.objects.iter();
        let objects = objects.map(|(id, object)| Ok((id.clone(), shape(object)?)));
        Ok(Self {
            text: content.text.clone(),
            objects: objects.collect::<Result<_, BadEffect>>()?,
        })
    }
}

impl Shape {
    fn write(&mut self, written: &wire::FieldWrite) -> Result<(), BadEffect> {
        let bad = || BadEffect(format!("a write to the field {}", written.field));
        let write = written.write.as_ref().and_then(|write| write.kind.as_ref());
        let field = written.field.clone();
        match write.ok_or_else(bad)? {
            Write::Set(value) => {
                self.fields.insert(field, held(value).ok_or_else(bad)?);
            }
            Write::Clear(_) => {
                self.fields.remove(&field);
            }
            Write::Add(number) => {
                let counter = self.fields.entry(field).or_insert(Value::Integer(0));
                let Value::Integer(counter) = counter else {
                    return Err(bad());
                };
                *counter = counter.saturating_add(*number);
            }
            Write::Unite(unite) => {
                let none = Value::Set(wire::WordSet::default());
                let Value::Set(set) = self.fields.entry(field).or_insert(none) else {
                    return Err(bad());
                };
                set.words.retain(|word| !unite.remove.contains(word));
                set.words.extend(unite.add.iter().cloned());
                set.words.sort();
                set.words.dedup();
            }
        }
        Ok(())
    }
}

fn shape(object: &wire::Object) -> Result<Shape, BadEffect> {
    let fields = object.fields.iter().map(|(name, value)| {
        let value = held(value).ok_or_else(|| BadEffect(format!("no value in {name}")))?;
        Ok((name.clone(), value))
    });
    Ok(Shape {
        kind: object.kind.clone(),
        fields: fields.collect::<Result<_, BadEffect>>()?,
    })
}

/// A value; the words of sets in one order.
fn held(value: &wire::Value) -> Option<Value> {
    let mut value = value.kind.clone()?;
    if let Value::Set(set) = &mut value {
        set.words.sort();
    }
    Some(value)
}

/// What the service calls the text of a document.
const ROOT: &str = "content";
