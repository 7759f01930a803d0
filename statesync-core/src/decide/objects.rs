//! Typed operations on objects.

use std::sync::Arc;

use super::{Accepting, Decision, Holds, Refusal, Situation, broken};
use crate::conflict::Disagreement;
use crate::content::Content;
use crate::error::EditError;
use crate::objects::{Contest, Objects, Stamp, contests, steps};
use crate::operation::{Operation, TextEdit, TextTarget};
use crate::policy::Verdict;
use crate::record::{Change, Effect, Record};
use crate::value::{ObjectId, Step};
use crate::yjs::EditFault;

impl Situation<'_> {
    pub(super) fn decide_operation(mut self, draft: &mut Record) -> Result<Decision, Refusal> {
        let Change::Operation(operation) = &draft.change else {
            return Ok(Decision::Known);
        };
        let schema = self.document.kind.schema();
        let schema = schema.ok_or_else(|| impossible("this document has no objects"))?;
        schema
            .check(operation, self.limits)
            .map_err(EditError::Impossible)?;
        if let Operation::Text { target, edits } = operation {
            let target = target.clone();
            let target = target.ok_or_else(|| impossible("no object is named"))?;
            let edits = edits.clone();
            return self.decide_shared_text(draft, &target, &edits);
        }
        let base = self.base_of(draft)?;
        let steps = steps(operation);
        let stamp = Stamp::of(draft);
        let found = contests(self.objects()?, &steps, base, stamp.writer);
        if found.is_empty() {
            check_presence(self.objects()?, operation, self.limits.objects_max)?;
            self.apply(steps, stamp)?;
            return Ok(Decision::Append(Accepting::default()));
        }
        self.decide_contested(draft, steps, &found)
    }

    fn decide_contested(
        mut self,
        draft: &mut Record,
        steps: Vec<Step>,
        found: &[Contest],
    ) -> Result<Decision, Refusal> {
        let base = self.base_of(draft)?;
        let about: Vec<_> = found.iter().map(|contest| &contest.about).collect();
        let earlier = match self.unseen(draft, base, &about) {
            Ok(records) => records,
            Err(need) => return Ok(Decision::Needs(need)),
        };
        let verdicts: Vec<_> = found
            .iter()
            .map(|contest| self.verdict(contest, &steps, &earlier, draft))
            .collect();
        let about = found.iter().map(|contest| contest.about.clone()).collect();
        if verdicts.contains(&Verdict::Wait) {
            return self.wait(draft, about, earlier);
        }
        let holds = side(&verdicts);
        let chosen = choose(steps, found, verdicts);
        draft.effect = if chosen.is_empty() {
            Effect::Nothing
        } else {
            Effect::Objects(chosen.clone())
        };
        self.apply(chosen, Stamp::of(draft))?;
        Ok(self.settled_by_policy(draft, about, earlier, holds))
    }

    fn verdict(
        &self,
        contest: &Contest,
        steps: &[Step],
        earlier: &[Arc<Record>],
        draft: &Record,
    ) -> Verdict {
        let own: Vec<_> = earlier
            .iter()
            .filter(|record| record.is_about(&contest.about))
            .cloned()
            .collect();
        let write = match steps.get(contest.step) {
            Some(Step::Write(_, _, write)) => Some(write),
            _ => None,
        };
        let verdict = self.settle(&contest.about, &own, draft, write);
        let is_gone = matches!(&contest.about, Disagreement::Object(id) if write.is_some()
            && self.content.as_objects().is_some_and(|objects| objects.get(id).is_none()));
        // What was written to an object that is gone has nowhere to go.
        match verdict {
            Verdict::Wait => Verdict::Wait,
            _ if is_gone => Verdict::Earlier,
            verdict => verdict,
        }
    }

    /// A field that several people edit at once: Yjs merges.
    fn decide_shared_text(
        self,
        draft: &mut Record,
        target: &TextTarget,
        edits: &[TextEdit],
    ) -> Result<Decision, Refusal> {
        let object = self.objects()?.get(&target.object);
        if object.is_none() {
            return Err(no_object(&target.object).into());
        }
        let pending = match self.bring_to_field(draft, target, edits)? {
            Ok(pending) => pending,
            Err(need) => return Ok(Decision::Needs(need)),
        };
        let writer = self.text_writer();
        let Content::Objects(objects) = self.content else {
            return Err(impossible("this document has no objects").into());
        };
        let update = objects
            .edit_text(target, &pending, writer, Stamp::of(draft))
            .map_err(|fault| match fault {
                EditFault::Refused(reason) => Refusal::Clean(impossible(reason)),
                EditFault::Broken(error) => broken(error),
            })?;
        let step = Step::Text(target.object.clone(), target.field.clone(), update);
        draft.effect = Effect::Objects(vec![step]);
        Ok(Decision::Append(Accepting::default()))
    }

    /// A Yjs client that nobody else is: each text begins with a new one.
    fn text_writer(&self) -> u64 {
        writer_id((self.ids)())
    }

    pub(super) fn objects(&self) -> Result<&Objects, EditError> {
        let objects = self.content.as_objects();
        objects.ok_or_else(|| impossible("this document has no objects"))
    }

    pub(super) fn apply(&mut self, steps: Vec<Step>, stamp: Stamp) -> Result<(), Refusal> {
        let Content::Objects(objects) = &mut *self.content else {
            return Err(impossible("this document has no objects").into());
        };
        objects.apply(steps, stamp).map_err(broken)
    }
}

