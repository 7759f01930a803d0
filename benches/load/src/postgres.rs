//! Durable operations on PostgreSQL, spread over many documents.

use std::sync::Arc;

use statesync_core::DocumentType;
use store_postgres::testkit::Cluster;
use store_postgres::{Options, PostgresStore};

use crate::part::{Plan, Record};
use crate::rig::{self, Load, runtime};
use crate::sample::{Column, Limit, OURS, Sample, Target, best, table, targets};
use crate::{Failure, floor, peers};

const CASE: &str = "spread";

/// One waits for the disk while another one works.
const FLOOR_CONNECTIONS: [u32; 2] = [2, 4];

/// How the server is set, for both sides: as somebody would who has looked at the manual.
pub(crate) const SETTINGS: [&str; 6] = [
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=30min",
    "max_connections=200",
];

pub(crate) const COLUMNS: [Column; 5] = [
    ("per_second", "operations/s", 0),
    ("p50_ms", "p50 ms", 2),
    ("p99_ms", "p99 ms", 2),
    ("p999_ms", "p99.9 ms", 2),
    ("max_ms", "max ms", 1),
];

pub(crate) fn measure(plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
    let documents = plan.either(1_000, 50);
    let writers: &[u32] = plan.either(&[16, 32, 64, 256, 512], &[64]);
    let clients: &[u32] = plan.either(&[8, 16, 32, 64], &[16]);
    let cluster = Cluster::start_with(&SETTINGS);
    let runtime = runtime()?;
    for round in 1..=plan.rounds {
        // A database of their own for each: nobody finds the tables as large as the other left them.
        let ours = runtime.block_on(cluster.database(&format!("ours{round}")));
        for &writers in writers {
            let sample = Sample::new(CASE, format!("{OURS}, {writers} writers"), round);
            let load = Load {
                writers,
                duration: plan.duration,
            };
            record(runtime.block_on(through_library(&ours, documents, load, sample))?)?;
        }
        let theirs = runtime.block_on(cluster.database(&format!("theirs{round}")));
        runtime.block_on(prepare(&theirs, documents))?;
        for &clients in clients {
            let sample = Sample::new(CASE, format!("tokio-postgres, {clients} clients"), round);
            let way = peers::Way::Append;
            let run = peers::transactions(&theirs, way, clients, documents, plan.duration, sample);
            record(runtime.block_on(run)?)?;
            let sample = Sample::new(CASE, format!("pgbench, {clients} clients"), round);
            record(peers::pgbench(
                &theirs,
                clients,
                documents,
                plan.duration,
                sample,
            )?)?;
        }
        for connections in FLOOR_CONNECTIONS {
            let side = format!("PostgreSQL alone, {connections} connections (floor)");
            let sample = Sample::new(CASE, side, round);
            let run = floor::groups(&theirs, connections, documents, plan.duration, sample);
            record(runtime.block_on(run)?)?;
        }
    }
    Ok(())
}

/// The product's tables, with documents for the transactions of others.
pub(crate) async fn prepare(url: &str, documents: usize) -> Result<(), Failure> {
    drop(PostgresStore::connect(&Options::new(url)).await?);
    peers::create(url, documents).await
}

/// Writers of new documents, through a library of their own.
pub(crate) async fn through_library(
    url: &str,
    documents: usize,
    load: Load,
    sample: Sample,
) -> Result<Sample, Failure> {
    let store = PostgresStore::connect(&Options::new(url)).await?;
    let library = rig::library(Arc::new(store));
    let ids = rig::create(&library, DocumentType::Text, documents).await?;
    let sample = load.put_on(&library, &ids, sample).await?;
    library.close().await;
    Ok(sample)
}

pub(crate) fn is_ours(sample: &Sample) -> bool {
    sample.side.starts_with(OURS)
}

fn is_floor(sample: &Sample) -> bool {
    sample.side.ends_with("(floor)")
}

/// The highest rate of ours, and what it took.
pub(crate) fn section(samples: &[Sample]) -> String {
    let in_time = |sample: &Sample| is_ours(sample) && sample.figure("p99_ms") <= P99_MS;
    let ours = best(samples, in_time, "per_second", f64::max);
    let by_hand = |sample: &Sample| !is_ours(sample) && !is_floor(sample);
    let theirs = best(samples, by_hand, "per_second", f64::max);
    let p99 = best(samples, is_ours, "p99_ms", f64::min);
    let wanted = [
        Target::new(
            format!("operations/s with p99 of at most {P99_MS} ms, beside the best of the others"),
            Limit::AtLeast(5.0),
            ours / theirs,
            " times",
        ),
        Target::new(
            "p99 of the acknowledgement, with as many writers as suits it",
            Limit::AtMost(P99_MS),
            p99,
            " ms",
        ),
    ];
    format!("{}\n{}", table(samples, &COLUMNS), targets(&wanted))
}

const P99_MS: f64 = 10.0;

pub(crate) const ABOUT: &str = "\
## PostgreSQL, 1,000 documents

Writers go from document to document at random, with one keystroke of a Yjs editor under way each; it is
acknowledged when its record, its audit entry and the head are durable. The others are clients with a connection
each, and one prepared statement that writes a record and the head's version: one transaction for each operation.
The same server for all, `fsync` and `synchronous_commit` on. pgbench tells no percentiles. *PostgreSQL alone* makes
all of these rows by itself, 256 of each in a transaction, while its clients only wait: what the database takes on
this machine if nothing else wants a processor.

";
