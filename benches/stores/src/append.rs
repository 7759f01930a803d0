//! Durable appends: many writers, one committer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::{Failure, Kind};
use crate::group::Group;
use crate::material;

/// Documents of each writer; it writes to them in turn.
const DOCUMENTS_PER_WRITER: u64 = 16;

/// One round of one engine.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub(crate) engine: Kind,
    pub(crate) writers: u64,
    pub(crate) seconds: f64,
    /// Appends that were acknowledged.
    pub acknowledged_per_second: f64,
    /// Groups that were written.
    pub commits_per_second: f64,
    /// Half of the acknowledgements did not take longer.
    pub p50_ms: f64,
    /// 99 of 100 did not take longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Runs `writers` tasks for `duration`, each with one append under way.
pub(crate) fn measure(kind: Kind, writers: u64, duration: Duration) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir_in(crate::scratch()?)?;
    let group = Group::open(kind, directory.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let stop = Arc::<AtomicBool>::default();
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| runtime.spawn(write(group.clone(), writer, stop.clone())))
        .collect();
    let mut latencies = runtime.block_on(async {
        tokio::time::sleep(duration).await;
        stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        Ok::<_, Failure>(latencies)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let commits = group.commits();
    drop(group);
    Ok(sample(kind, writers, seconds, commits, &mut latencies))
}

async fn write(group: Group, writer: u64, stop: Arc<AtomicBool>) -> Result<Vec<u32>, Failure> {
    let mut latencies = Vec::new();
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let index = writer * DOCUMENTS_PER_WRITER + round % DOCUMENTS_PER_WRITER;
        let append = material::append(index, round / DOCUMENTS_PER_WRITER, 1);
        let started = Instant::now();
        group.append(append).await?;
        latencies.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
        round += 1;
    }
    Ok(latencies)
}

fn sample(engine: Kind, writers: u64, seconds: f64, commits: u64, latencies: &mut [u32]) -> Sample {
    latencies.sort_unstable();
    let at = |share: usize| {
        let index = (latencies.len() * share / 1000).min(latencies.len().saturating_sub(1));
        latencies
            .get(index)
            .map_or(0.0, |&micros| f64::from(micros) / 1000.0)
    };
    Sample {
        engine,
        writers,
        seconds,
        acknowledged_per_second: latencies.len() as f64 / seconds,
        commits_per_second: commits as f64 / seconds,
        p50_ms: at(500),
        p99_ms: at(990),
        max_ms: at(1000),
    }
}
