use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;

use super::RangeSet;

#[derive(Clone, Debug)]
enum Operation {
    Insert(Range<u64>),
    Remove(Range<u64>),
    RemoveBelow(u64),
    PopMin,
    TakeMin(u64),
    TruncateOldest(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let range = (0u64..200, 0u64..30).prop_map(|(start, length)| start..start + length);
    prop_oneof![
        8 => range.clone().prop_map(Operation::Insert),
        4 => range.prop_map(Operation::Remove),
        1 => (0u64..200).prop_map(Operation::RemoveBelow),
        1 => Just(Operation::PopMin),
        1 => (0u64..20).prop_map(Operation::TakeMin),
        1 => (0usize..12).prop_map(Operation::TruncateOldest),
    ]
}

/// The runs of the model, ascending.
fn runs(model: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for &number in model {
        match runs.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

fn apply_to_model(model: &mut BTreeSet<u64>, operation: &Operation) {
    match operation.clone() {
        Operation::Insert(range) => model.extend(range),
        Operation::Remove(range) => model.retain(|number| !range.contains(number)),
        Operation::RemoveBelow(limit) => model.retain(|&number| number >= limit),
        Operation::PopMin => {
            if let Some(first) = runs(model).first() {
                model.retain(|number| !first.contains(number));
            }
        }
        Operation::TakeMin(count) => {
            if let Some(first) = runs(model).first() {
                model.retain(|&it| it >= first.end || it >= first.start + count);
            }
        }
        Operation::TruncateOldest(most) => {
            let all = runs(model);
            let gone = all.len().saturating_sub(most);
            for range in all.into_iter().take(gone) {
                model.retain(|number| !range.contains(number));
            }
        }
    }
}

/// What the set says about change, if the operation says something.
fn apply(set: &mut RangeSet, operation: &Operation) -> Option<bool> {
    match operation.clone() {
        Operation::Insert(range) => return Some(set.insert(range)),
        Operation::Remove(range) => return Some(set.remove(range)),
        Operation::RemoveBelow(limit) => set.remove_below(limit),
        Operation::PopMin => drop(set.pop_min()),
        Operation::TakeMin(count) => drop(set.take_min(count)),
        Operation::TruncateOldest(most) => set.truncate_oldest(most),
    }
    None
}

proptest! {
    #[test]
    fn behaves_like_a_set_of_numbers(operations in prop::collection::vec(operation(), 0..80)) {
        let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
        for operation in &operations {
            let before = model.clone();
            apply_to_model(&mut model, operation);
            if let Some(changed) = apply(&mut set, operation) {
                prop_assert_eq!(changed, before != model, "{:?}", operation);
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), runs(&model), "{:?}", operation);
        }
        prop_assert_eq!(set.min(), model.first().copied());
        prop_assert_eq!(set.max(), model.last().copied());
        prop_assert_eq!(set.covered(), model.len() as u64);
        for number in 0..260 {
            prop_assert_eq!(set.contains(number), model.contains(&number));
        }
    }

    #[test]
    fn missing_is_the_difference(
        inserted in prop::collection::vec((0u64..200, 0u64..30), 0..20),
        asked in (0u64..220, 0u64..220),
    ) {
        let set: RangeSet = inserted.iter().map(|&(start, length)| start..start + length).collect();
        let asked = asked.0..asked.1;
        let model = asked.clone().filter(|&number| !set.contains(number)).collect();
        prop_assert_eq!(set.missing(asked.clone()).collect::<Vec<_>>(), runs(&model));
        prop_assert_eq!(set.contains_all(&asked), model.is_empty());
    }
}

#[test]
fn descending_order_is_the_ascending_one_reversed() {
    let set: RangeSet = [5..7, 1..2, 9..10].into_iter().collect();
    assert_eq!(set.iter().rev().collect::<Vec<_>>(), [9..10, 5..7, 1..2]);
}

#[test]
fn the_ends_of_the_number_range_do_not_overflow() {
    let mut set = RangeSet::new();
    assert!(!set.insert_one(u64::MAX));
    assert!(set.insert_one(u64::MAX - 1));
    assert!(set.insert(0..u64::MAX));
    assert_eq!(set.take_min(u64::MAX), Some(0..u64::MAX));
    assert!(set.is_empty());
}
