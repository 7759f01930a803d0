//! House rules that no compiler knows, checked on every file that git tracks or would track.

use std::collections::BTreeSet;

use super::links;
use super::stage::{Outcome, Stage};
use crate::command::{Job, command};
use crate::failure::{Failure, While};
use crate::project::Project;
use crate::terminal::count;

/// Checks all files; says how many there were.
///
/// # Errors
///
/// If a rule is broken: the findings are in the log.
pub(crate) fn check(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let files = files(stage.project, &mut stage.job)?;
    let home = std::env::var("HOME").unwrap_or_default();
    let root = stage.project.root().display().to_string();
    let own_places = [root, home].map(|folder| format!("{}/", folder.trim_end_matches('/')));
    let own_places: Vec<String> = own_places
        .into_iter()
        .filter(|place| place != "/")
        .collect();

    let mut findings = top_level(&files);
    for path in &files {
        let bytes = std::fs::read(stage.project.root().join(path))
            .while_doing(|| format!("cannot read {path}"))?;
        findings.extend(name(path));
        // What is not text has no lines to check.
        if let Some(text) = String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'))
        {
            findings.extend(content(path, &text, &own_places));
            if has_kind(path, &["md"]) {
                findings.extend(links::check(path, &text, &files));
            }
        }
    }
    for finding in &findings {
        stage.job.note(finding);
    }
    match findings.len() {
        0 => Ok(Outcome::noted(count(files.len(), "file"))),
        broken => Err(Failure::new(format!(
            "house rules: {}",
            count(broken, "finding")
        ))),
    }
}

/// Paths relative to the root, `/` between their parts.
fn files(project: &Project, job: &mut Job) -> Result<BTreeSet<String>, Failure> {
    let mut git = command("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(project.root());
    let listed = job.capture(git)?;
    let files = listed.split('\0').filter(|path| !path.is_empty());
    // Deleted but not committed yet: git still lists it.
    let files = files.filter(|path| project.root().join(path).is_file());
    Ok(files.map(str::to_owned).collect())
}

/// The top level has the entries that the layout gives it, and dotfiles.
fn top_level(files: &BTreeSet<String>) -> Vec<String> {
    let entries: BTreeSet<&str> = files
        .iter()
        .filter_map(|path| path.split('/').next())
        .collect();
    let strays = entries
        .into_iter()
        .filter(|entry| !entry.starts_with('.') && !TOP_LEVEL.contains(entry));
    strays
        .map(|entry| format!("{entry}: not an entry of the top level"))
        .collect()
}

fn name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    if file == "mod.rs" {
        return Some(format!("{path}: a module is `name.rs` beside `name/`"));
    }
    let stem = file.split('.').next().unwrap_or(file);
    let says_nothing = is_source(path) && NAMES_THAT_SAY_NOTHING.contains(&stem);
    says_nothing.then(|| format!("{path}: the name does not say what is in it"))
}

fn content(path: &str, text: &str, own_places: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let lock_file = path.ends_with("Cargo.lock") || path.ends_with("package-lock.json");
    let mut in_foreign_words = false;
    for (index, line) in text.lines().enumerate() {
        let mut find = |what: &str| findings.push(format!("{path}:{}: {what}", index + 1));
        if lock_file {
            if let Some(source) = foreign_source(line) {
                find(&format!(
                    "fetched from {source}, which others may not reach"
                ));
            }
            continue;
        }
        if let Some(place) = machine_path(line, own_places) {
            find(&format!("names a place of one machine: {place}"));
        }
        if is_source(path) {
            if let Some(mark) = unfinished(line) {
                find(&format!("{mark}: finish it, or open an issue"));
            }
            if is_web_test(path) && line.contains(concat!(".on", "ly(")) {
                find("runs one test and hides the others");
            }
        }
        if has_kind(path, &["rs"]) {
            if !line.is_ascii() {
                find("not ASCII: write it as \\u{...}");
            }
            // Who keeps to somebody else's trait keeps its names.
            in_foreign_words = is_of_trait(line, in_foreign_words);
            if let Some(prefix) = empty_verb(line).filter(|_| !in_foreign_words) {
                find(&format!("`{prefix}` in a function's name says nothing"));
            }
        }
    }
    let lines = lines_without_tests(text);
    if has_kind(path, &["rs"]) && !is_rust_test(path) && lines > LINES_MAX {
        findings.push(format!("{path}: {lines} lines, more than {LINES_MAX}"));
    }
    findings
}

