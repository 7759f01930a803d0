//! Minting, writing and reading ids, side by side with the `uuid` crate.
//!
//! `cargo bench -p guuid` runs this and then prints the results as one markdown table.
//!
//! `uuid` gets its fastest set-up: the feature `fast-rng`. "Own context" is `Uuid::new_v7` with an
//! unsynchronized `ContextV7` for each thread: no lock, and no order between threads.
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use guuid::{Clock, Generator, Guuid, ManualClock, SystemClock, SystemEntropy};
use uuid::{ContextV7, Timestamp, Uuid};

fn mint_on_one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mint_1");
    group.bench_function("guuid", |bencher| bencher.iter(Guuid::now));
    group.bench_function("uuid", |bencher| bencher.iter(Uuid::now_v7));
    group.bench_function("uuid_own_context", |bencher| {
        let context = ContextV7::new();
        bencher.iter(|| Uuid::new_v7(Timestamp::now(&context)));
    });
    group.bench_function("clock_alone", |bencher| {
        bencher.iter(|| SystemClock.unix_time())
    });
    group.bench_function("guuid_without_clock", |bencher| {
        let generator = Generator::new(ManualClock::new(Duration::ZERO), SystemEntropy);
        bencher.iter(|| generator.mint());
    });
    group.finish();
}

fn mint_on_threads(criterion: &mut Criterion, threads: u64) {
    let mut group = criterion.benchmark_group(format!("mint_{threads}"));
    // Samples of one length: in a short one, starting the threads would be most of it.
    group
        .sampling_mode(SamplingMode::Flat)
        .measurement_time(Duration::from_secs(2));
    group.bench_function("guuid", |bencher| {
        bencher.iter_custom(|ids| on_threads(threads, ids, || Guuid::now));
    });
    group.bench_function("uuid", |bencher| {
        bencher.iter_custom(|ids| on_threads(threads, ids, || Uuid::now_v7));
    });
    group.bench_function("uuid_own_context", |bencher| {
        bencher.iter_custom(|ids| {
            on_threads(threads, ids, || {
                let context = ContextV7::new();
                move || Uuid::new_v7(Timestamp::now(&context))
            })
        });
    });
    group.finish();
}

/// How long all threads together take for `ids` ids: from the first that starts to the last that
/// is ready.
fn on_threads<Id, Mint: FnMut() -> Id>(
    threads: u64,
    ids: u64,
    start: impl Fn() -> Mint + Sync,
) -> Duration {
    let ready = Barrier::new(threads as usize);
    let mint_share = |share: u64| {
        let mut mint = start();
        black_box(mint());
        ready.wait();
        let began = Instant::now();
        for _ in 0..share {
            black_box(mint());
        }
        (began, Instant::now())
    };
    let (began, ended): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|index| ids / threads + u64::from(index < ids % threads))
            .map(|share| {
                scope.spawn({
                    let mint_share = &mint_share;
                    move || mint_share(share)
                })
            })
            .collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .unzip()
    });
    match (began.into_iter().min(), ended.into_iter().max()) {
        (Some(began), Some(ended)) => ended - began,
        _ => Duration::ZERO,
    }
}

fn text(criterion: &mut Criterion) {
    let id = Guuid::now();
    let uuid = Uuid::from(id);
    let (hyphenated, simple, sortable) = (id.hyphenated(), id.simple(), id.sortable());

    let mut group = criterion.benchmark_group("encode");
    group.bench_function("guuid_hyphenated", |b| {
        b.iter(|| black_box(id).hyphenated())
    });
    group.bench_function("uuid_hyphenated", |b| {
        b.iter(|| {
            let mut buffer = [0; 36];
            black_box(uuid).hyphenated().encode_lower(&mut buffer);
            buffer
        });
    });
    group.bench_function("guuid_simple", |b| b.iter(|| black_box(id).simple()));
    group.bench_function("uuid_simple", |b| {
        b.iter(|| {
            let mut buffer = [0; 32];
            black_box(uuid).simple().encode_lower(&mut buffer);
            buffer
        });
    });
    group.bench_function("guuid_sortable", |b| b.iter(|| black_box(id).sortable()));
    group.bench_function("guuid_to_string", |b| b.iter(|| black_box(id).to_string()));
    group.bench_function("uuid_to_string", |b| b.iter(|| black_box(uuid).to_string()));
    group.finish();

    let mut group = criterion.benchmark_group("parse");
    group.bench_function("guuid_hyphenated", |b| {
        b.iter(|| Guuid::parse(black_box(&*hyphenated)));
    });
    group.bench_function("uuid_hyphenated", |b| {
        b.iter(|| Uuid::try_parse(black_box(&*hyphenated)));
    });
    group.bench_function("guuid_simple", |b| {
        b.iter(|| Guuid::parse(black_box(&*simple)))
    });
    group.bench_function("uuid_simple", |b| {
        b.iter(|| Uuid::try_parse(black_box(&*simple)))
    });
    group.bench_function("guuid_sortable", |b| {
        b.iter(|| Guuid::parse(black_box(&*sortable)))
    });
    group.finish();
}

fn two_threads(criterion: &mut Criterion) {
    mint_on_threads(criterion, 2);
}

fn four_threads(criterion: &mut Criterion) {
    mint_on_threads(criterion, 4);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .without_plots();
    targets = mint_on_one_thread, two_threads, four_threads, text
}
criterion_main!(benches);
