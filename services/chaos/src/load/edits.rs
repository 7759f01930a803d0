//! What an editor does next.

use aetherflow_api::statesync::v1 as wire;
use rand::RngExt as _;
use wire::operation_data::Kind;
use wire::value::Kind as Value;
use wire::write::Kind as Write;
use yrs::updates::decoder::Decode as _;
use yrs::{Doc, GetString as _, Text as _, Transact as _, Update};

use super::Random;
use super::document::{Document, Purpose};
use crate::failure::Failure;
use crate::mirror::Mirror;

/// An operation that somebody wants done.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    /// The version that its author has seen.
    pub(crate) seen: Option<u64>,
    pub(crate) fence: Option<u64>,
    /// A word that it adds to a text, and no other.
    pub(crate) word: Option<String>,
}

impl Asked {
    pub(crate) fn new(kind: Kind, seen: u64) -> Self {
        Self {
            kind,
            seen: Some(seen),
            fence: None,
            word: None,
        }
    }

    fn with_word(self, word: String) -> Self {
        Self {
            word: Some(word),
            ..self
        }
    }

    pub(crate) fn with_fence(self, fence: u64) -> Self {
        Self {
            fence: Some(fence),
            ..self
        }
    }
}

/// Somebody who edits one document.
pub(super) struct Pen {
    user: String,
    purpose: Purpose,
    count: u64,
    /// Objects that this one has made and not deleted.
    own: Vec<String>,
    /// The document of a Yjs editor.
    doc: Option<Doc>,
}

impl Pen {
    pub(super) fn new(user: &str, purpose: Purpose, as_yjs: bool) -> Self {
        Self {
            user: user.to_owned(),
            purpose,
            count: 0,
            own: Vec::new(),
            doc: as_yjs.then(Doc::new),
        }
    }

    /// What to do to a document that is like this.
    pub(super) fn next(&mut self, mirror: &Mirror, random: &mut Random) -> Result<Asked, Failure> {
        self.count += 1;
        if let Some(doc) = &self.doc {
            return self.yjs(doc, mirror, random);
        }
        let seen = mirror.version;
        let object = Document::object(random.random_range(0..Document::OBJECTS));
        let label = format!("{} {}", self.user, self.count);
        Ok(match self.purpose {
            Purpose::Board => match random.random_range(0..10) {
                0 | 1 => self.create(seen),
                2 if !self.own.is_empty() => self.delete(seen),
                3..6 => paint(object, label, seen),
                _ => move_to(object, random, seen),
            },
            Purpose::Contested => entitle(object, label, seen),
            Purpose::Locked => paint(object, label, seen),
            Purpose::Text => self.insert(mirror, None, random),
            Purpose::Sheet => match random.random_range(0..4) {
                0 => add(object, random.random_range(1..10), seen),
                1 => unite(object, label, seen),
                2 => enter(object, label, seen),
                _ => self.insert(mirror, Some(object), random),
            },
        })
    }

    fn create(&mut self, seen: u64) -> Asked {
        let object_id = format!("{}-{}", self.user, self.count);
        self.own.push(object_id.clone());
        let fill = (String::from("fill"), value(Value::Text("white".to_owned())));
        let kind = Kind::Create(wire::CreateObject {
            object_id,
            kind: "ellipse".to_owned(),
            fields: [fill].into(),
        });
        Asked::new(kind, seen)
    }

    fn delete(&mut self, seen: u64) -> Asked {
        let object_id = self.own.pop().unwrap_or_default();
        Asked::new(Kind::Delete(wire::DeleteObject { object_id }), seen)
    }

    fn word(&self) -> String {
        format!("<{}.{}>", self.user, self.count)
    }

    /// A word more in the document's text, or in a note.
    fn insert(&self, mirror: &Mirror, object: Option<String>, random: &mut Random) -> Asked {
        let text = match &object {
            Some(object) => match mirror.field(object, NOTE) {
                Some(Value::Text(text)) => text.clone(),
                _ => String::new(),
            },
            None => mirror.text(),
        };
        let word = self.word();
        let edit = wire::TextEdit {
            position: between_words(&text, random),
            delete: 0,
            insert: word.clone(),
        };
        let field = object.as_ref().map(|_| NOTE.to_owned());
        let kind = Kind::Text(wire::EditText {
            object_id: object.unwrap_or_default(),
            field: field.unwrap_or_default(),
            edits: vec![edit],
        });
        Asked::new(kind, mirror.version).with_word(word)
    }

    /// The same as an editor does it that speaks Yjs.
    fn yjs(&self, doc: &Doc, mirror: &Mirror, random: &mut Random) -> Result<Asked, Failure> {
        let broken = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let text = doc.get_or_insert_text("content");
        let mut transaction = doc.transact_mut();
        let update = Update::decode_v1(&mirror.yjs()).map_err(|error| broken(&error))?;
        let joined = transaction.apply_update(update);
        joined.map_err(|error| broken(&error))?;
        drop(transaction);
        let word = self.word();
        let mut transaction = doc.transact_mut();
        let position = between_words(&text.get_string(&transaction), random);
        text.insert(&mut transaction, position, &word);
        let update = transaction.encode_update_v1();
        let kind = Kind::YjsUpdate(update.into());
        Ok(Asked::new(kind, mirror.version).with_word(word))
    }
}

/// A place where a word may be put without breaking another one. All text is ASCII.
fn between_words(text: &str, random: &mut Random) -> u32 {
    let ends = text.match_indices('>').map(|(at, _)| at + 1);
    let places: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let chosen = places[random.random_range(0..places.len())];
    u32::try_from(chosen).unwrap_or_default()
}

fn value(kind: Value) -> wire::Value {
    wire::Value { kind: Some(kind) }
}

fn update(object_id: String, field: &str, write: Write, seen: u64) -> Asked {
    let write = wire::Write { kind: Some(write) };
    let kind = Kind::Update(wire::UpdateObject {
        object_id,
        writes: [(field.to_owned(), write)].into(),
    });
    Asked::new(kind, seen)
}

/// Writes to a field of an object.
pub(crate) fn paint(object: String, label: String, seen: u64) -> Asked {
    let kind = Kind::Style(wire::StyleObject {
        object_id: object,
        set: [("fill".to_owned(), value(Value::Text(label)))].into(),
        clear: Vec::new(),
    });
    Asked::new(kind, seen)
}

fn move_to(object_id: String, random: &mut Random, seen: u64) -> Asked {
    let mut place = || f64::from(random.random_range(0..1_000_i32));
    let (x, y) = (place(), place());
    Asked::new(Kind::Move(wire::MoveObject { object_id, x, y }), seen)
}

fn entitle(object: String, label: String, seen: u64) -> Asked {
    update(object, "title", Write::Set(value(Value::Text(label))), seen)
}

fn enter(object: String, label: String, seen: u64) -> Asked {
    update(object, "value", Write::Set(value(Value::Text(label))), seen)
}

fn add(object: String, number: i64, seen: u64) -> Asked {
    update(object, "votes", Write::Add(number), seen)
}

fn unite(object: String, label: String, seen: u64) -> Asked {
    let unite = wire::Unite {
        add: vec![label],
        remove: Vec::new(),
    };
    update(object, "tags", Write::Unite(unite), seen)
}

/// A field of cells that is shared text.
const NOTE: &str = "note";
