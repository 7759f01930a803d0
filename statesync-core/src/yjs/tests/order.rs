//! Updates come in any order, and some come late.

use guuid::{Entropy, SeededEntropy};

use super::*;

/// The same updates in another order, which `seed` chooses.
fn shuffled(mut updates: Vec<Vec<u8>>, seed: u64) -> Vec<Vec<u8>> {
    let entropy = SeededEntropy::new(seed);
    for index in (1..updates.len()).rev() {
        updates.swap(index, entropy.next_u64() as usize % (index + 1));
    }
    updates
}

/// Whatever the order, with a restart and a peer that joins in between: everybody ends with the
/// same content, and knows all of it.
fn assert_order_does_not_matter(updates: &[Vec<u8>], seed: u64, between: prop::sample::Index) {
    let expected = essence(&content_of(updates));
    let in_disorder = shuffled(updates.to_vec(), seed);
    let mut content = YjsContent::empty();
    let mut peer = YjsContent::empty();
    let between = between.index(updates.len());
    for (index, update) in in_disorder.iter().enumerate() {
        if index == between {
            content = YjsContent::restore(&content.snapshot()).unwrap();
            peer.apply(&content.difference(&[0]).unwrap()).unwrap();
        }
        content.apply(update).unwrap();
        if index >= between {
            peer.apply(update).unwrap();
        }
    }
    assert_eq!(essence(&content), expected);
    assert_eq!(essence(&peer), expected);
    for update in updates {
        assert_eq!(content.apply(update).unwrap(), Applied::Unchanged);
    }
}

proptest! {
    #[test]
    fn updates_in_any_order_make_the_same_content(
        strokes in strokes(40),
        seed in any::<u64>(),
        between in any::<prop::sample::Index>(),
    ) {
        assert_order_does_not_matter(&session(&strokes, plain_stroke), seed, between);
    }

    #[test]
    fn updates_of_rich_text_in_any_order_make_the_same_content(
        strokes in strokes(40),
        seed in any::<u64>(),
        between in any::<prop::sample::Index>(),
    ) {
        assert_order_does_not_matter(&session(&strokes, rich_stroke), seed, between);
    }
}
