//! Which snapshots a document needs so that its earlier versions can be read.

use crate::identity::Version;

/// What is kept when every version from one on must stay readable: at most three snapshots, and the
/// records after the first of them.
///
/// The *base* is the newest snapshot from which the oldest of those versions can be read, and without
/// one the empty document. The *newest* one makes opening quick. The one *between* them is the next base,
/// and stays until enough was written after it. So there are up to twice as many records as was asked
/// for, and few snapshots, however often one is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    base: Version,
    between: Option<Version>,
    newest: Version,
}

impl Retention {
    /// The decision about snapshots of these versions, in any order.
    pub fn new(snapshots: impl Iterator<Item = Version> + Clone, readable_from: Version) -> Self {
        let old_enough = snapshots
            .clone()
            .filter(|version| *version <= readable_from);
        let base = old_enough.max().unwrap_or(Version::ZERO);
        let newest = snapshots.clone().max().unwrap_or(Version::ZERO);
        let between = snapshots.filter(|version| *version > base).min();
        Self {
            base,
            between,
            newest,
        }
    }

    /// Records up to this version are no longer needed.
    #[must_use]
    pub fn prune_through(&self) -> Version {
        self.base
    }

    /// Whether the snapshot of a version is still needed.
    #[must_use]
    pub fn keeps(&self, version: Version) -> bool {
        version == self.base || version == self.newest || Some(version) == self.between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saves a snapshot every `step` versions up to `end`, and gives each state to `check`: the newest
    /// version, the oldest that must be readable, and the decision with the snapshots that are left.
    fn grow(step: u64, kept: u64, end: u64, check: impl Fn(u64, Version, Retention, &[Version])) {
        let mut present = Vec::new();
        for newest in (step..=end).step_by(step as usize) {
            let readable_from = Version(newest.saturating_sub(kept));
            present.push(Version(newest));
            let retention = Retention::new(present.iter().copied(), readable_from);
            present.retain(|version| retention.keeps(*version));
            check(newest, readable_from, retention, &present);
        }
    }

    #[test]
    fn every_version_that_was_asked_for_is_after_a_snapshot_and_its_records() {
        for (step, kept) in [(1, 0), (1, 5), (7, 100), (100, 7), (500, 10_000)] {
            grow(
                step,
                kept,
                200 * step,
                |_, readable_from, retention, present| {
                    let base = retention.prune_through();
                    assert!(base <= readable_from);
                    assert!(base == Version::ZERO || present.contains(&base));
                },
            );
        }
    }

    #[test]
    fn there_are_three_snapshots_at_most_and_twice_the_records_and_a_step() {
        for (step, kept) in [(1, 0), (1, 5), (7, 100), (100, 7), (500, 10_000)] {
            grow(step, kept, 200 * step, |newest, _, retention, present| {
                assert!(present.len() <= 3, "{present:?}");
                let records = newest - retention.prune_through().0;
                assert!(records <= 2 * kept + step, "{records} of {kept}, {step}");
            });
        }
    }

    #[test]
    fn with_nothing_to_be_kept_the_newest_snapshot_is_alone() {
        let versions = [3, 9, 7].map(Version);
        let retention = Retention::new(versions.into_iter(), Version(9));
        assert_eq!(retention.prune_through(), Version(9));
        assert_eq!(
            versions.map(|version| retention.keeps(version)),
            [false, true, false]
        );
    }

    #[test]
    fn without_a_snapshot_that_is_old_enough_nothing_is_pruned() {
        let versions = [Version(5), Version(9)];
        let retention = Retention::new(versions.into_iter(), Version(4));
        assert_eq!(retention.prune_through(), Version::ZERO);
        assert!(versions.into_iter().all(|version| retention.keeps(version)));
    }
}
