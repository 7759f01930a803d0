//! From an operation to what it does, and to what it disagrees with.

use super::{Object, Objects, Stamp, Writer};
use crate::conflict::Disagreement;
use crate::identity::Version;
use crate::operation::Operation;
use crate::value::{FieldName, ObjectId, Step, Value, Write};

/// What an operation does, a text aside.
pub(crate) fn steps(operation: &Operation) -> Vec<Step> {
    let set = |object: &ObjectId, field: &FieldName, value: Value| {
        Step::Write(object.clone(), field.clone(), Write::Set(value))
    };
    match operation {
        Operation::Create {
            object,
            kind,
            fields,
        } => {
            let create = Step::Create(object.clone(), kind.clone());
            let fields = fields
                .iter()
                .map(|(field, value)| set(object, field, value.clone()));
            std::iter::once(create).chain(fields).collect()
        }
        Operation::Update { object, writes } => {
            let write = |(field, write): (&FieldName, &Write)| {
                Step::Write(object.clone(), field.clone(), write.clone())
            };
            writes.iter().map(write).collect()
        }
        Operation::Delete { object } => vec![Step::Delete(object.clone())],
        Operation::Move { object, x, y } => vec![
            set(object, &FieldName::x(), Value::Number(*x)),
            set(object, &FieldName::y(), Value::Number(*y)),
        ],
        Operation::Resize {
            object,
            width,
            height,
        } => vec![
            set(object, &FieldName::width(), Value::Number(*width)),
            set(object, &FieldName::height(), Value::Number(*height)),
        ],
        Operation::Style { object, fields } => {
            let write = |(field, value): (&FieldName, &Option<Value>)| {
                let write = value.clone().map_or(Write::Clear, Write::Set);
                Step::Write(object.clone(), field.clone(), write)
            };
            fields.iter().map(write).collect()
        }
        Operation::Text { .. } => Vec::new(),
    }
}

/// One thing that an operation disagrees about with what it had not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    /// Which of its steps.
    pub(crate) step: usize,
    pub(crate) about: Disagreement,
}

/// Where `steps` meet what somebody did whom their author, having seen `base`, had not seen do it.
pub(crate) fn contests(
    objects: &Objects,
    steps: &[Step],
    base: Version,
    writer: Writer,
) -> Vec<Contest> {
    let contest = |(step, asked): (usize, &Step)| {
        let about = contested(objects, asked, base, writer)?;
        Some(Contest { step, about })
    };
    steps.iter().enumerate().filter_map(contest).collect()
}

fn contested(
    objects: &Objects,
    step: &Step,
    base: Version,
    writer: Writer,
) -> Option<Disagreement> {
    let is_news = |stamp: Stamp| stamp.is_news_to(base, writer);
    match step {
        Step::Create(..) | Step::Text(..) => None,
        Step::Delete(id) => {
            let object = objects.get(id)?;
            let touched = object.fields.values().any(|field| is_news(field.written));
            touched.then(|| Disagreement::Object(id.clone()))
        }
        Step::Write(id, name, write) => {
            let Some(object) = objects.get(id) else {
                let gone = objects.removal(id)?;
                return is_news(gone).then(|| Disagreement::Object(id.clone()));
            };
            is_contested(object, name, write, is_news)
                .then(|| Disagreement::Field(id.clone(), name.clone()))
        }
    }
}

fn is_contested(
    object: &Object,
    name: &FieldName,
    write: &Write,
    is_news: impl Fn(Stamp) -> bool,
) -> bool {
    let Some(field) = object.fields.get(name) else {
        return false;
    };
    match write {
        // Additions go with additions.
        Write::Add(_) | Write::Unite { .. } => is_news(field.set),
        // Both want the same.
        Write::Set(value) if object.value(name) == Some(value) => false,
        Write::Set(_) | Write::Clear => is_news(field.written),
    }
}
