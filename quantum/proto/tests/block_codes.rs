//! What block codes promise, ours and the one that it is measured against.

#![expect(clippy::expect_used, reason = "tests of known codes")]

use proptest::prelude::*;
#[cfg(feature = "reed-solomon-erasure")]
use quantum_proto::fec::ReedSolomon;
use quantum_proto::fec::{Cauchy, CodecError, FecCodec};

/// Every code, by its name.
fn codecs(data: usize, parity: usize) -> Vec<(&'static str, Box<dyn FecCodec>)> {
    let cauchy = Cauchy::new(data, parity).expect("a code");
    vec![
        ("cauchy", Box::new(cauchy)),
        #[cfg(feature = "reed-solomon-erasure")]
        (
            "reed-solomon-erasure",
            Box::new(ReedSolomon::new(data, parity).expect("a code")),
        ),
    ]
}

/// Shards of data, no two alike, and their parity.
fn block(codec: &dyn FecCodec, data: usize, parity: usize, size: usize) -> Vec<Option<Vec<u8>>> {
    let mut seed = 1_u32;
    let mut shards = vec![vec![0_u8; size]; data + parity];
    for byte in shards[..data].iter_mut().flatten() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (seed >> 24) as u8;
    }
    let (sources, repairs) = shards.split_at_mut(data);
    let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    let mut repairs: Vec<&mut [u8]> = repairs.iter_mut().map(Vec::as_mut_slice).collect();
    codec
        .encode(&sources, &mut repairs)
        .expect("it can be coded");
    shards.into_iter().map(Some).collect()
}

proptest! {
    #[test]
    fn any_shards_as_many_as_the_data_suffice(
        data in 1usize..40,
        parity in 1usize..=16,
        size in 1usize..80,
        order in prop::collection::vec(any::<u16>(), 56),
    ) {
        let mut numbered: Vec<_> = order.into_iter().take(data + parity).zip(0..).collect();
        numbered.sort_unstable();
        for (name, codec) in codecs(data, parity) {
            let whole = block(&*codec, data, parity, size);
            let mut shards = whole.clone();
            for (_, lost) in &numbered[..parity] {
                shards[*lost] = None;
            }
            codec.reconstruct(&mut shards).expect("as many as the data are left");
            prop_assert_eq!(&shards[..data], &whole[..data], "{}", name);
        }
    }
}

#[test]
fn one_shard_too_few_is_said_to_be() {
    for (name, codec) in codecs(10, 3) {
        let mut shards = block(&*codec, 10, 3, 100);
        shards[..4].fill(None);
        let result = codec.reconstruct(&mut shards);
        assert_eq!(result, Err(CodecError::TooFew), "{name}");
    }
}

#[test]
fn shards_of_another_shape_are_refused() {
    for (name, codec) in codecs(4, 2) {
        let mut shards = block(&*codec, 4, 2, 10);
        shards[1] = Some(vec![0; 11]);
        let shape = Err(CodecError::Shape);
        assert_eq!(codec.reconstruct(&mut shards), shape, "{name}");
        assert_eq!(codec.reconstruct(&mut shards[..5]), shape, "{name}");
        let (data, mut parity) = ([[0; 10]; 4], [[0; 10]; 2]);
        let data = data.each_ref().map(|shard| &shard[..]);
        let [first, second] = &mut parity;
        let mut short: [&mut [u8]; 2] = [first, &mut second[..9]];
        assert_eq!(codec.encode(&data, &mut short), shape, "{name}");
        assert_eq!(codec.encode(&data, &mut short[..1]), shape, "{name}");
        assert_eq!(codec.encode(&data[..3], &mut short), shape, "{name}");
    }
}

#[test]
fn codes_without_shards_or_with_too_many_do_not_exist() {
    assert!(Cauchy::new(0, 1).is_none() && Cauchy::new(1, 0).is_none());
    assert!(Cauchy::new(1, 17).is_none() && Cauchy::new(129, 1).is_none());
    assert!(Cauchy::new(128, 16).is_some());
    #[cfg(feature = "reed-solomon-erasure")]
    assert!(ReedSolomon::new(0, 1).is_none() && ReedSolomon::new(250, 7).is_none());
}
