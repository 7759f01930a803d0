//! How conflicts are settled: the three policies of every document, and those of the application.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::conflict::{Disagreement, PolicyName};
use crate::document::Document;
use crate::identity::UserId;
use crate::record::Record;
use crate::value::{FieldName, Value, Write};

/// Settles conflicts. A policy is a function of what it is shown: the same case gives the same verdict,
/// in every process.
pub trait Policy: Send + Sync + 'static {
    /// What becomes of one disagreement.
    fn settle(&self, case: &Case<'_>) -> Verdict;
}

/// One disagreement.
#[derive(Debug)]
#[non_exhaustive]
pub struct Case<'a> {
    /// Where.
    pub document: &'a Document,
    /// About what.
    pub about: &'a Disagreement,
    /// The operations that the later one had not seen, and that touch the same, in the order of the
    /// log. At least one.
    pub earlier: &'a [Arc<Record>],
    /// The one that comes now.
    pub later: &'a Record,
    /// What a field holds now; `None` when it is empty, or something else is disputed.
    pub present: Option<&'a Value>,
    /// What the later operation wants to do to the field.
    pub write: Option<&'a Write>,
}

/// How a disagreement is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The later operation is carried out, over the earlier.
    Later,
    /// What is there stays.
    Earlier,
    /// Both are carried out: text stays side by side. Of a field, the same as [`Verdict::Later`].
    Both,
    /// The field gets another value.
    Write(Write),
    /// Somebody has to decide; until then the later operation waits, all of it.
    Wait,
}

/// The policies that a process knows, by name.
#[derive(Clone, Default)]
pub struct Policies(HashMap<String, Arc<dyn Policy>>);

impl Policies {
    /// Adds a policy of the application. Documents name it by [`PolicyName::Custom`]; every process
    /// that serves them must know it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, policy: impl Policy) -> Self {
        self.0.insert(name.into(), Arc::new(policy));
        self
    }

    /// Whether documents may have this policy here.
    #[must_use]
    pub fn knows(&self, name: &PolicyName) -> bool {
        match name {
            PolicyName::Custom(name) => self.0.contains_key(name),
            _ => true,
        }
    }

    /// How the policy of this name settles it; one that nobody knows makes people decide.
    pub(crate) fn settle(&self, name: &PolicyName, case: &Case<'_>) -> Verdict {
        match name {
            PolicyName::Lww => Verdict::Later,
            PolicyName::Manual => Verdict::Wait,
            PolicyName::Merge => merge(case),
            PolicyName::Custom(name) => self
                .0
                .get(name)
                .map_or(Verdict::Wait, |policy| policy.settle(case)),
        }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Both survive where they can. Whoever takes an object away had not seen what was done to it.
fn merge(case: &Case<'_>) -> Verdict {
    match case.about {
        Disagreement::Object(_) => Verdict::Earlier,
        Disagreement::Text => Verdict::Both,
        Disagreement::Field(..) => Verdict::Later,
    }
}

/// Users in the order of their word: where two of them disagree, the one that is named first holds,
/// and anybody who is named before anybody who is not. Among equals the later one.
#[derive(Clone, Debug, Default)]
pub struct UserPriority(Vec<UserId>);

impl UserPriority {
    /// These users, the one with the last word first.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = UserId>) -> Self {
        Self(users.into_iter().collect())
    }

    fn rank(&self, record: &Record) -> usize {
        let user = &record.author.user_id;
        let rank = self.0.iter().position(|named| named == user);
        rank.unwrap_or(self.0.len())
    }
}

impl Policy for UserPriority {
    fn settle(&self, case: &Case<'_>) -> Verdict {
        let earlier = case.earlier.iter().map(|record| self.rank(record)).min();
        if earlier.is_some_and(|earlier| earlier < self.rank(case.later)) {
            Verdict::Earlier
        } else {
            Verdict::Later
        }
    }
}

/// Each user's last write of a field is a vote for its value: the value with most votes holds, and the
/// one that is there until another has more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vote;

impl Policy for Vote {
    fn settle(&self, case: &Case<'_>) -> Verdict {
        let (Disagreement::Field(_, field), Some(asked)) = (case.about, case.write) else {
            return Verdict::Earlier;
        };
        let mut votes: BTreeMap<&UserId, Write> = BTreeMap::new();
        for record in case.earlier {
            if let Some(write) = record.write_of(case.about) {
                votes.insert(&record.author.user_id, write);
            }
        }
        votes.insert(&case.later.author.user_id, asked.clone());
        let count = |wanted: &Write| votes.values().filter(|vote| *vote == wanted).count();
        let present = case.present.map(|value| Write::Set(value.clone()));
        let present = present.unwrap_or(Write::Clear);
        let mut best = present.clone();
        for vote in votes.values() {
            if count(vote) > count(&best) {
                best = vote.clone();
            }
        }
        tracing::trace!(%field, votes = votes.len(), "voted");
        match best {
            best if best == present => Verdict::Earlier,
            best if best == *asked => Verdict::Later,
            best => Verdict::Write(best),
        }
    }
}

/// A rule for each field: what becomes of two values. Fields without a rule take the later one.
#[derive(Clone, Debug, Default)]
pub struct FieldWise(BTreeMap<FieldName, FieldRule>);

/// What becomes of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldRule {
    /// The earlier one stays.
    Earlier,
    /// The later one holds.
    Later,
    /// The smaller number.
    Smaller,
    /// The larger number.
    Larger,
    /// The mean of two numbers.
    Mean,
    /// The longer text.
    Longer,
    /// Somebody decides.
    Ask,
}

impl FieldWise {
    /// Adds a rule.
    #[must_use]
    pub fn with(mut self, field: FieldName, rule: FieldRule) -> Self {
        self.0.insert(field, rule);
        self
    }
}

impl Policy for FieldWise {
    fn settle(&self, case: &Case<'_>) -> Verdict {
        let Disagreement::Field(_, field) = case.about else {
            return merge(case);
        };
        let rule = self.0.get(field).copied().unwrap_or(FieldRule::Later);
        let (Some(present), Some(Write::Set(asked))) = (case.present, case.write) else {
            return if rule == FieldRule::Ask {
                Verdict::Wait
            } else {
                Verdict::Later
            };
        };
        rule.settle(present, asked)
    }
}

impl FieldRule {
    fn settle(self, present: &Value, asked: &Value) -> Verdict {
        let numbers = || Some((number(present)?, number(asked)?));
        let later_if = |holds: bool| {
            if holds {
                Verdict::Later
            } else {
                Verdict::Earlier
            }
        };
        match self {
            Self::Earlier => Verdict::Earlier,
            Self::Later => Verdict::Later,
            Self::Ask => Verdict::Wait,
            Self::Smaller => numbers().map_or(Verdict::Later, |(one, other)| later_if(other < one)),
            Self::Larger => numbers().map_or(Verdict::Later, |(one, other)| later_if(other > one)),
            Self::Mean => numbers().map_or(Verdict::Later, |(one, other)| {
                Verdict::Write(Write::Set(Value::Number(f64::midpoint(one, other))))
            }),
            Self::Longer => later_if(asked.weight() > present.weight()),
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}
