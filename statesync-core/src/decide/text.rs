//! Typed operations on text and rich text.

use std::sync::Arc;

use super::objects::impossible;
use super::{Accepting, Decision, Evidence, Holds, Need, Refusal, Situation, broken};
use crate::conflict::Disagreement;
use crate::content::Content;
use crate::document::DocumentType;
use crate::error::EditError;
use crate::identity::Version;
use crate::objects::Writer;
use crate::operation::{Operation, TextEdit, TextTarget};
use crate::policy::Verdict;
use crate::record::{Change, Effect, Record, Status};
use crate::text::{Pending, Replacement};
use crate::value::Step;
use crate::yjs::EditFault;

/// Edits that were brought from the version that their author had seen to the present one.
#[derive(Debug)]
struct Brought {
    /// Beside what others did.
    beside: Pending,
    /// Over what others did.
    over: Pending,
    /// Versions of the records of others that touched the same stretch.
    touched: Vec<Version>,
}

impl Situation<'_> {
    pub(super) fn decide_text(mut self, draft: &mut Record) -> Result<Decision, Refusal> {
        let Change::Operation(Operation::Text {
            target: None,
            edits,
        }) = &draft.change
        else {
            return Err(impossible("a document of text takes edits of its text alone").into());
        };
        let brought = match self.bring(draft, edits)? {
            Ok(brought) => brought,
            Err(need) => return Ok(Decision::Needs(need)),
        };
        if brought.touched.is_empty() {
            draft.effect = Effect::Yjs(self.edit(&brought.beside)?);
            return Ok(Decision::Append(Accepting::default()));
        }
        let about = Disagreement::Text;
        let earlier = self.records_at(&brought.touched);
        match self.settle(&about, &earlier, draft, None) {
            Verdict::Wait => self.wait(draft, vec![about], earlier),
            Verdict::Both | Verdict::Write(_) => {
                draft.effect = Effect::Yjs(self.edit(&brought.beside)?);
                Ok(Decision::Append(Accepting::default()))
            }
            Verdict::Later => {
                draft.effect = Effect::Yjs(self.edit(&brought.over)?);
                Ok(self.settled_by_policy(draft, vec![about], earlier, Holds::Later))
            }
            Verdict::Earlier => {
                draft.effect = Effect::Nothing;
                draft.status = Status::Rejected;
                Ok(self.settled_by_policy(draft, vec![about], earlier, Holds::Earlier))
            }
        }
    }

    pub(super) fn edit(&mut self, edits: &Pending) -> Result<bytes::Bytes, Refusal> {
        let kind = self.document.kind;
        let Content::Yjs(content) = &mut *self.content else {
            return Err(impossible("this document has no text").into());
        };
        content.edit(kind, edits).map_err(|fault| match fault {
            EditFault::Refused(reason) => Refusal::Clean(impossible(reason)),
            EditFault::Broken(error) => broken(error),
        })
    }

    /// The edits of `draft`, whose positions are those of the text at its base, in the present text.
    fn bring(&self, draft: &Record, edits: &[TextEdit]) -> Result<Result<Brought, Need>, Refusal> {
        let kind = self.document.kind;
        let base = self.base_of(draft)?;
        let writer = Writer::of(&draft.author, &draft.terms.client_id);
        if base == self.document.version {
            let length = self.present_units().len();
            let pending = Pending::new(edits, length).map_err(impossible)?;
            return Ok(Ok(Brought {
                over: pending.clone(),
                beside: pending,
                touched: Vec::new(),
            }));
        }
        let units = |content: &Content| document_units(content, kind);
        match past(self.evidence, base, kind, units)? {
            Ok((text, replacements)) => {
                let pending = Pending::new(edits, text).map_err(impossible)?;
                Ok(Ok(pass(pending, &replacements, writer)))
            }
            Err(need) => Ok(Err(need)),
        }
    }

    fn present_units(&self) -> Vec<u16> {
        document_units(self.content, self.document.kind)
    }

    /// The same for the text of a field: others may have edited it since the author looked.
    pub(super) fn bring_to_field(
        &self,
        draft: &Record,
        target: &TextTarget,
        edits: &[TextEdit],
    ) -> Result<Result<Pending, Need>, Refusal> {
        let base = self.base_of(draft)?;
        let units = |content: &Content| field_units(content, target);
        let present = || Pending::new(edits, units(self.content).len()).map_err(impossible);
        if base == self.document.version {
            return Ok(Ok(present()?));
        }
        let since = self.evidence.since.as_ref();
        let Some((_, records)) = since.filter(|(version, _)| *version == base) else {
            return Ok(Err(Need::RecordsSince(base)));
        };
        // The usual case, which needs no earlier content.
        if !records.iter().any(|record| edits_field(record, target)) {
            return Ok(Ok(present()?));
        }
        let writer = Writer::of(&draft.author, &draft.terms.client_id);
        Ok(
            match past(self.evidence, base, self.document.kind, units)? {
                Ok((length, replacements)) => {
                    let pending = Pending::new(edits, length).map_err(impossible)?;
                    Ok(pass(pending, &replacements, writer).beside)
                }
                Err(need) => Err(need),
            },
        )
    }

    fn records_at(&self, versions: &[Version]) -> Vec<Arc<Record>> {
        let records = self.evidence.since.iter().flat_map(|(_, records)| records);
        let wanted = records.filter(|record| versions.contains(&record.version));
        wanted.cloned().collect()
    }
}

