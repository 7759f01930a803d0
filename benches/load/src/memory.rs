//! What documents take in memory, and how long it takes to load them, beside yrs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use guuid::Guuid;
use statesync_core::{
    Change, Document, DocumentId, DocumentStore, DocumentType, Edit, FieldName, MemoryStore,
    ObjectId, OpenDocument, Operation, Snapshot, Value, YjsContent, testkit,
};
use store_postgres::testkit::Cluster;
use tokio::runtime::Runtime;
use yrs::{Doc, Map as _, MapPrelim, Transact as _};

use crate::heap;
use crate::part::{Plan, Record};
use crate::postgres::SETTINGS;
use crate::rig::{author, create, library, runtime};
use crate::sample::{Limit, OURS, Sample, Target, best, table, targets};
use crate::texts::Origin;
use crate::{Failure, eviction, loading, material};

pub(crate) const YRS: &str = "yrs";
const CONTENT: &str = "content alone";
const IDLE: &str = "KB of text";
const BOARD: &str = "whiteboard of 1,000 objects";

const OBJECTS: usize = 1_000;

pub(crate) fn measure(plan: &Plan, record: &mut Record<'_>) -> Result<(), Failure> {
    heap::count();
    let runtime = runtime()?;
    let cluster = Cluster::start_with(&SETTINGS);
    // First, while there is little else in this process.
    for round in 1..=plan.rounds {
        eviction::measure(&runtime, &cluster, plan, round, record)?;
    }
    // yrs types into the middle of a text in a time that grows with it: 1 MB would take hours.
    let sizes: &[u32] = plan.either(&[10_000, 100_000], &[2_000]);
    let mut texts = Vec::new();
    for origin in [Origin::Recorded, Origin::Random] {
        for &characters in sizes {
            texts.push((origin, characters, origin.text(characters)?));
        }
    }
    for round in 1..=plan.rounds {
        for (origin, characters, text) in &texts {
            let case = format!("{} {IDLE}, {}", characters / 1_000, origin.name());
            idle(&runtime, &case, text, round, record)?;
        }
        let writes = plan.either(1_000_000, 4_000);
        board(&runtime, writes, round, record)?;
    }
    loading::measure(&runtime, &cluster, plan, record)
}

/// An idle text in memory: bare, as the core holds it, and open in a library.
fn idle(
    runtime: &Runtime,
    case: &str,
    text: &Bytes,
    round: u32,
    record: &mut Record<'_>,
) -> Result<(), Failure> {
    let sample = |side: &str| {
        let encoded = text.len() as f64;
        Sample::new(case, side, round).with("snapshot_bytes", encoded)
    };
    // Whatever is made once and kept for all documents is made before.
    drop((material::restored(text)?, YjsContent::restore(text)?));
    let (bytes, bare) = heap::grown_by(|| material::restored(text));
    record(sample(YRS).with("heap_bytes", bytes))?;
    drop(bare?);
    let (bytes, content) = heap::grown_by(|| YjsContent::restore(text));
    record(sample(CONTENT).with("heap_bytes", bytes))?;
    drop(content?);
    let (bytes, _) = opened(runtime, DocumentType::Text, text)?;
    record(sample(OURS).with("heap_bytes", bytes))
}

/// A document with this snapshot, in a store of its own.
pub(crate) async fn stored(
    store: &dyn DocumentStore,
    kind: DocumentType,
    content: &Bytes,
) -> Result<DocumentId, Failure> {
    let mut document = Document {
        id: DocumentId(Guuid::now()),
        kind,
        policy: kind.usual_policy(),
        ..testkit::new_document("alice")
    };
    store.create(&document).await?;
    let append = testkit::append_to(&mut document, &[b"what led to the snapshot"]);
    store.append(append).await?;
    let (version, content) = (document.version, content.clone());
    let snapshot = Snapshot { version, content };
    store.save_snapshot(document.id, snapshot, version).await?;
    Ok(document.id)
}

/// Bytes that a document takes once it is open, and how long opening took.
fn opened(
    runtime: &Runtime,
    kind: DocumentType,
    content: &Bytes,
) -> Result<(f64, Duration), Failure> {
    runtime.block_on(async {
        let store = Arc::new(MemoryStore::new());
        let library = library(store.clone());
        let id = stored(store.as_ref(), kind, content).await?;
        let before = heap::live();
        let began = Instant::now();
        let open = library.open(id).await?;
        let took = began.elapsed();
        let bytes = (heap::live() - before) as f64;
        drop(open);
        library.close().await;
        Ok((bytes, took))
    })
}

/// An hour of dragging: what is left of it.
fn board(
    runtime: &Runtime,
    writes: usize,
    round: u32,
    record: &mut Record<'_>,
) -> Result<(), Failure> {
    let sample = |side: &str, snapshot: &Bytes, bytes: f64, took: Duration| {
        Sample::new(BOARD, side, round)
            .with("snapshot_bytes", snapshot.len() as f64)
            .with("heap_bytes", bytes)
            .with("load_ms", took.as_secs_f64() * 1000.0)
    };
    let snapshot = runtime.block_on(dragged(writes))?;
    let (bytes, took) = opened(runtime, DocumentType::Whiteboard, &snapshot)?;
    record(sample(OURS, &snapshot, bytes, took))?;
    let (bytes, map) = heap::grown_by(|| dragged_in_yrs(writes));
    let snapshot = material::snapshot(&map);
    drop(map);
    let began = Instant::now();
    let loaded = material::restored(&snapshot)?;
    let took = began.elapsed();
    drop(loaded);
    record(sample(YRS, &snapshot, bytes, took))
}

