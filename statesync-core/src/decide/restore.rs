//! Returns to an earlier version, as a new one.

use std::collections::BTreeSet;

use super::objects::impossible;
use super::{Accepting, Decision, Need, Refusal, Situation, broken};
use crate::content::Content;
use crate::error::EditError;
use crate::identity::Version;
use crate::objects::{Objects, Stamp};
use crate::record::{Effect, Record};
use crate::value::{Step, Write};

impl Situation<'_> {
    pub(super) fn decide_restore(
        self,
        draft: &mut Record,
        version: Version,
    ) -> Result<Decision, Refusal> {
        let current = self.document.version;
        if version > current {
            return Err(EditError::Invalid {
                field: "version",
                reason: format!("the document is at version {current}, not yet at {version}"),
            }
            .into());
        }
        let earlier = self
            .evidence
            .earlier
            .as_ref()
            .filter(|(at, _)| *at == version);
        let Some((_, earlier)) = earlier else {
            return Ok(Decision::Needs(Need::ContentAt(version)));
        };
        let kind = self.document.kind;
        match (self.content, earlier) {
            (Content::Yjs(content), Content::Yjs(earlier)) => {
                let update = content.become_like(kind, earlier).map_err(broken)?;
                draft.effect = Effect::Yjs(update);
            }
            (Content::Objects(objects), Content::Objects(earlier)) => {
                let steps = difference(objects, earlier);
                draft.effect = Effect::Objects(steps.clone());
                objects.apply(steps, Stamp::of(draft)).map_err(broken)?;
            }
            _ => return Err(impossible("the earlier version is of another type").into()),
        }
        Ok(Decision::Append(Accepting::default()))
    }
}

/// The steps from one state to another. A shared text that differs is made anew.
fn difference(present: &Objects, wanted: &Objects) -> Vec<Step> {
    let mut steps = Vec::new();
    for (id, object) in present.iter() {
        if wanted
            .get(id)
            .is_none_or(|wanted| wanted.kind != object.kind)
        {
            steps.push(Step::Delete(id.clone()));
        }
    }
    for (id, object) in wanted.iter() {
        let known = present.get(id).filter(|known| known.kind == object.kind);
        if known.is_none() {
            steps.push(Step::Create(id.clone(), object.kind.clone()));
        }
        let names = object
            .field_names()
            .chain(known.into_iter().flat_map(|known| known.field_names()));
        for name in names.collect::<BTreeSet<_>>() {
            let before = known.and_then(|known| known.value(name));
            match (object.text(name), object.value(name)) {
                (Some(text), _) => {
                    let same = known.and_then(|known| known.text(name));
                    if same.is_none_or(|same| same.snapshot() != text.snapshot()) {
                        steps.push(Step::Write(id.clone(), name.clone(), Write::Clear));
                        steps.push(Step::Text(id.clone(), name.clone(), text.snapshot()));
                    }
                }
                (None, Some(value)) if before != Some(value) => {
                    let write = Write::Set(value.clone());
                    steps.push(Step::Write(id.clone(), name.clone(), write));
                }
                (None, None) if known.is_some_and(|known| known.holds(name)) => {
                    steps.push(Step::Write(id.clone(), name.clone(), Write::Clear));
                }
                _ => {}
            }
        }
    }
    steps
}
