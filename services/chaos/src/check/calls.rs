//! Answers against the log: nothing lost, nothing twice, nothing in another order.

use std::collections::{HashMap, HashSet};

use aetherflow_api::statesync::v1 as wire;
use wire::OperationStatus as Status;

use super::{Findings, Log, Rule};
use crate::history::{Answer, Call, Event, History};

pub(super) fn check(history: &History, log: &Log<'_>, findings: &mut Findings<'_>) {
    check_numbers(history, findings);
    for call in &history.calls {
        check_answers(call, log, findings);
    }
    for entry in &history.log {
        check_entry(history, entry, log, findings);
    }
    check_order(history, log, findings);
}

/// Versions are contiguous, names are there once.
fn check_numbers(history: &History, findings: &mut Findings<'_>) {
    let mut names = HashSet::new();
    for (expected, entry) in (1..).zip(&history.log) {
        if entry.version != expected {
            let found = entry.version;
            findings.add(
                Rule::NotContiguous,
                format_args!("version {found} where {expected} is due"),
            );
        }
        if !names.insert(&entry.id) {
            let (id, version) = (&entry.id, entry.version);
            findings.add(
                Rule::Twice,
                format_args!("operation {id} is in the log again at version {version}"),
            );
        }
    }
}

fn check_answers(call: &Call, log: &Log<'_>, findings: &mut Findings<'_>) {
    let id = &call.operation;
    let mut is_known = false;
    for attempt in &call.attempts {
        match &attempt.answer {
            Answer::Accepted {
                version,
                named,
                status,
            } => {
                is_known = true;
                let Some(entry) = log.entry(call) else {
                    findings.add(
                        Rule::Lost,
                        format_args!("operation {id} was acknowledged at version {version}"),
                    );
                    continue;
                };
                let same = if *named {
                    entry.version == *version && became(*status, entry.status())
                } else {
                    entry.version <= *version
                };
                if !same {
                    let (told, has) = (attempt, (entry.version, entry.status()));
                    findings.add(
                        Rule::OtherAnswer,
                        format_args!("operation {id}: {told:?}, and the log has {has:?}"),
                    );
                }
            }
            Answer::Refused(reason) => {
                is_known = true;
                if !REFUSALS.contains(&reason.as_str()) {
                    findings.add(
                        Rule::UnexpectedAnswer,
                        format_args!("operation {id}: {reason}"),
                    );
                }
            }
            Answer::TurnedAway(_) | Answer::Unknown(_) => {}
        }
    }
    if !is_known {
        let last = call.attempts.last();
        findings.add(
            Rule::NeverAnswered,
            format_args!("operation {id}: {last:?}"),
        );
    }
}

/// Whether one that had this status can have that one later.
pub(super) fn became(told: Status, has: Status) -> bool {
    let settled = matches!(has, Status::Resolved | Status::Rejected);
    told == has || (told == Status::Conflict && settled)
}

/// An entry of the log is what somebody asked for.
fn check_entry(
    history: &History,
    entry: &wire::Operation,
    log: &Log<'_>,
    findings: &mut Findings<'_>,
) {
    if entry.version <= history.setup {
        return;
    }
    let (id, version) = (&entry.id, entry.version);
    let Some(call) = log.call(entry) else {
        let uninvited = format_args!("nobody asked for operation {id} at version {version}");
        return findings.add(Rule::Uninvited, uninvited);
    };
    // An attempt without an answer may have put it there; refused ones did not.
    let open = |answer: &Answer| !matches!(answer, Answer::Refused(_) | Answer::TurnedAway(_));
    if !call.attempts.iter().any(|attempt| open(&attempt.answer)) {
        findings.add(
            Rule::Uninvited,
            format_args!("operation {id} was refused, and is in the log at version {version}"),
        );
    }
    let same = entry.data.as_ref() == Some(&call.data)
        && entry.user_id == call.user
        && entry.session_id == call.session
        && entry.fence == call.fence;
    if !same {
        findings.add(
            Rule::OtherOperation,
            format_args!("asked for {call:?}, and the log has {entry:?}"),
        );
    }
}

/// Whoever asks for something after something else was acknowledged, or told to anybody, comes after it.
fn check_order(history: &History, log: &Log<'_>, findings: &mut Findings<'_>) {
    let known = known_since(history);
    // Of all later versions, the one that was known first.
    let mut first: Option<(u64, u64)> = None;
    for entry in history.log.iter().rev() {
        let asked = log.call(entry).and_then(|call| call.asked());
        if let (Some(asked), Some((number, later))) = (asked, first)
            && number < asked.number
        {
            let (id, version) = (&entry.id, entry.version);
            findings.add(
                Rule::Reordered,
                format_args!(
                    "operation {id} at version {version} was asked for after version {later} was known"
                ),
            );
        }
        if let Some(&number) = known.get(&entry.version)
            && first.is_none_or(|(earliest, _)| number < earliest)
        {
            first = Some((number, entry.version));
        }
    }
}

/// When each version was first known to somebody.
fn known_since(history: &History) -> HashMap<u64, u64> {
    let mut known: HashMap<u64, u64> = HashMap::new();
    let mut learn = |version: u64, number: u64| {
        let first = known.entry(version).or_insert(number);
        *first = number.min(*first);
    };
    for call in &history.calls {
        for attempt in &call.attempts {
            if let Answer::Accepted { version, .. } = attempt.answer {
                learn(version, attempt.answered.number);
            }
        }
    }
    for event in history.told.iter().flat_map(|told| &told.events) {
        if let Event::Operation { at, version, .. } | Event::Content { at, version, .. } = event {
            learn(*version, at.number);
        }
    }
    known
}

/// Why an operation of this work may be refused: somebody else has the lock, the lock is over, somebody
/// else settled the conflict, conflicts are too many, the object is gone.
const REFUSALS: [&str; 5] = [
    "LOCKED",
    "FENCED",
    "NO_OPEN_CONFLICT",
    "TOO_MANY_CONFLICTS",
    "INVALID data",
];
