//! Values of fields, and writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{FieldName, Value, Write};
use tonic::Status;

use crate::status::invalid;

pub(super) fn field_name(at: &str, text: &str) -> Result<FieldName, Status> {
    FieldName::new(text).map_err(|error| invalid(at, error.to_string()))
}

/// A value that the caller sent at `at`.
pub(super) fn value(at: &str, value: wire::Value) -> Result<Value, Status> {
    use wire::value::Kind;
    Ok(match value.kind.ok_or_else(|| invalid(at, "no value"))? {
        Kind::Boolean(boolean) => Value::Boolean(boolean),
        Kind::Integer(integer) => Value::Integer(integer),
        Kind::Number(number) => Value::Number(finite(at, number)?),
        Kind::Text(text) => Value::Text(text),
        Kind::Points(points) => {
            let point = |point: wire::Point| Ok((finite(at, point.x)?, finite(at, point.y)?));
            let points = points.points.into_iter().map(point);
            Value::Points(points.collect::<Result<_, Status>>()?)
        }
        Kind::Set(words) => Value::Set(words.words.into_iter().collect()),
    })
}

/// Numbers that are not equal to themselves would make a retry another operation.
pub(super) fn finite(at: &str, number: f64) -> Result<f64, Status> {
    let reason = "a number must be finite";
    number
        .is_finite()
        .then_some(number)
        .ok_or_else(|| invalid(at, reason))
}

pub(super) fn values(
    at: &str,
    fields: HashMap<String, wire::Value>,
) -> Result<BTreeMap<FieldName, Value>, Status> {
    let named = |(name, held): (String, wire::Value)| {
        let at = format!("{at}[{name:?}]");
        Ok((field_name(&at, &name)?, value(&at, held)?))
    };
    fields.into_iter().map(named).collect()
}

pub(super) fn write(at: &str, write: wire::Write) -> Result<Write, Status> {
    use wire::write::Kind;
    Ok(match write.kind.ok_or_else(|| invalid(at, "no write"))? {
        Kind::Set(set) => Write::Set(value(at, set)?),
        Kind::Clear(_) => Write::Clear,
        Kind::Add(number) => Write::Add(number),
        Kind::Unite(unite) => Write::Unite {
            add: unite.add.into_iter().collect(),
            remove: unite.remove.into_iter().collect(),
        },
    })
}

pub(super) fn wire_value(value: &Value) -> wire::Value {
    use wire::value::Kind;
    let kind = match value {
        Value::Boolean(boolean) => Kind::Boolean(*boolean),
        Value::Integer(integer) => Kind::Integer(*integer),
        Value::Number(number) => Kind::Number(*number),
        Value::Text(text) => Kind::Text(text.clone()),
        Value::Points(points) => {
            let points = points.iter().map(|&(x, y)| wire::Point { x, y });
            Kind::Points(wire::Points {
                points: points.collect(),
            })
        }
        Value::Set(words) => Kind::Set(wire_words(words)),
        // What a later core holds in a field, this interface cannot say.
        _ => return wire::Value { kind: None },
    };
    wire::Value { kind: Some(kind) }
}

pub(super) fn wire_values(fields: &BTreeMap<FieldName, Value>) -> HashMap<String, wire::Value> {
    let wire = |(name, value): (&FieldName, &Value)| (name.to_string(), wire_value(value));
    fields.iter().map(wire).collect()
}

pub(super) fn wire_words(words: &BTreeSet<String>) -> wire::WordSet {
    wire::WordSet {
        words: words.iter().cloned().collect(),
    }
}

pub(super) fn wire_write(write: &Write) -> wire::Write {
    use wire::write::Kind;
    let kind = match write {
        Write::Set(value) => Kind::Set(wire_value(value)),
        Write::Clear => Kind::Clear(wire::Clear {}),
        Write::Add(number) => Kind::Add(*number),
        Write::Unite { add, remove } => Kind::Unite(wire::Unite {
            add: add.iter().cloned().collect(),
            remove: remove.iter().cloned().collect(),
        }),
        _ => return wire::Write { kind: None },
    };
    wire::Write { kind: Some(kind) }
}
