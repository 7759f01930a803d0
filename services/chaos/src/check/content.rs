//! Contents: the log replayed gives what everybody has, and each operation did once what it does.

use std::collections::{BTreeMap, BTreeSet};

use aetherflow_api::statesync::v1 as wire;
use wire::operation_data::Kind;
use wire::value::Kind as Value;
use wire::write::Kind as Write;

use super::{Findings, Rule};
use crate::history::{Event, History};
use crate::mirror::{Board, Mirror};

pub(super) fn check(history: &History, findings: &mut Findings<'_>) {
    let mut claims: BTreeMap<u64, Vec<Claim<'_>>> = BTreeMap::new();
    for claim in claims_of(history) {
        claims.entry(claim.version).or_default().push(claim);
    }
    let mut mirror = Mirror::default();
    for entry in &history.log {
        if let Err(error) = mirror.take(entry) {
            let version = entry.version;
            findings.add(
                Rule::Diverged,
                format_args!("version {version} cannot be replayed: {error}"),
            );
        }
        for claim in claims.remove(&entry.version).into_iter().flatten() {
            compare(&claim, &mirror.board(), findings);
        }
    }
    // Versions that the log does not have.
    for claim in claims.into_values().flatten() {
        if claim.version > 0 || *claim.board != Board::default() {
            let (who, version) = (&claim.who, claim.version);
            let none = format_args!("{who} has version {version}, which the log does not have");
            findings.add(Rule::Diverged, none);
        }
    }
    check_ends(history, findings);
    check_words(history, &mirror, findings);
    check_counters(history, &mirror, findings);
}

/// Somebody says that this is the content at a version.
struct Claim<'a> {
    who: String,
    version: u64,
    board: &'a Board,
}

fn claims_of(history: &History) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for reading in &history.readings {
        claims.push(Claim {
            who: format!("replica {}", reading.replica),
            version: reading.version,
            board: &reading.board,
        });
    }
    for told in &history.told {
        claims.push(Claim {
            who: format!("{} in the end", told.user),
            version: told.version,
            board: &told.board,
        });
        for event in &told.events {
            if let Event::Content { version, board, .. } = event {
                claims.push(Claim {
                    who: format!("{} after a resync", told.user),
                    version: *version,
                    board,
                });
            }
        }
    }
    claims
}

fn compare(claim: &Claim<'_>, board: &Board, findings: &mut Findings<'_>) {
    if claim.board != board {
        let (who, version, has) = (&claim.who, claim.version, claim.board);
        findings.add(
            Rule::Diverged,
            format_args!("{who} has at version {version} {has:?}; the log adds up to {board:?}"),
        );
    }
}

/// Everybody is at the newest version.
fn check_ends(history: &History, findings: &mut Findings<'_>) {
    let newest = history.log.last().map_or(0, |entry| entry.version);
    let readings = history.readings.iter();
    let readings = readings.map(|it| (format!("replica {}", it.replica), it.version));
    let told = history.told.iter().map(|it| (it.user.clone(), it.version));
    for (who, version) in readings.chain(told) {
        if version != newest {
            let behind = format_args!("{who} is at version {version}, the log at {newest}");
            findings.add(Rule::Diverged, behind);
        }
    }
}

/// The word of each operation in the log is in the texts once, those of others are not.
fn check_words(history: &History, mirror: &Mirror, findings: &mut Findings<'_>) {
    let board = mirror.board();
    let texts = board
        .objects
        .values()
        .flat_map(|shape| shape.fields.values());
    let texts = texts.filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let all: String = texts.chain([board.text.as_str()]).collect();
    let logged: BTreeSet<&str> = history.log.iter().map(|entry| entry.id.as_str()).collect();
    for call in &history.calls {
        let Some(word) = &call.word else { continue };
        let expected = usize::from(logged.contains(call.operation.as_str()));
        let found = all.matches(word.as_str()).count();
        if found != expected {
            let id = &call.operation;
            findings.add(
                Rule::Doubled,
                format_args!(
                    "{word} of operation {id} is in the text {found} times, not {expected}"
                ),
            );
        }
    }
}

/// Counters have come to the sum of what was added, sets to all words.
fn check_counters(history: &History, mirror: &Mirror, findings: &mut Findings<'_>) {
    let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut sets: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for entry in &history.log {
        let data = entry.data.as_ref().and_then(|data| data.kind.as_ref());
        let Some(Kind::Update(update)) = data else {
            continue;
        };
        for (field, write) in &update.writes {
            let key = (update.object_id.as_str(), field.as_str());
            match &write.kind {
                Some(Write::Add(number)) => *sums.entry(key).or_default() += number,
                Some(Write::Unite(unite)) => {
                    let words = unite.add.iter().map(String::as_str);
                    sets.entry(key).or_default().extend(words);
                }
                _ => {}
            }
        }
    }
    for ((object, field), sum) in sums {
        let found = mirror.field(object, field);
        if found != Some(&Value::Integer(sum)) {
            let sums_to = format_args!("{object}.{field} is {found:?}, and {sum} was added");
            findings.add(Rule::Doubled, sums_to);
        }
    }
    for ((object, field), words) in sets {
        let words = words.into_iter().map(str::to_owned).collect();
        let expected = Value::Set(wire::WordSet { words });
        let found = mirror.field(object, field);
        if found != Some(&expected) {
            let unites = format_args!("{object}.{field} is {found:?}, not {expected:?}");
            findings.add(Rule::Doubled, unites);
        }
    }
}
