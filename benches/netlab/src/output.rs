//! Raw results as JSON lines, and Markdown tables made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Failure;
use crate::peers::Peer;
use crate::runner::Common;
use crate::{command_line, machine};

/// Collects the results of a run.
pub(crate) struct Output {
    facts: Vec<(&'static str, String)>,
    tables: Option<PathBuf>,
    raw: Option<File>,
}

impl Output {
    /// Opens the file of raw results; its first line says where and when.
    pub(crate) fn open(workload: &str, common: &Common) -> Result<Self, Failure> {
        let usual = || Path::new("benches/results").join(format!("netlab-{workload}.md"));
        let tables = (!common.print_only).then(|| common.output.clone().unwrap_or_else(usual));
        let raw = tables.as_ref().map(|path| path.with_extension("jsonl"));
        let raw = raw.map(File::create).transpose()?;
        let facts = machine::facts(command_line());
        let mut output = Self { facts, tables, raw };
        let facts: BTreeMap<_, _> = output.facts.iter().cloned().collect();
        output.record(&facts)?;
        Ok(output)
    }

    /// One raw result.
    pub(crate) fn record(&mut self, record: &impl Serialize) -> Result<(), Failure> {
        let Some(raw) = &mut self.raw else {
            return Ok(());
        };
        let line = serde_json::to_string(record)?;
        Ok(writeln!(raw, "{line}")?)
    }

    /// Prints and writes the page.
    pub(crate) fn finish(self, title: &str, body: &str) -> Result<(), Failure> {
        let mut page = format!("# {title}\n\n");
        for (name, value) in &self.facts {
            let _ = writeln!(page, "- {name}: {value}");
        }
        page.push('\n');
        page.push_str(body);
        println!("{page}");
        if let Some(path) = self.tables {
            std::fs::write(path, page)?;
        }
        Ok(())
    }
}

/// A Markdown table with a line for each transport.
pub(crate) struct Table {
    columns: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = String>) -> Self {
        let columns = ["transport".to_owned()].into_iter().chain(columns);
        Self {
            columns: columns.collect(),
            lines: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, name: String, cells: impl IntoIterator<Item = String>) {
        self.lines.push([name].into_iter().chain(cells).collect());
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "| {} |", self.columns.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        for line in &self.lines {
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
        text
    }
}

/// What went wrong, once for each transport and reason.
pub(crate) fn endings<'a>(ended: impl Iterator<Item = (Peer, &'a Option<String>)>) -> String {
    let mut counts = BTreeMap::<_, u32>::new();
    for (peer, why) in ended {
        if let Some(why) = why {
            *counts.entry((peer, why)).or_default() += 1;
        }
    }
    let line = |((peer, why), count): ((Peer, &String), u32)| {
        format!("- {}: {why} ({count} runs)\n", peer.name())
    };
    let lines: String = counts.into_iter().map(line).collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\nRuns that ended early, counted with what they had done:\n\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["0 %".to_owned()]);
        table.line("kcp".into(), ["7".to_owned()]);
        let expected = "| transport | 0 % |\n|---|---|\n| kcp | 7 |\n";
        assert_eq!(table.markdown(), expected);
    }

    #[test]
    fn endings_are_counted() {
        let why = Some("closed".to_owned());
        let runs = [(Peer::Kcp, &why), (Peer::Kcp, &why), (Peer::TcpBbr, &None)];
        assert!(endings(runs.into_iter()).ends_with("- kcp: closed (2 runs)\n"));
        assert_eq!(endings([(Peer::Kcp, &None)].into_iter()), "");
    }
}
