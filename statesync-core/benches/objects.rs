//! An hour of dragging: 1,000 objects on a whiteboard and many writes of their fields, beside yrs maps.
//!
//! `cargo bench -p statesync-core --bench objects` measures one write through a whole library, a write to
//! a yrs map, and the loading of what is left; sizes are printed first.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops where something is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use guuid::{Guuid, SystemClock};
use statesync_core::{
    Author, Change, Content, DocumentType, Edit, FieldName, Library, Limits, MemoryStore,
    NewDocument, ObjectId, OpenDocument, Operation, PublicAccess, UserId, Value, Write,
};
use yrs::{Doc, Map, MapPrelim, ReadTxn, StateVector, Transact};

const OBJECTS: usize = 1_000;
const WRITES: usize = 1_000_000;
/// Writes of one iteration.
const PORTION: usize = 1_000;
/// Edits on their way at one time.
const AT_A_TIME: usize = 64;

/// A whiteboard that is open, and the thread that everything runs in.
struct Board {
    pool: LocalPool,
    open: Arc<OpenDocument>,
    author: Author,
    written: usize,
    _library: Library,
}

impl Board {
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
        let mut limits = Limits::default();
        limits.history_records = 1_000;
        let library = Library::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock),
            Arc::new(Guuid::now),
            Arc::new(move |task| send.unbounded_send(task).unwrap()),
            limits,
        );
        let user_id = UserId::new("alice").unwrap();
        let new = NewDocument {
            name: "Bench".to_owned(),
            kind: DocumentType::Whiteboard,
            owner: user_id.clone(),
            public: PublicAccess::None,
        };
        let id = pool.run_until(library.create(new)).unwrap().id;
        let open = pool.run_until(library.open(id)).unwrap();
        let author = Author {
            user_id,
            session_id: Guuid::now().to_string().into(),
        };
        let mut board = Self {
            pool,
            open,
            author,
            written: 0,
            _library: library,
        };
        let create = |index| Operation::Create {
            object: object(index),
            kind: "rectangle".to_owned(),
            fields: ["x", "y", "width", "height", "rotation", "order"]
                .map(|name| (FieldName::new(name).unwrap(), Value::Number(1.0)))
                .into(),
        };
        board.ask((0..OBJECTS).map(create));
        board
    }

    fn ask(&mut self, operations: impl Iterator<Item = Operation>) {
        let mut operations = operations.peekable();
        while operations.peek().is_some() {
            let (open, author) = (&self.open, &self.author);
            let group: Vec<_> = operations.by_ref().take(AT_A_TIME).collect();
            self.pool.run_until(async {
                let mut receipts = Vec::with_capacity(group.len());
                for operation in group {
                    let edit = Edit::new(author.clone(), Change::Operation(operation));
                    receipts.push(open.submit(edit, None).await.unwrap());
                }
                for receipt in receipts {
                    receipt.answer().await.unwrap();
                }
            });
        }
    }

    /// So many moves, one object after the other.
    fn drag(&mut self, writes: usize) {
        let first = self.written;
        self.written += writes;
        self.ask((first..first + writes).map(|index| Operation::Move {
            object: object(index % OBJECTS),
            x: index as f64,
            y: 2.0,
        }));
    }

    /// So many writes of one field, one object after the other.
    fn turn(&mut self, writes: usize) {
        let first = self.written;
        self.written += writes;
        self.ask((first..first + writes).map(|index| {
            let angle = Write::Set(Value::Number(index as f64));
            Operation::Update {
                object: object(index % OBJECTS),
                writes: [(FieldName::new("rotation").unwrap(), angle)].into(),
            }
        }));
    }
}

fn object(index: usize) -> ObjectId {
    ObjectId::new(format!("object-{index}")).unwrap()
}

/// The same in yrs: a map of maps.
fn yrs_board() -> Doc {
    let document = Doc::new();
    let root = document.get_or_insert_map("objects");
    let mut transaction = document.transact_mut();
    for index in 0..OBJECTS {
        root.insert(
            &mut transaction,
            format!("object-{index}"),
            MapPrelim::default(),
        );
    }
    drop(transaction);
    document
}

fn yrs_drag(document: &Doc, first: usize, writes: usize) {
    let root = document.get_or_insert_map("objects");
    for index in first..first + writes {
        let mut transaction = document.transact_mut();
        let name = format!("object-{}", index % OBJECTS);
        if let Some(yrs::Out::YMap(map)) = root.get(&transaction, &name) {
            map.insert(&mut transaction, "x", index as f64);
            map.insert(&mut transaction, "y", 2.0);
        }
    }
}

fn yrs_turn(document: &Doc, first: usize, writes: usize) {
    let root = document.get_or_insert_map("objects");
    for index in first..first + writes {
        let mut transaction = document.transact_mut();
        let name = format!("object-{}", index % OBJECTS);
        if let Some(yrs::Out::YMap(map)) = root.get(&transaction, &name) {
            map.insert(&mut transaction, "rotation", index as f64);
        }
    }
}

fn drag(criterion: &mut Criterion) {
    let mut board = Board::new();
    board.drag(WRITES);
    let (open, pool) = (Arc::clone(&board.open), &mut board.pool);
    let snapshot = pool.run_until(open.snapshot()).unwrap().content;
    let document = yrs_board();
    yrs_drag(&document, 0, WRITES);
    let theirs = document
        .transact()
        .encode_state_as_update_v1(&StateVector::default());
    eprintln!(
        "{OBJECTS} objects after {WRITES} moves: snapshot {} bytes, yrs {} bytes",
        snapshot.len(),
        theirs.len()
    );

    let mut group = criterion.benchmark_group("whiteboard");
    group.sample_size(20);
    group.measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(PORTION as u64));
    group.bench_function("move/library", |bencher| {
        bencher.iter(|| board.drag(PORTION));
    });
    group.bench_function("field/library", |bencher| {
        bencher.iter(|| board.turn(PORTION));
    });
    group.bench_function("field/yrs", |bencher| {
        let mut angle = 0;
        bencher.iter(|| {
            yrs_turn(&document, angle, PORTION);
            angle += PORTION;
        });
    });
    let mut written = WRITES;
    group.bench_function("move/yrs", |bencher| {
        bencher.iter(|| {
            yrs_drag(&document, written, PORTION);
            written += PORTION;
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("load/objects", |bencher| {
        bencher.iter(|| {
            let empty = Content::empty(DocumentType::Whiteboard);
            black_box(empty.restored(&snapshot).unwrap())
        });
    });
    group.finish();
}

criterion_group!(benches, drag);
criterion_main!(benches);
