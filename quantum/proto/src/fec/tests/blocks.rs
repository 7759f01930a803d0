use proptest::prelude::*;

use crate::fec::{Cauchy, CodecError, FecCodec};

fn block(data: usize, parity: usize, size: usize) -> (Cauchy, Vec<Option<Vec<u8>>>) {
    let codec = Cauchy::new(data, parity).unwrap();
    let mut seed = 1_u32;
    let mut shards = vec![vec![0_u8; size]; data + parity];
    for byte in shards[..data].iter_mut().flatten() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (seed >> 24) as u8;
    }
    let (sources, repairs) = shards.split_at_mut(data);
    let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    let mut repairs: Vec<&mut [u8]> = repairs.iter_mut().map(Vec::as_mut_slice).collect();
    codec.encode(&sources, &mut repairs).unwrap();
    (codec, shards.into_iter().map(Some).collect())
}

proptest! {
    #[test]
    fn any_shards_as_many_as_the_data_suffice(
        data in 1usize..40,
        parity in 1usize..=16,
        size in 1usize..40,
        order in prop::collection::vec(any::<u16>(), 56),
    ) {
        let (codec, whole) = block(data, parity, size);
        let mut order: Vec<usize> = {
            let mut numbered: Vec<_> = order.into_iter().take(data + parity).zip(0..).collect();
            numbered.sort_unstable();
            numbered.into_iter().map(|(_, at)| at).collect()
        };
        order.truncate(parity);
        let mut shards = whole.clone();
        for at in &order {
            shards[*at] = None;
        }
        codec.reconstruct(&mut shards).unwrap();
        prop_assert_eq!(&shards[..data], &whole[..data]);
    }
}

#[test]
fn one_shard_too_few_is_said_to_be() {
    let (codec, mut shards) = block(10, 3, 100);
    shards[..4].fill(None);
    assert_eq!(codec.reconstruct(&mut shards), Err(CodecError::TooFew));
}

#[test]
fn shards_of_another_shape_are_refused() {
    let (codec, mut shards) = block(4, 2, 10);
    shards[1] = Some(vec![0; 11]);
    assert_eq!(codec.reconstruct(&mut shards), Err(CodecError::Shape));
    assert_eq!(codec.reconstruct(&mut shards[..5]), Err(CodecError::Shape));
    assert!(Cauchy::new(0, 1).is_none() && Cauchy::new(1, 17).is_none());
}
