//! Answers to conflicts that wait.

use std::sync::Arc;

use super::objects::impossible;
use super::{Accepting, Decision, Refusal, Situation, text};
use crate::conflict::{Choice, Conflict, Disagreement, Outcome, Resolution};
use crate::content::Content;
use crate::error::EditError;
use crate::identity::{OperationId, Version};
use crate::objects::Stamp;
use crate::record::{Change, Effect, Record, Status};
use crate::text::{Pending, Replacement};
use crate::value::{FieldName, ObjectId, Step, Value, Write};

impl Situation<'_> {
    pub(super) fn decide_resolution(self, draft: &mut Record) -> Result<Decision, Refusal> {
        let Change::Resolve(resolution) = draft.change.clone() else {
            return Ok(Decision::Known);
        };
        let Resolution { conflict, choice } = resolution;
        let known = self.open.get(&conflict).cloned();
        let conflict = known.ok_or(EditError::NoOpenConflict(conflict))?;
        let chosen = match choice {
            Choice::Operation(operation) => Some(chosen(&conflict, operation)?),
            _ => None,
        };
        if self.document.kind.is_yjs() {
            self.resolve_text(draft, conflict, &choice, chosen.as_deref())
        } else {
            self.resolve_objects(draft, conflict, choice, chosen.as_deref())
        }
    }

    fn resolve_objects(
        mut self,
        draft: &mut Record,
        conflict: Conflict,
        choice: Choice,
        chosen: Option<&Record>,
    ) -> Result<Decision, Refusal> {
        let steps = match (choice, chosen) {
            (_, Some(chosen)) => self.steps_of(chosen, &conflict)?,
            (Choice::Values(values), None) => self.steps_to(values)?,
            _ => return Err(impossible("this document has no text of its own").into()),
        };
        draft.effect = if steps.is_empty() {
            Effect::Nothing
        } else {
            Effect::Objects(steps.clone())
        };
        self.apply(steps, Stamp::of(draft))?;
        Ok(Decision::Append(settle(draft, conflict, chosen)))
    }

    /// What the chosen operation asked for: all of it if it waited, and what is disputed if it has
    /// been carried out before.
    fn steps_of(&self, chosen: &Record, conflict: &Conflict) -> Result<Vec<Step>, EditError> {
        let objects = self.objects()?;
        let mut steps = chosen.asked_steps();
        if chosen.status != Status::Conflict {
            steps.retain(|step| match step {
                Step::Write(object, field, _) => {
                    let field = Disagreement::Field(object.clone(), field.clone());
                    conflict.about.contains(&field)
                }
                _ => false,
            });
        }
        let is_gone =
            |step: &Step| !matches!(step, Step::Create(..)) && objects.get(step.object()).is_none();
        steps.retain(|step| !is_gone(step));
        Ok(steps)
    }

    fn steps_to(&self, values: Vec<(ObjectId, FieldName, Value)>) -> Result<Vec<Step>, EditError> {
        let schema = self.document.kind.schema();
        let schema = schema.ok_or_else(|| impossible("this document has no objects"))?;
        let objects = self.objects()?;
        let step = |(object, field, value): (ObjectId, FieldName, Value)| {
            schema
                .check_value(&field, &value, self.limits)
                .map_err(EditError::Impossible)?;
            if objects.get(&object).is_none() {
                return Err(impossible(format!(
                    "no object is called {:?}",
                    object.as_str()
                )));
            }
            Ok(Step::Write(object, field, Write::Set(value)))
        };
        values.into_iter().map(step).collect()
    }

    fn resolve_text(
        mut self,
        draft: &mut Record,
        conflict: Conflict,
        choice: &Choice,
        chosen: Option<&Record>,
    ) -> Result<Decision, Refusal> {
        let update = match (choice, chosen) {
            (_, Some(waiting)) if waiting.status == Status::Conflict => {
                let edits = match text::edits_over(&self, waiting)? {
                    Ok(edits) => edits,
                    Err(need) => return Ok(Decision::Needs(need)),
                };
                Some(self.edit(&edits)?)
            }
            // What is there stays.
            (_, Some(_)) => None,
            (Choice::Text(text), None) => self.replace_text(text)?,
            _ => return Err(impossible("this document has no objects").into()),
        };
        draft.effect = update.map_or(Effect::Nothing, Effect::Yjs);
        Ok(Decision::Append(settle(draft, conflict, chosen)))
    }

    fn replace_text(&mut self, text: &str) -> Result<Option<bytes::Bytes>, Refusal> {
        let kind = self.document.kind;
        let Content::Yjs(content) = &*self.content else {
            return Err(impossible("this document has no text").into());
        };
        let (present, wanted) = (content.units(kind), text.encode_utf16().collect::<Vec<_>>());
        let Some(replacement) = Replacement::between(&present, &wanted) else {
            return Ok(None);
        };
        let edits = Pending::of(replacement, &wanted);
        self.edit(&edits).map(Some)
    }
}

fn chosen(conflict: &Conflict, operation: OperationId) -> Result<Arc<Record>, EditError> {
    let mut operations = conflict.operations.iter();
    let chosen = operations.find(|record| record.operation_id == operation);
    let reason = || format!("operation {operation} is not part of the conflict");
    chosen.cloned().ok_or_else(|| impossible(reason()))
}

/// The conflict with its answer, and what became of those that waited in it.
fn settle(draft: &mut Record, mut conflict: Conflict, chosen: Option<&Record>) -> Accepting {
    draft.conflict = Some(conflict.id);
    let mut settled: Vec<(Version, Status)> = Vec::new();
    for record in &mut conflict.operations {
        let is_chosen = chosen.is_some_and(|chosen| chosen.operation_id == record.operation_id);
        if record.status == Status::Conflict {
            Arc::make_mut(record).status = if is_chosen {
                Status::Resolved
            } else {
                Status::Rejected
            };
            settled.push((record.version, record.status));
        }
    }
    conflict.outcome = Some(Outcome {
        resolved_by: Some(draft.author.user_id.clone()),
        resolved_operation: Some(chosen.map_or(draft.operation_id, |chosen| chosen.operation_id)),
        resolved_at: draft.timestamp,
        version: draft.version,
    });
    Accepting {
        document: None,
        conflicts: vec![conflict],
        settled,
    }
}
