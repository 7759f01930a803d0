//! How long the committer waits for more before it begins a group.
//!
//! Writers that were just answered often have something new at once. If the committer begins with
//! what is there, they miss this sync and wait for all of the next one, and from then on the writers
//! are two halves that take turns: twice the syncs, twice the wait. So the committer waits a moment
//! for those it answered, but only as long as experience says that they come.

use std::time::Duration;

/// Longest wait: not much more than a sync on a fast disk takes, so that a wait in vain costs about
/// what it could have saved.
pub(super) const GATHERING_MAX: Duration = Duration::from_micros(150);

/// Groups that are begun without waiting after a wait in vain: makes that cost at most a few percent.
const GROUPS_AFTER_VAIN: u32 = 16;

/// What the committer learned of its writers.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    answered: usize,
    groups_to_go: u32,
}

impl Patience {
    /// So many writers were answered just now.
    pub(crate) fn answered(&mut self, count: usize) {
        self.answered = count;
    }

    /// How many to wait for when so many wait already. Not for the last eighth: some are slow.
    pub(super) fn enough(&mut self, waiting: usize) -> usize {
        if self.groups_to_go > 0 {
            self.groups_to_go -= 1;
            return 1;
        }
        let all = waiting + self.answered;
        (all - all / 8).max(1)
    }

    /// There were `before` when the wait for `enough` began, and `after` when it ended. It was in vain
    /// when less than half of those came who were waited for.
    pub(super) fn waited(&mut self, before: usize, enough: usize, after: usize) {
        let (missing, came) = (enough.saturating_sub(before), after.saturating_sub(before));
        if came < missing / 2 {
            self.groups_to_go = GROUPS_AFTER_VAIN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_writer_is_never_kept_waiting_for_others() {
        let mut patience = Patience::default();
        assert_eq!(patience.enough(0), 1);
        patience.answered(1);
        assert_eq!(patience.enough(0), 1);
    }

    #[test]
    fn those_just_answered_are_waited_for_until_they_stay_away() {
        let mut patience = Patience::default();
        patience.answered(32);
        assert_eq!(patience.enough(32), 56);
        patience.waited(32, 56, 44);
        assert_eq!(patience.enough(32), 56, "half of them came");
        patience.waited(32, 56, 43);
        for _ in 0..GROUPS_AFTER_VAIN {
            assert_eq!(patience.enough(32), 1);
        }
        assert_eq!(patience.enough(32), 56);
    }
}
