//! Medians and Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bench_report::{Facts, spread};
use serde::Serialize;

use crate::corruption::{self, Damage};
use crate::engine::Kind;
use crate::{append, document, reopen};

const ABOUT_APPENDS: &str = "
## Durable appends

One request is a 100-byte record and the document's new head; it is answered when both are on disk. Writers have one
request under way each and own 16 documents. A committer gathers what waits, writes one batch and syncs once. The
engines get the bare bytes; store-embedded gets real documents (authors, ids, checksums, a description). Median of
the rounds (least-most).

";

const ABOUT_DOCUMENTS: &str = "
## Documents

Load: the head, a 100 KiB snapshot and 1,000 records behind it, as one consistent whole. Compact: the snapshot
replaced and the 1,000 records removed, durably. List: 10,000 heads by pages of 50.

";

const ABOUT_REOPENING: &str = "\
In documents of 1,000, written in groups of 512 by a process that ends without closing the store; the next process opens it
and loads one document. redb is opened with its integrity check, without which it trusts the file.
";

const ABOUT_DAMAGE: &str = "
## Damaged files

A store of 64 documents is copied while it is open (journal) or after its rows were moved (table), one file is damaged
at a random place, and another process opens it and reads everything. How often which outcome. *Serves less*: documents
or records are missing without a word. *Serves wrong*: something that was never written.

";

/// Everything that one run measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) facts: Option<Facts>,
    pub(crate) appends: Vec<append::Sample>,
    pub(crate) sustained: Vec<append::Sample>,
    pub(crate) documents: Vec<document::Sample>,
    pub(crate) reopened: Vec<reopen::Sample>,
    pub(crate) damaged: Vec<corruption::Sample>,
}

/// All tables.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = String::from("# Embedded stores, side by side\n\n");
    let facts = results.facts.as_ref();
    text.push_str(&facts.map_or_else(String::new, Facts::lines));
    text.push_str(ABOUT_APPENDS);
    appends(&mut text, &results.appends);
    if !results.sustained.is_empty() {
        text.push_str("\n## The same for longer\n\n");
        appends(&mut text, &results.sustained);
    }
    documents(&mut text, &results.documents);
    reopened(&mut text, &results.reopened);
    damaged(&mut text, &results.damaged);
    text
}

fn appends(text: &mut String, samples: &[append::Sample]) {
    text.push_str("| store | writers | acknowledged/s | commits/s | p50 ms | p99 ms | max ms |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for sample in samples {
        groups
            .entry((sample.writers, sample.engine))
            .or_default()
            .push(sample);
    }
    for ((writers, engine), group) in groups {
        let _ = writeln!(
            text,
            "| {} | {writers} | {} | {} | {} | {} | {} |",
            engine.name(),
            spread(group.iter().map(|sample| sample.acknowledged_per_second), 0),
            spread(group.iter().map(|sample| sample.commits_per_second), 0),
            spread(group.iter().map(|sample| sample.p50_ms), 2),
            spread(group.iter().map(|sample| sample.p99_ms), 2),
            spread(group.iter().map(|sample| sample.max_ms), 1),
        );
    }
}

fn documents(text: &mut String, samples: &[document::Sample]) {
    text.push_str(ABOUT_DOCUMENTS);
    text.push_str(
        "| store | load ms | compact ms | list all ms | one page ms |\n|---|---|---|---|---|\n",
    );
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for sample in samples {
        groups.entry(sample.engine).or_default().push(sample);
    }
    for (engine, group) in groups {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            engine.name(),
            spread(group.iter().map(|sample| sample.load_ms), 2),
            spread(group.iter().map(|sample| sample.compact_ms), 2),
            spread(group.iter().map(|sample| sample.list_ms), 1),
            spread(group.iter().map(|sample| sample.page_ms), 3),
        );
    }
}

fn reopened(text: &mut String, samples: &[reopen::Sample]) {
    let records = samples.first().map_or(0, |sample| sample.records);
    let _ = writeln!(
        text,
        "
## A store of {records} records

{ABOUT_REOPENING}"
    );
    text.push_str("| store | filled with, records/s | RSS then MiB | on disk MiB | open after kill ms | RSS then MiB |\n|---|---|---|---|---|---|\n");
    for sample in samples {
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            sample.engine.name(),
            sample.fill_records_per_second,
            sample.fill_resident_mib,
            sample.disk_mib,
            sample.reopen_ms,
            sample.reopen_resident_mib,
        );
    }
}

fn damaged(text: &mut String, samples: &[corruption::Sample]) {
    text.push_str(ABOUT_DAMAGE);
    text.push_str("| store |");
    for damage in Damage::ALL {
        let _ = write!(text, " {} |", damage.name());
    }
    text.push_str("\n|---|---|---|---|\n");
    let mut rows = BTreeMap::<Kind, String>::new();
    for sample in samples {
        let outcomes: Vec<String> = sample
            .outcomes
            .iter()
            .map(|(outcome, count)| format!("{outcome} {count}"))
            .collect();
        let _ = write!(
            rows.entry(sample.engine).or_default(),
            " {} |",
            outcomes.join(", ")
        );
    }
    for (engine, row) in rows {
        let _ = writeln!(text, "| {} |{row}", engine.name());
    }
}
