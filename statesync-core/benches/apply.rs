//! What the core costs on top of yrs: a recorded editing session, one update for each keystroke,
//! through bare yrs, through the content of a document, and through a whole library on the memory
//! store, with one subscriber who reads everything.
//!
//! The session is `sveltecomponent` of josephg/editing-traces (CC BY 4.0), shared with the tests of
//! the service; see the README beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "this is a bench"
)]

use std::hint::black_box;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use guuid::{Guuid, SystemClock};
use serde_json::Value;
use statesync_core::{
    Author, Change, DocumentType, Edit, Library, Limits, MemoryStore, NewDocument, OpenDocument,
    Participant, PublicAccess, Subscription, TEXT_ROOT, UserId, YjsContent,
};
use yrs::updates::decoder::Decode;
use yrs::{Doc, OffsetKind, Options, Text, Transact, Update};

const RECORDING: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../services/aetherflow/tests/data/sveltecomponent.json.gz"
));

/// The updates that an editor would have sent, one for each patch of the recording.
fn updates() -> Vec<Bytes> {
    let mut json = String::new();
    GzDecoder::new(RECORDING).read_to_string(&mut json).unwrap();
    let recording: Value = serde_json::from_str(&json).unwrap();
    let editor = document();
    let text = editor.get_or_insert_text(TEXT_ROOT);
    let transactions = recording["txns"].as_array().unwrap();
    let patches = transactions
        .iter()
        .flat_map(|transaction| transaction["patches"].as_array().unwrap());
    let updates = patches.map(|patch| {
        let number = |index: usize| u32::try_from(patch[index].as_u64().unwrap()).unwrap();
        let mut transaction = editor.transact_mut();
        text.remove_range(&mut transaction, number(0), number(1));
        text.insert(&mut transaction, number(0), patch[2].as_str().unwrap());
        Bytes::from(transaction.encode_update_v1())
    });
    updates.collect()
}

fn document() -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        cleanup_formatting: false,
        ..Options::default()
    })
}

fn through_yrs(updates: &[Bytes]) -> Doc {
    let document = document();
    for update in updates {
        let update = Update::decode_v1(update).unwrap();
        document.transact_mut().apply_update(update).unwrap();
    }
    document
}

fn through_content(updates: &[Bytes]) -> YjsContent {
    let mut content = YjsContent::empty();
    for update in updates {
        content.apply(update).unwrap();
    }
    content
}

/// An open document with a subscriber, and the thread that everything runs in.
struct Room {
    pool: LocalPool,
    open: Arc<OpenDocument>,
    reader: Subscription,
    author: Author,
    _library: Library,
}

impl Room {
    fn new() -> Self {
        let mut pool = LocalPool::new();
        let (send, mut tasks) = mpsc::unbounded();
        let spawner = pool.spawner();
        let spawning = async move {
            while let Some(task) = tasks.next().await {
                spawner.spawn_local(task).unwrap();
            }
        };
        pool.spawner().spawn_local(spawning).unwrap();
        let library = Library::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock),
            Arc::new(Guuid::now),
            Arc::new(move |task| send.unbounded_send(task).unwrap()),
            Limits::default(),
        );
        let user_id = UserId::new("alice").unwrap();
        let new = NewDocument {
            name: "Bench".to_owned(),
            kind: DocumentType::Text,
            owner: user_id.clone(),
            public: PublicAccess::None,
        };
        let id = pool.run_until(library.create(new)).unwrap().id;
        let open = pool.run_until(library.open(id)).unwrap();
        let participant = Participant {
            user_id: user_id.clone(),
            name: "Alice".to_owned(),
        };
        let reader = open.subscribe(participant).unwrap();
        let author = Author {
            user_id,
            session_id: Guuid::now().to_string().into(),
        };
        Self {
            pool,
            open,
            reader,
            author,
            _library: library,
        }
    }

    /// Sends `updates`, so many at a time, waits for the answers, and reads the news.
    fn replay(&mut self, updates: &[Bytes], at_a_time: usize) {
        for group in updates.chunks(at_a_time) {
            let (open, author) = (&self.open, &self.author);
            self.pool.run_until(async {
                let mut receipts = Vec::with_capacity(group.len());
                for update in group {
                    let edit = Edit::new(author.clone(), Change::Yjs(update.clone()));
                    receipts.push(open.submit(edit, None).await.unwrap());
                }
                for receipt in receipts {
                    receipt.answer().await.unwrap();
                }
            });
            while let Some(batch) = self.reader.try_next() {
                black_box(batch);
            }
        }
    }
}

fn session(criterion: &mut Criterion) {
    let updates = updates();
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements(updates.len() as u64));
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(3));
    // What is made is taken down after the clock has stopped: nobody waits for that.
    group.bench_function("yrs", |bencher| {
        bencher.iter_with_large_drop(|| through_yrs(&updates));
    });
    group.bench_function("content", |bencher| {
        bencher.iter_with_large_drop(|| through_content(&updates));
    });
    for at_a_time in [1, 64] {
        group.bench_function(format!("library/{at_a_time}"), |bencher| {
            bencher.iter_batched(
                Room::new,
                |mut room| {
                    room.replay(&updates, at_a_time);
                    room
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, session);
criterion_main!(benches);
