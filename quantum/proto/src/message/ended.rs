//! Which messages are over.

use std::collections::BTreeMap;

/// Ids that are complete or reset: a prefix, and runs behind it.
///
/// A tree, as the peer chooses the ids: it can neither make an insertion slow nor the runs many
/// without being noticed.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// All ids below.
    below: u64,
    /// Start and end of runs that do not touch.
    runs: BTreeMap<u64, u64>,
}

impl Ended {
    pub(super) fn contains(&self, id: u64) -> bool {
        id < self.below || self.run_at_or_before(id).is_some_and(|(_, end)| id < end)
    }

    /// Adds an id that is not contained.
    pub(super) fn insert(&mut self, id: u64) {
        let next = id.saturating_add(1);
        let end = self.runs.remove(&next).unwrap_or(next);
        if id == self.below {
            self.below = end;
            return;
        }
        let start = match self.run_at_or_before(id) {
            Some((start, touching)) if touching == id => start,
            _ => id,
        };
        self.runs.insert(start, end);
    }

    /// How many gaps there are.
    pub(super) fn gaps(&self) -> usize {
        self.runs.len()
    }

    fn run_at_or_before(&self, id: u64) -> Option<(u64, u64)> {
        let run = self.runs.range(..=id).next_back();
        run.map(|(&start, &end)| (start, end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Ended;

    proptest! {
        #[test]
        fn ended_ids_are_those_of_a_plain_set(ids in prop::collection::vec(0u64..60, 0..100)) {
            let (mut ended, mut model) = (Ended::default(), BTreeSet::new());
            for id in ids {
                if model.insert(id) {
                    prop_assert!(!ended.contains(id));
                    ended.insert(id);
                }
            }
            for id in 0..62 {
                prop_assert_eq!(ended.contains(id), model.contains(&id));
            }
            let gaps = (1..60).filter(|id| model.contains(id) && !model.contains(&(id - 1)));
            prop_assert_eq!(ended.gaps(), gaps.count());
        }
    }
}
