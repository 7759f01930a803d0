//! Which moments readers look at.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// The present moment, and the older ones that somebody still looks at. A moment is a sequence
/// number of the tree: what has a smaller one is seen.
pub(super) struct Moments {
    state: Mutex<State>,
}

struct State {
    present: u64,
    in_use: BTreeMap<u64, usize>,
}

impl Moments {
    pub(super) fn beginning(present: u64) -> Self {
        Self {
            state: Mutex::new(State {
                present,
                in_use: BTreeMap::new(),
            }),
        }
    }

    /// Everything below `present` is there and can be seen.
    pub(super) fn publish(&self, present: u64) {
        self.state.lock().present = present;
    }

    /// The present one, in use until it is dropped.
    pub(super) fn now(&self) -> Moment<'_> {
        let mut state = self.state.lock();
        let number = state.present;
        *state.in_use.entry(number).or_default() += 1;
        Moment {
            moments: self,
            number,
        }
    }

    /// The oldest that is, or will be, looked at.
    pub(super) fn oldest(&self) -> u64 {
        let state = self.state.lock();
        state.in_use.keys().next().copied().unwrap_or(state.present)
    }
}

/// A moment in use.
pub(super) struct Moment<'a> {
    moments: &'a Moments,
    number: u64,
}

impl Moment<'_> {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let mut state = self.moments.state.lock();
        if let Some(users) = state.in_use.get_mut(&self.number) {
            *users -= 1;
            if *users == 0 {
                state.in_use.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_kept_until_its_last_user_is_gone() {
        let moments = Moments::beginning(1);
        let (first, second) = (moments.now(), moments.now());
        moments.publish(9);
        assert_eq!(moments.oldest(), 1);
        drop(first);
        assert_eq!(moments.oldest(), 1);
        drop(second);
        assert_eq!(moments.oldest(), 9);
        assert_eq!(moments.now().number(), 9);
    }
}