/// The snapshot of a whiteboard whose objects were moved about: a move writes two fields.
async fn dragged(writes: usize) -> Result<Bytes, Failure> {
    const AT_A_TIME: usize = 64;
    let library = library(Arc::new(MemoryStore::new()));
    let ids = create(&library, DocumentType::Whiteboard, 1).await?;
    let open = library.open(ids[0]).await?;
    let mut operations = Vec::with_capacity(AT_A_TIME);
    for index in 0..OBJECTS {
        operations.push(Operation::Create {
            object: object(index)?,
            kind: "rectangle".to_owned(),
            fields: [(FieldName::new("fill")?, Value::Text("white".into()))].into(),
        });
    }
    ask(&open, operations.drain(..)).await?;
    for first in (0..writes / 2).step_by(AT_A_TIME) {
        for index in first..(first + AT_A_TIME).min(writes / 2) {
            operations.push(Operation::Move {
                object: object(index % OBJECTS)?,
                x: index as f64,
                y: 2.0,
            });
        }
        ask(&open, operations.drain(..)).await?;
    }
    let content = open.snapshot().await?.content;
    // What is freed later would be counted with what comes next.
    drop(open);
    library.close().await;
    Ok(content)
}

async fn ask(
    open: &OpenDocument,
    operations: impl Iterator<Item = Operation>,
) -> Result<(), Failure> {
    let author = author()?;
    let mut receipts = Vec::new();
    for operation in operations {
        let edit = Edit::new(author.clone(), Change::Operation(operation));
        receipts.push(open.submit(edit, None).await?);
    }
    for receipt in receipts {
        receipt.answer().await?;
    }
    Ok(())
}

fn object(index: usize) -> Result<ObjectId, Failure> {
    Ok(ObjectId::new(format!("object-{index}"))?)
}

/// The same as a map of maps.
fn dragged_in_yrs(writes: usize) -> Doc {
    let document = Doc::new();
    let root = document.get_or_insert_map("objects");
    let mut transaction = document.transact_mut();
    for index in 0..OBJECTS {
        let made = MapPrelim::from([("fill", "white")]);
        root.insert(&mut transaction, format!("object-{index}"), made);
    }
    drop(transaction);
    for index in 0..writes / 2 {
        let mut transaction = document.transact_mut();
        let name = format!("object-{}", index % OBJECTS);
        if let Some(yrs::Out::YMap(map)) = root.get(&transaction, &name) {
            map.insert(&mut transaction, "x", index as f64);
            map.insert(&mut transaction, "y", 2.0);
        }
    }
    document
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let is_idle = |sample: &Sample| sample.case.contains(IDLE) && !loading::is_of(sample);
    let is_board = |sample: &Sample| sample.case == BOARD;
    let part = |chosen: &dyn Fn(&Sample) -> bool| -> Vec<Sample> {
        let chosen = samples.iter().filter(|sample| chosen(sample));
        chosen.cloned().collect()
    };
    let bytes = [
        ("snapshot_bytes", "snapshot bytes", 0),
        ("heap_bytes", "memory, bytes", 0),
    ];
    let with_load = [bytes[0], bytes[1], ("load_ms", "load ms", 2)];
    let mut wanted = idle_targets(&part(&is_idle));
    let board = |figure: &str| {
        let ours = |sample: &Sample| is_board(sample) && sample.side == OURS;
        best(samples, ours, figure, f64::max)
    };
    wanted.extend([
        Target::new(
            "whiteboard: snapshot",
            Limit::AtMost(300.0),
            board("snapshot_bytes") / 1e3,
            " KB",
        ),
        Target::new(
            "whiteboard: memory",
            Limit::AtMost(5.0),
            board("heap_bytes") / 1e6,
            " MB",
        ),
        Target::new(
            "whiteboard: load",
            Limit::AtMost(10.0),
            board("load_ms"),
            " ms",
        ),
    ]);
    wanted.extend(loading::targets(samples));
    wanted.extend(eviction::targets(samples));
    format!(
        "{}\n{ABOUT_BOARD}{}\n{}\n{}\n{}",
        table(&part(&is_idle), &bytes),
        table(&part(&is_board), &with_load),
        loading::section(samples),
        eviction::section(samples),
        targets(&wanted)
    )
}

fn idle_targets(samples: &[Sample]) -> Vec<Target> {
    let mut cases: Vec<&str> = Vec::new();
    for sample in samples {
        if !cases.contains(&sample.case.as_str()) {
            cases.push(&sample.case);
        }
    }
    let target = |case: &str| {
        let of = |side: &str| {
            let chosen = |sample: &Sample| sample.case == case && sample.side == side;
            best(samples, chosen, "heap_bytes", f64::max)
        };
        let what = format!("{case}: memory beside bare yrs");
        Target::new(what, Limit::AtMost(1.3), of(OURS) / of(YRS), " times")
    };
    cases.into_iter().map(target).collect()
}

pub(crate) const ABOUT: &str = "\
## Memory and loading

Bytes that are allocated, counted by the allocator. A text is one Yjs update, which yrs takes in by itself (with
the product's settings), the core's content with what it knows beside it, and a library that opens the document.

";

const ABOUT_BOARD: &str = "\
1,000,000 field writes on 1,000 objects, through a library; then the snapshot opened afresh. In yrs: a map of maps,
as it is after the writes, and loaded from its own snapshot.

";
