//! Raw results as JSON lines, and Markdown tables made of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

use bench_report::Facts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::peers::Peer;
use crate::runner::Destination;
use crate::workload::Workload;

/// As cargo calls this program.
pub(crate) const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// Measures, prints, and writes what the destination asks for.
pub(crate) fn present<W: Workload>(workload: &W, destination: &Destination) -> Result<(), Failure> {
    let usual = || PathBuf::from(format!("benches/results/netlab-{}.md", W::NAME));
    let tables = (!destination.print_only).then(|| {
        let chosen = destination.output.clone();
        chosen.unwrap_or_else(usual)
    });
    let raw = tables.as_ref().map(|path| path.with_extension("jsonl"));
    let (facts, records) = measure(workload, raw.as_deref())?;
    let page = page(W::TITLE, &facts, &workload.page(&records));
    println!("{page}");
    tables.map_or(Ok(()), |path| Ok(std::fs::write(path, page)?))
}

/// Measures and writes every single result to `raw` as it comes, after a line with the facts.
pub(crate) fn measure<W: Workload>(
    workload: &W,
    raw: Option<&Path>,
) -> Result<(Facts, Vec<W::Record>), Failure> {
    workload.check()?;
    let facts = Facts::gather(PACKAGE);
    let mut raw = raw.map(File::create).transpose()?;
    append(&mut raw, &facts)?;
    let mut records = Vec::new();
    workload.measure(&mut |record| {
        append(&mut raw, &record)?;
        records.push(record);
        Ok(())
    })?;
    Ok((facts, records))
}

fn append(raw: &mut Option<File>, line: &impl Serialize) -> Result<(), Failure> {
    let Some(raw) = raw else {
        return Ok(());
    };
    let line = serde_json::to_string(line)?;
    Ok(writeln!(raw, "{line}")?)
}

/// Reads what [`measure`] wrote.
pub(crate) fn read<R: DeserializeOwned>(raw: &Path) -> Result<(Facts, Vec<R>), Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", raw.display());
    let file = File::open(raw).map_err(|error| named(&error))?;
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().ok_or_else(|| named(&"is empty"))??;
    let facts = serde_json::from_str(&first).map_err(|error| named(&error))?;
    let mut records = Vec::new();
    for line in lines {
        let record = serde_json::from_str(&line?).map_err(|error| named(&error))?;
        records.push(record);
    }
    Ok((facts, records))
}

/// A page of results.
pub(crate) fn page(title: &str, facts: &Facts, body: &str) -> String {
    format!("# {title}\n\n{}\n{body}", facts.lines())
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
    fn endings_are_counted() {
        let why = Some("closed".to_owned());
        let runs = [(Peer::Kcp, &why), (Peer::Kcp, &why), (Peer::TcpBbr, &None)];
        assert!(endings(runs.into_iter()).ends_with("- kcp: closed (2 runs)\n"));
        assert_eq!(endings([(Peer::Kcp, &None)].into_iter()), "");
    }
}
