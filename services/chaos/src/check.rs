//! Whether a history can have happened if the service keeps what it promises.
//!
//! A pure function over what was recorded. It knows nothing of how the service works: it compares what
//! clients were told with the log, replays the log, and hashes the audit log by its own means.

mod audit;
mod calls;
mod content;
mod fences;
mod subscribers;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use aetherflow_api::statesync::v1 as wire;

use crate::history::{Call, History};

/// What is promised, and was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// What was acknowledged is in the log.
    Lost,
    /// An operation is in the log once.
    Twice,
    /// An operation does once what it does.
    Doubled,
    /// The answer tells the version and status that the log has.
    OtherAnswer,
    /// The log has what was asked for, and names who asked.
    OtherOperation,
    /// What was acknowledged or told before something else was asked for is before it in the log.
    Reordered,
    /// Versions follow each other without a hole.
    NotContiguous,
    /// Only what somebody asked for is in the log, and nothing that was refused.
    Uninvited,
    /// Answers are those that this work can have.
    UnexpectedAnswer,
    /// In the end it is known what became of every operation.
    NeverAnswered,
    /// A subscriber is told every operation.
    Gap,
    /// A subscriber is told every operation once.
    ToldTwice,
    /// A subscriber is told operations as the log has them.
    OtherEvent,
    /// Contents are what the log adds up to: of subscribers, of replicas, of resyncs.
    Diverged,
    /// Who has lost a lock cannot write under it, and nobody writes where somebody else has one.
    Fenced,
    /// Two do not hold a lock on the same at one time.
    HeldByTwo,
    /// The audit log is a chain about the log.
    AuditBroken,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    about: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.rule, self.about)
    }
}

/// Everything that is wrong with the history of one document.
pub(crate) fn check(history: &History) -> Vec<Finding> {
    let mut findings = Findings {
        doc_id: &history.doc_id,
        found: Vec::new(),
    };
    let log = Log::of(history);
    calls::check(history, &log, &mut findings);
    subscribers::check(history, &mut findings);
    content::check(history, &mut findings);
    fences::check(history, &log, &mut findings);
    audit::check(history, &mut findings);
    findings.found
}

struct Findings<'a> {
    doc_id: &'a str,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: Rule, about: impl fmt::Display) {
        let about = format!("{about} (document {})", self.doc_id);
        self.found.push(Finding { rule, about });
    }
}

/// The log, by the names of its operations, and who asked for them.
struct Log<'a> {
    entries: HashMap<&'a str, &'a wire::Operation>,
    calls: HashMap<&'a str, &'a Call>,
}

impl<'a> Log<'a> {
    fn of(history: &'a History) -> Self {
        // Of one that is there twice, the first.
        let entries = history.log.iter().rev();
        let calls = history.calls.iter();
        Self {
            entries: entries.map(|entry| (entry.id.as_str(), entry)).collect(),
            calls: calls.map(|call| (call.operation.as_str(), call)).collect(),
        }
    }

    fn entry(&self, call: &Call) -> Option<&'a wire::Operation> {
        self.entries.get(call.operation.as_str()).copied()
    }

    fn call(&self, entry: &wire::Operation) -> Option<&'a Call> {
        self.calls.get(entry.id.as_str()).copied()
    }
}
