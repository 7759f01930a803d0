//! What to show of the log of a step that failed: where somebody sees no more than the console, what the failing
//! tests said themselves comes before what happened to come last.

use std::path::Path;

use crate::terminal::without_colours;

/// Lines of what failing tests said, all of them together.
const SAID_MAX: usize = 150;
/// Lines of one failing test that are shown however many there are.
const EACH_MIN: usize = 12;
/// Lines from the end of the log where nothing else is shown.
const LAST_MAX: usize = 60;
/// And where something is.
const LAST_MIN: usize = 15;
/// Lines before the one that says that a program died.
const BEFORE_DEATH: usize = 10;

/// The lines to show of the log in this file.
pub(super) fn of_file(path: &Path) -> Vec<String> {
    match std::fs::read(path) {
        Ok(bytes) => of_log(&without_colours(&String::from_utf8_lossy(&bytes))),
        Err(error) => vec![format!("cannot read {}: {error}", path.display())],
    }
}

/// What failing tests said, in the order of the log, and its end.
fn of_log(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let said = failures(&lines);
    if said.is_empty() {
        return owned(last(&lines, LAST_MAX));
    }
    let mut shown = shortened(&said);
    shown.push(format!("the last {LAST_MIN} lines:"));
    shown.extend(owned(last(&lines, LAST_MIN)));
    shown
}

/// What each failing test said, each round of `cargo chaos` that failed, and what each program said last that
/// died of something else.
fn failures<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut inside = Inside::Nothing;
    for (at, &line) in lines.iter().enumerate() {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            inside = Inside::Test;
            found.push(Vec::new());
        } else if line.starts_with("  FAILED: ") {
            inside = Inside::Round;
            found.push(Vec::new());
        } else if inside.ends_at(line) {
            inside = Inside::Nothing;
        }
        if line
            .trim_start()
            .starts_with("process didn't exit successfully")
        {
            found.push(lines[at.saturating_sub(BEFORE_DEATH)..=at].to_vec());
        } else if inside != Inside::Nothing
            && let Some(current) = found.last_mut()
        {
            current.push(line);
        }
    }
    found.into_iter().map(without_backtrace).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// The output of a test, until the next one or the list of names.
    Test,
    /// What was wrong with a round, by its indentation.
    Round,
}

impl Inside {
    fn ends_at(self, line: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Test => line == "failures:" || line.starts_with("test result: "),
            Self::Round => !line.starts_with("  "),
        }
    }
}

/// The message of a panic says more than the way to it, which is long and in the log.
fn without_backtrace(said: Vec<&str>) -> Vec<&str> {
    let is_frame = |line: &str| {
        let line = line.trim_start();
        let number = line.split_once(": ").map(|(number, _)| number);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
            || line.starts_with("at ")
            || line == "stack backtrace:"
            || line.starts_with("note: ")
    };
    let mut frames = false;
    let mut kept: Vec<&str> = Vec::new();
    for line in said {
        frames = line == "stack backtrace:" || frames && is_frame(line);
        if !frames {
            kept.push(line);
        }
    }
    while kept.last().is_some_and(|line| line.trim().is_empty()) {
        kept.pop();
    }
    kept
}

/// No more than there is place for: the same number of lines of each, and the beginning of it.
fn shortened(said: &[Vec<&str>]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut waiting = said.len();
    for lines in said {
        let place = SAID_MAX.saturating_sub(shown.len());
        if place < 2 {
            shown.push(format!(".. and {waiting} more that failed"));
            break;
        }
        let place = (place / waiting).max(EACH_MIN).min(place);
        waiting -= 1;
        if lines.len() <= place {
            shown.extend(owned(lines));
        } else {
            shown.extend(owned(&lines[..place - 1]));
            shown.push(format!(".. and {} more lines", lines.len() + 1 - place));
        }
    }
    shown
}

fn last<'a, 'b>(lines: &'b [&'a str], count: usize) -> &'b [&'a str] {
    &lines[lines.len().saturating_sub(count)..]
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests;