fn document_units(content: &Content, kind: DocumentType) -> Vec<u16> {
    let content = content.as_yjs();
    content.map_or_else(Vec::new, |content| content.units(kind))
}

fn field_units(content: &Content, target: &TextTarget) -> Vec<u16> {
    let object = content.as_objects().and_then(|it| it.get(&target.object));
    let text = object.and_then(|object| object.text(&target.field));
    text.map_or_else(Vec::new, |text| text.units(DocumentType::Text))
}

/// Whether a record may have changed the text of a field: edited it, or made its object another one.
fn edits_field(record: &Record, target: &TextTarget) -> bool {
    record.steps().iter().any(|step| match step {
        Step::Text(object, field, _) => *object == target.object && *field == target.field,
        Step::Create(object, _) | Step::Delete(object) => *object == target.object,
        _ => false,
    })
}

/// What one record replaced, and whose it was.
struct Passed {
    replacement: Replacement,
    version: Version,
    writer: Writer,
}

/// The length of the text at `base`, and what was replaced since; or what is lacking for that.
fn past(
    evidence: &Evidence,
    base: Version,
    kind: DocumentType,
    units: impl Fn(&Content) -> Vec<u16>,
) -> Result<Result<(usize, Vec<Passed>), Need>, Refusal> {
    let since = evidence
        .since
        .as_ref()
        .filter(|(version, _)| *version == base);
    let Some((_, records)) = since else {
        return Ok(Err(Need::RecordsSince(base)));
    };
    let earlier = evidence
        .earlier
        .as_ref()
        .filter(|(version, _)| *version == base);
    let Some((_, earlier)) = earlier else {
        return Ok(Err(Need::ContentAt(base)));
    };
    // The evidence stays as it is, for whoever else had seen the same.
    let mut content = Content::empty(kind)
        .restored(&earlier.snapshot())
        .map_err(|error| Refusal::Clean(error.into()))?;
    let mut before = units(&content);
    let length = before.len();
    let mut replacements = Vec::new();
    for record in records {
        content
            .replay(record)
            .map_err(|error| Refusal::Clean(error.into()))?;
        let after = units(&content);
        if let Some(replacement) = Replacement::between(&before, &after) {
            replacements.push(Passed {
                replacement,
                version: record.version,
                writer: Writer::of(&record.author, &record.terms.client_id),
            });
        }
        before = after;
    }
    Ok(Ok((length, replacements)))
}

fn pass(pending: Pending, replacements: &[Passed], writer: Writer) -> Brought {
    let mut brought = Brought {
        over: pending.clone(),
        beside: pending,
        touched: Vec::new(),
    };
    for passed in replacements {
        let touches = brought.beside.pass(passed.replacement);
        let is_other = passed.writer != writer;
        brought.over.pass_over(passed.replacement, is_other);
        if touches && is_other {
            brought.touched.push(passed.version);
        }
    }
    brought
}

/// For a resolution: the edits of a record that waits, brought to the present text and put over what
/// is there.
pub(super) fn edits_over(
    situation: &Situation<'_>,
    waiting: &Record,
) -> Result<Result<Pending, Need>, Refusal> {
    let Change::Operation(Operation::Text {
        target: None,
        edits,
    }) = &waiting.change
    else {
        return Err(EditError::Impossible("the operation edits no text".to_owned()).into());
    };
    let brought = situation.bring(waiting, edits)?;
    Ok(brought.map(|brought| brought.over))
}
