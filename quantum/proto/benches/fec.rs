//! Block codes on shards of 1,200 bytes, side by side: what REPAIR frames are made of, and the crate
//! `reed-solomon-erasure`.
//!
//! `cargo bench -p quantum-proto --features reed-solomon-erasure` runs this and then prints the
//! results as one markdown table. Decoding puts back as many shards of data as there is parity: the
//! first ones.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quantum_proto::fec::{Cauchy, FecCodec, ReedSolomon};

const SHARD_BYTES: usize = 1_200;

/// Shards of data and of parity.
const CODES: [(usize, usize); 3] = [(4, 2), (10, 3), (20, 4)];

fn compare(criterion: &mut Criterion) {
    for (data, parity) in CODES {
        let Some(ours) = Cauchy::new(data, parity) else {
            continue;
        };
        let Some(theirs) = ReedSolomon::new(data, parity) else {
            continue;
        };
        let codecs: [(&str, &dyn FecCodec); 2] =
            [("cauchy", &ours), ("reed_solomon_erasure", &theirs)];
        for (name, codec) in codecs {
            encode(criterion, name, codec, (data, parity));
            decode(criterion, name, codec, (data, parity));
        }
    }
}

/// Shards of data without a pattern, and room for parity.
fn shards((data, parity): (usize, usize)) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut seed = 1_u32;
    let mut sources = vec![vec![0_u8; SHARD_BYTES]; data];
    for byte in sources.iter_mut().flatten() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (seed >> 24) as u8;
    }
    (sources, vec![vec![0; SHARD_BYTES]; parity])
}

fn encode_once(codec: &dyn FecCodec, sources: &[&[u8]], repairs: &mut [Vec<u8>]) {
    let mut repairs: Vec<&mut [u8]> = repairs.iter_mut().map(Vec::as_mut_slice).collect();
    let result = codec.encode(sources, &mut repairs);
    assert_eq!(result, Ok(()), "the shards have the shape of the code");
}

fn encode(criterion: &mut Criterion, name: &str, codec: &dyn FecCodec, code: (usize, usize)) {
    let (sources, mut repairs) = shards(code);
    let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    let mut group = criterion.benchmark_group(format!("encode_{}_{}", code.0, code.1));
    group.throughput(Throughput::Bytes((code.0 * SHARD_BYTES) as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| encode_once(codec, &sources, &mut repairs));
    });
    group.finish();
}

fn decode(criterion: &mut Criterion, name: &str, codec: &dyn FecCodec, code: (usize, usize)) {
    let (sources, mut repairs) = shards(code);
    let borrowed: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    encode_once(codec, &borrowed, &mut repairs);
    let mut shards: Vec<Option<Vec<u8>>> = sources.into_iter().chain(repairs).map(Some).collect();
    let mut group = criterion.benchmark_group(format!("decode_{}_{}", code.0, code.1));
    group.throughput(Throughput::Bytes((code.0 * SHARD_BYTES) as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            shards[..code.1].fill(None);
            let result = codec.reconstruct(&mut shards);
            assert_eq!(result, Ok(()), "as many shards as the data are left");
        });
    });
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);
