//! Durable operations on the embedded store.

use std::sync::Arc;

use statesync_core::DocumentType;
use store_embedded::{EmbeddedStore, Options};

use crate::Failure;
use crate::part::{Plan, Record};
use crate::postgres::{COLUMNS, is_ours};
use crate::rig::{self, Load, runtime};
use crate::sample::{Limit, OURS, Sample, Target, best, table, targets};

const CASE: &str = "64 writers";
const WRITERS: u32 = 64;
/// Documents for each writer: as many as the bench of the stores has.
const DOCUMENTS_PER_WRITER: usize = 16;

pub(crate) fn measure(plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
    let runtime = runtime()?;
    for round in 1..=plan.rounds {
        let load = Load {
            writers: WRITERS,
            duration: plan.duration,
        };
        let sample = Sample::new(CASE, OURS, round);
        record(runtime.block_on(through_library(load, sample))?)?;
        for bare in [bench_stores::Bare::StoreEmbedded, bench_stores::Bare::File] {
            let measured = bare.appends(u64::from(WRITERS), plan.duration)?;
            let sample = Sample::new(CASE, bare.name(), round)
                .with("per_second", measured.acknowledged_per_second)
                .with("p50_ms", measured.p50_ms)
                .with("p99_ms", measured.p99_ms)
                .with("max_ms", measured.max_ms)
                .with("commits_per_second", measured.commits_per_second);
            record(sample)?;
        }
    }
    Ok(())
}

async fn through_library(load: Load, sample: Sample) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir_in(rig::scratch()?)?;
    let store = EmbeddedStore::open(&Options::new(directory.path()))?;
    let library = rig::library(Arc::new(store.clone()));
    let documents = WRITERS as usize * DOCUMENTS_PER_WRITER;
    let ids = rig::create(&library, DocumentType::Text, documents).await?;
    let before = store.stats().commits;
    let sample = load.put_on(&library, &ids, sample).await?;
    // The warm-up is a third as long again.
    let seconds = load.duration.as_secs_f64() * 4.0 / 3.0;
    let commits = (store.stats().commits - before) as f64 / seconds;
    library.close().await;
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(sample.with("commits_per_second", commits))
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let ours = best(samples, is_ours, "per_second", f64::max);
    let wanted = [Target::new(
        "durable acknowledgements/s",
        Limit::AtLeast(80_000.0),
        ours,
        "",
    )];
    let commits = ("commits_per_second", "commits/s", 0);
    let columns: Vec<_> = COLUMNS.into_iter().chain([commits]).collect();
    format!("{}\n{}", table(samples, &columns), targets(&wanted))
}

pub(crate) const ABOUT: &str = "\
## Embedded store

64 writers go over 1,024 documents, with one keystroke of a Yjs editor under way each, through the whole library.
Beside it the store alone, which gets its appends ready-made, and a preallocated file to which a thread appends what
waits, with one `fdatasync` for each group: what this disk and this machine allow. Both as in
[stores.md](stores.md).

";
