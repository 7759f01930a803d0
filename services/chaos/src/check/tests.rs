//! A checker that cannot fail is worth nothing: each kind of fault is put into a history that is right,
//! and has to be found.

mod corrupted;
mod sample;

use super::{Rule, check};
use crate::history::History;

/// Whether the checker finds this in the history.
#[track_caller]
fn assert_finds(rule: Rule, history: &History) {
    let findings = check(history);
    let found = findings.iter().any(|finding| finding.rule == rule);
    assert!(found, "{rule:?} was not found; found were {findings:#?}");
}

#[track_caller]
fn assert_is_right(history: &History) {
    assert_eq!(check(history), []);
}
