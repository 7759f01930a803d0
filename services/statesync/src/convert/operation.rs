//! Operations that callers ask for.

use aetherflow_api::statesync::v1 as wire;
use statesync_core::{Change, Operation, TextEdit, TextTarget};
use tonic::Status;

use super::object;
use super::value::{field_name, finite, value, values, write};
use crate::status::invalid;

/// The change that an operation's data asks for.
pub(crate) fn change(data: Option<wire::OperationData>) -> Result<Change, Status> {
    use wire::operation_data::Kind;
    let kind = data.and_then(|data| data.kind);
    let operation = match kind.ok_or_else(|| invalid("data", "no operation"))? {
        Kind::Create(create) => Operation::Create {
            object: object("data.create.object_id", &create.object_id)?,
            kind: create.kind,
            fields: values("data.create.fields", create.fields)?,
        },
        Kind::Update(asked) => update(asked)?,
        Kind::Delete(delete) => Operation::Delete {
            object: object("data.delete.object_id", &delete.object_id)?,
        },
        Kind::Move(to) => Operation::Move {
            object: object("data.move.object_id", &to.object_id)?,
            x: finite("data.move.x", to.x)?,
            y: finite("data.move.y", to.y)?,
        },
        Kind::Resize(to) => Operation::Resize {
            object: object("data.resize.object_id", &to.object_id)?,
            width: finite("data.resize.width", to.width)?,
            height: finite("data.resize.height", to.height)?,
        },
        Kind::Style(asked) => style(asked)?,
        Kind::Text(asked) => text(asked)?,
        Kind::YjsUpdate(update) => return Ok(Change::Yjs(update)),
        Kind::Properties(_) => return Err(has_its_own_call("UpdateDocument")),
        Kind::Resolve(_) => return Err(has_its_own_call("ResolveConflict")),
        Kind::RestoreVersion(_) => return Err(has_its_own_call("RestoreVersion")),
    };
    Ok(Change::Operation(operation))
}

fn has_its_own_call(name: &str) -> Status {
    invalid("data", format!("this is asked for with {name}"))
}

fn update(asked: wire::UpdateObject) -> Result<Operation, Status> {
    let named = |(name, asked): (String, wire::Write)| {
        let at = format!("data.update.writes[{name:?}]");
        Ok((field_name(&at, &name)?, write(&at, asked)?))
    };
    let writes = asked.writes.into_iter().map(named);
    Ok(Operation::Update {
        object: object("data.update.object_id", &asked.object_id)?,
        writes: writes.collect::<Result<_, Status>>()?,
    })
}

fn style(asked: wire::StyleObject) -> Result<Operation, Status> {
    let set = asked.set.into_iter().map(|(name, held)| {
        let at = format!("data.style.set[{name:?}]");
        Ok((field_name(&at, &name)?, Some(value(&at, held)?)))
    });
    let clear = asked.clear.iter();
    let clear = clear.map(|name| Ok((field_name("data.style.clear", name)?, None)));
    Ok(Operation::Style {
        object: object("data.style.object_id", &asked.object_id)?,
        fields: set.chain(clear).collect::<Result<_, Status>>()?,
    })
}

fn text(asked: wire::EditText) -> Result<Operation, Status> {
    let target = if asked.object_id.is_empty() && asked.field.is_empty() {
        None
    } else {
        Some(TextTarget {
            object: object("data.text.object_id", &asked.object_id)?,
            field: field_name("data.text.field", &asked.field)?,
        })
    };
    let edits = asked.edits.into_iter().map(|edit| TextEdit {
        position: edit.position,
        delete: edit.delete,
        insert: edit.insert,
    });
    let edits = edits.collect();
    Ok(Operation::Text { target, edits })
}
