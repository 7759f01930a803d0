//! How long it takes to open a document that is stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use statesync_core::{DocumentStore, DocumentType, MemoryStore};
use store_embedded::EmbeddedStore;
use store_postgres::testkit::Cluster;
use store_postgres::{Options, PostgresStore};
use tokio::runtime::Runtime;

use crate::memory::{YRS, stored};
use crate::part::{Plan, Record};
use crate::rig::{library, scratch};
use crate::sample::{Limit, Sample, Target, best, table};
use crate::texts::Origin;
use crate::{Failure, material};

const OPEN: &str = "open";

/// Openings of one round, each by a library of its own; the median counts.
const OPENINGS: usize = 21;

pub(crate) fn measure(
    runtime: &Runtime,
    cluster: &Cluster,
    plan: &Plan,
    record: &mut Record<'_>,
) -> Result<(), Failure> {
    let url = runtime.block_on(cluster.database("loading"));
    let postgres = runtime.block_on(PostgresStore::connect(&Options::new(url)))?;
    let directory = tempfile::tempdir_in(scratch()?)?;
    let embedded = EmbeddedStore::open(&store_embedded::Options::new(directory.path()))?;
    let stores: [(&str, Arc<dyn DocumentStore>); 3] = [
        ("from memory", Arc::new(MemoryStore::new())),
        ("from the embedded store", Arc::new(embedded.clone())),
        ("from PostgreSQL", Arc::new(postgres)),
    ];
    for (case, text) in cases(plan.either(SIZE, SIZE / 20))? {
        let mut ids = Vec::new();
        for (_, store) in &stores {
            ids.push(runtime.block_on(stored(store.as_ref(), DocumentType::Text, &text))?);
        }
        for round in 1..=plan.rounds {
            let sample = |side: &str, load_ms| {
                Sample::new(format!("{OPEN}: {case}"), side, round)
                    .with("snapshot_bytes", text.len() as f64)
                    .with("load_ms", load_ms)
            };
            record(sample(YRS, alone(&text)?))?;
            for ((side, store), id) in stores.iter().zip(&ids) {
                let mut times = Vec::with_capacity(OPENINGS);
                for _ in 0..OPENINGS {
                    let took = runtime.block_on(async {
                        let library = library(Arc::clone(store));
                        let began = Instant::now();
                        let open = library.open(*id).await?;
                        let took = began.elapsed();
                        drop(open);
                        library.close().await;
                        Ok::<_, Failure>(took)
                    })?;
                    times.push(took);
                }
                record(sample(side, middle(times)))?;
            }
        }
    }
    embedded.close();
    Ok(())
}

/// Texts of 100 KB: as they are read, or as they are stored.
fn cases(size: u32) -> Result<Vec<(String, Bytes)>, Failure> {
    let mut cases = Vec::new();
    for origin in [Origin::Recorded, Origin::Random] {
        let text = origin.text(size)?;
        let encoded_per_character = text.len() as f64 / f64::from(size);
        cases.push((format!("100 KB of text, {}", origin.name()), text));
        let text = origin.text((f64::from(size) / encoded_per_character) as u32)?;
        cases.push((format!("100 KB snapshot, {}", origin.name()), text));
    }
    Ok(cases)
}

/// Characters, or bytes.
const SIZE: u32 = 100_000;

/// The same by nothing but yrs.
fn alone(text: &Bytes) -> Result<f64, Failure> {
    let mut times = Vec::with_capacity(OPENINGS);
    for _ in 0..OPENINGS {
        let began = Instant::now();
        let loaded = material::restored(text)?;
        times.push(began.elapsed());
        drop(loaded);
    }
    Ok(middle(times))
}

fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1000.0
}

pub(crate) fn is_of(sample: &Sample) -> bool {
    sample.case.starts_with(OPEN)
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let own: Vec<_> = samples.iter().filter(|it| is_of(it)).cloned().collect();
    let columns = [
        ("snapshot_bytes", "snapshot bytes", 0),
        ("load_ms", "load ms", 2),
    ];
    format!("{ABOUT}{}", table(&own, &columns))
}

pub(crate) fn targets(samples: &[Sample]) -> Vec<Target> {
    let mut targets = Vec::new();
    for what in ["100 KB snapshot", "100 KB of text"] {
        let ours =
            |sample: &Sample| is_of(sample) && sample.case.contains(what) && sample.side != YRS;
        let slowest = best(samples, ours, "load_ms", f64::max);
        let what = format!("open: {what}, from the slowest store");
        targets.push(Target::new(what, Limit::AtMost(5.0), slowest, " ms"));
    }
    targets
}

const ABOUT: &str = "\
Opening a text of 100 KB, by a library that has nothing open: from the store to the first edit that it would take.
yrs is given the snapshot.

";
