//! What subscribers were told against the log: everything, once, in order, and as it is.

use aetherflow_api::statesync::v1 as wire;

use super::calls::became;
use super::{Findings, Rule};
use crate::history::{Event, History, Told};

pub(super) fn check(history: &History, findings: &mut Findings<'_>) {
    for told in &history.told {
        check_one(history, told, findings);
    }
}

fn check_one(history: &History, told: &Told, findings: &mut Findings<'_>) {
    let user = &told.user;
    // What the subscriber has been told of; before the content or the beginning, nothing.
    let mut known = 0;
    for event in &told.events {
        match event {
            // It asks for what it lacks, so this is about the recorder.
            Event::Began { from, .. } => known = from.unwrap_or(known),
            Event::Operation {
                version, operation, ..
            } => {
                let (found, due) = (operation.version, known + 1);
                if found > due {
                    findings.add(
                        Rule::Gap,
                        format_args!("{user} was told {found} where {due} is due"),
                    );
                }
                if found < due {
                    let again = format_args!("{user} was told {found} again, having {known}");
                    findings.add(Rule::ToldTwice, again);
                }
                if *version != found {
                    let other = format_args!("{user}: the event of {found} says {version}");
                    findings.add(Rule::OtherEvent, other);
                }
                check_operation(history, user, operation, findings);
                known = known.max(found);
            }
            Event::Content { version, .. } => {
                if *version < known {
                    let back =
                        format_args!("{user} was told the content of {version}, having {known}");
                    findings.add(Rule::ToldTwice, back);
                }
                known = *version;
            }
            Event::Broken { reason, .. } => {
                findings.add(Rule::OtherEvent, format_args!("{user}: {reason}"));
            }
            Event::Ended { reason, .. } => {
                if NO_ENDS.contains(&reason.as_str()) {
                    let refused = format_args!("the subscription of {user} ended: {reason}");
                    findings.add(Rule::UnexpectedAnswer, refused);
                }
            }
        }
    }
    let newest = history.log.last().map_or(0, |entry| entry.version);
    if known < newest {
        let (user, known) = (&told.user, known);
        findings.add(
            Rule::Gap,
            format_args!("{user} was told up to {known} of {newest}"),
        );
    }
}

fn check_operation(
    history: &History,
    user: &str,
    operation: &wire::Operation,
    findings: &mut Findings<'_>,
) {
    let version = operation.version;
    let index = version.checked_sub(1).and_then(|it| it.try_into().ok());
    let Some(entry) = index.and_then(|index: usize| history.log.get(index)) else {
        let beyond = format_args!("{user} was told {version}, which the log does not have");
        return findings.add(Rule::OtherEvent, beyond);
    };
    // A conflict may have been settled since.
    let as_now = wire::Operation {
        status: entry.status,
        ..operation.clone()
    };
    if as_now != *entry || !became(operation.status(), entry.status()) {
        findings.add(
            Rule::OtherEvent,
            format_args!("{user} was told {operation:?}, and the log has {entry:?}"),
        );
    }
}

/// How no subscription of this work may end: a version that somebody was told is there, all of the log is
/// kept, and everybody may read.
const NO_ENDS: [&str; 6] = [
    "NOT_YET",
    "VERSION_GONE",
    "NOT_FOUND",
    "FORBIDDEN",
    "INTERNAL",
    "DAMAGED",
];