/// A mark of something left undone.
fn unfinished(line: &str) -> Option<&'static str> {
    let whole_word = |mark: &str| {
        line.match_indices(mark).any(|(at, _)| {
            let part = |c: char| c.is_alphanumeric() || c == '_';
            !line[..at].ends_with(part) && !line[at + mark.len()..].starts_with(part)
        })
    };
    if let Some(mark) = UNFINISHED_WORDS.iter().find(|mark| whole_word(mark)) {
        return Some(mark);
    }
    UNFINISHED_CODE
        .iter()
        .find(|mark| line.contains(**mark))
        .copied()
}

/// A path that only exists on the machine of whoever wrote it.
fn machine_path<'a>(line: &'a str, own_places: &[String]) -> Option<&'a str> {
    // `../shared/x`, `$HOME/x` and `https://host/x` are no absolute paths.
    let part_of_longer = |c: char| c.is_alphanumeric() || "._-}~*".contains(c);
    let folders = MACHINE_FOLDERS
        .iter()
        .copied()
        .chain(own_places.iter().map(String::as_str));
    folders
        .filter_map(|folder| {
            let mut places = line.match_indices(folder);
            let (at, _) = places.find(|(at, _)| !line[..*at].ends_with(part_of_longer))?;
            let end = line[at..].find(|c: char| c.is_whitespace() || "\"'`)>,".contains(c));
            Some(&line[at..][..end.unwrap_or(line.len() - at)])
        })
        .next()
}

/// The address of a package in a lock file, if it is not one that everybody has.
fn foreign_source(line: &str) -> Option<&str> {
    let line = line.trim().trim_end_matches(',');
    let source = line
        .strip_prefix("source = ")
        .or_else(|| line.strip_prefix("\"resolved\": "))?
        .trim_matches('"');
    let known = PUBLIC_SOURCES
        .iter()
        .any(|prefix| source.starts_with(prefix));
    // npm writes a package of this work tree as a relative path.
    (!known && source.contains("://")).then_some(source)
}

fn empty_verb(line: &str) -> Option<&'static str> {
    let (before, after) = line.split_once("fn ")?;
    let declares = before.trim_start().split(' ').all(|word| {
        word.is_empty() || word.starts_with("pub") || matches!(word, "async" | "const" | "unsafe")
    });
    EMPTY_VERBS
        .iter()
        .find(|verb| declares && after.starts_with(**verb))
        .copied()
}

/// Whether a line, as rustfmt writes it, belongs to the implementation of a trait; `before`: the one before.
fn is_of_trait(line: &str, before: bool) -> bool {
    if line.starts_with("impl") {
        line.contains(" for ") && !line.ends_with('}')
    } else {
        before && line != "}"
    }
}

/// Lines before the unit tests of the same file.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    tests.unwrap_or(lines.len())
}

fn is_rust_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn is_web_test(path: &str) -> bool {
    [".test.", ".spec."].iter().any(|mark| path.contains(mark))
}

fn is_source(path: &str) -> bool {
    has_kind(path, SOURCE_KINDS) || path == ".ci/run"
}

fn has_kind(path: &str, kinds: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, kind)| kinds.contains(&kind))
}

const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "bindings",
    "docs",
    "guuid",
    "quantum",
    "services",
    "session-core",
    "statesync-core",
];

/// Longer files are hard to find one's way in; tests are read one at a time.
const LINES_MAX: usize = 500;

const SOURCE_KINDS: &[&str] = &[
    "cjs", "css", "html", "js", "mjs", "proto", "py", "rs", "sh", "sql", "toml", "ts", "tsx",
    "yaml", "yml",
];

// In two halves each, so that this file does not find itself.
const UNFINISHED_WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
const UNFINISHED_CODE: &[&str] = &[concat!("to", "do!"), concat!("#[ign", "ore")];
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

const NAMES_THAT_SAY_NOTHING: &[&str] = &[
    "common",
    "helper",
    "helpers",
    "misc",
    "util",
    "utils",
    "utilities",
];
const EMPTY_VERBS: &[&str] = &["get_", "do_"];

const PUBLIC_SOURCES: &[&str] = &[
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
    "https://registry.npmjs.org/",
];

#[cfg(test)]
mod tests;