/// A Yjs client id out of the random part of an id: 53 bits, as JavaScript counts.
pub(crate) fn writer_id(id: guuid::Guuid) -> u64 {
    let bytes = id.as_bytes();
    let mut tail = [0; 8];
    tail.copy_from_slice(&bytes[8..]);
    u64::from_be_bytes(tail) & ((1 << 53) - 1)
}

pub(super) fn impossible(reason: impl Into<String>) -> EditError {
    EditError::Impossible(reason.into())
}

fn no_object(id: &ObjectId) -> EditError {
    EditError::Impossible(format!("no object is called {:?}", id.as_str()))
}

fn check_presence(
    objects: &Objects,
    operation: &Operation,
    objects_max: usize,
) -> Result<(), EditError> {
    let Some(id) = operation.object() else {
        return Ok(());
    };
    match (operation, objects.get(id).is_some()) {
        (Operation::Create { .. }, true) => {
            let reason = format!("there is an object {:?} already", id.as_str());
            Err(EditError::Impossible(reason))
        }
        (Operation::Create { .. }, false) if objects.len() >= objects_max => {
            Err(EditError::Full { max: objects_max })
        }
        (Operation::Create { .. }, false) | (_, true) => Ok(()),
        (_, false) => Err(no_object(id)),
    }
}

fn side(verdicts: &[Verdict]) -> Holds {
    let all = |wanted: &[Verdict]| verdicts.iter().all(|verdict| wanted.contains(verdict));
    if all(&[Verdict::Later, Verdict::Both]) {
        Holds::Later
    } else if all(&[Verdict::Earlier]) {
        Holds::Earlier
    } else {
        Holds::Neither
    }
}

/// The steps that are taken after all.
fn choose(steps: Vec<Step>, found: &[Contest], verdicts: Vec<Verdict>) -> Vec<Step> {
    let mut steps: Vec<_> = steps.into_iter().map(Some).collect();
    for (contest, verdict) in found.iter().zip(verdicts) {
        let Some(step) = steps.get_mut(contest.step) else {
            continue;
        };
        match verdict {
            Verdict::Later | Verdict::Both | Verdict::Wait => {}
            Verdict::Earlier => *step = None,
            Verdict::Write(write) => {
                if let Some(Step::Write(_, _, asked)) = step {
                    *asked = write;
                }
            }
        }
    }
    steps.into_iter().flatten().collect()
}
