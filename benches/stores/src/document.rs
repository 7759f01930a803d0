//! What happens to documents besides appends: load, compaction to a snapshot, lists.

use std::time::Instant;

use bench_report::median;
use serde::Serialize;

use crate::engine::{DocumentId, Engine, Failure, Kind};
use crate::material;

/// Records behind the snapshot of the document that is loaded.
const TAIL_RECORDS: u64 = 1_000;
/// Documents in the list.
const LISTED_DOCUMENTS: u64 = 10_000;
/// Heads in one page.
const PAGE: usize = 50;

/// One round of one engine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) engine: Kind,
    pub(crate) load_ms: f64,
    pub(crate) compact_ms: f64,
    pub(crate) list_ms: f64,
    pub(crate) page_ms: f64,
}

/// Fills a fresh store and measures each step once (loads: the median of several documents).
pub(crate) fn measure(kind: Kind, documents: u64) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir_in(crate::scratch()?)?;
    let engine = kind.open(directory.path())?;
    let indexes: Vec<u64> = (0..documents)
        .map(|n| n * (LISTED_DOCUMENTS / documents))
        .collect();
    fill(engine.as_ref(), &indexes)?;
    engine.settle()?;

    let mut loads = Vec::new();
    let mut compactions = Vec::new();
    for &index in &indexes {
        let id = material::document(index);
        let started = Instant::now();
        let loaded = engine.load(&id)?;
        loads.push(milliseconds(started));
        let expected = material::expected(index, 1, 1 + TAIL_RECORDS);
        if loaded != expected {
            return Err(format!("{} loaded something else", kind.name()).into());
        }
        let content = material::snapshot(index);
        let started = Instant::now();
        engine.snapshot(&id, &content, 2, 1 + TAIL_RECORDS)?;
        compactions.push(milliseconds(started));
    }
    let (list_ms, page_ms) = list(engine.as_ref())?;
    Ok(Sample {
        engine: kind,
        load_ms: median(&mut loads),
        compact_ms: median(&mut compactions),
        list_ms,
        page_ms,
    })
}

/// Every document gets one record; those in `loaded` a snapshot of it and a tail.
fn fill(engine: &dyn Engine, loaded: &[u64]) -> Result<(), Failure> {
    let firsts: Vec<_> = (0..LISTED_DOCUMENTS)
        .map(|index| material::append(index, 0, 1))
        .collect();
    firsts
        .chunks(512)
        .try_for_each(|group| engine.commit(group))?;
    for &index in loaded {
        let id = material::document(index);
        engine.snapshot(&id, &material::snapshot(index), 1, 1)?;
        let tail: Vec<_> = (0..TAIL_RECORDS / 50)
            .map(|n| material::append(index, 1 + n * 50, 50))
            .collect();
        tail.chunks(4).try_for_each(|group| engine.commit(group))?;
    }
    Ok(())
}

/// The time for all pages and the median of one page.
fn list(engine: &dyn Engine) -> Result<(f64, f64), Failure> {
    let (mut pages, mut found) = (Vec::new(), 0);
    let mut after: Option<DocumentId> = None;
    let all = Instant::now();
    loop {
        let started = Instant::now();
        let heads = engine.heads(after.as_ref(), PAGE)?;
        pages.push(milliseconds(started));
        found += heads.len() as u64;
        let Some((last, _)) = heads.last() else { break };
        after = Some(*last);
    }
    if found != LISTED_DOCUMENTS {
        return Err(format!("listed {found} documents of {LISTED_DOCUMENTS}").into());
    }
    Ok((milliseconds(all), median(&mut pages)))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
