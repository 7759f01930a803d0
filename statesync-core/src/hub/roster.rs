//! Who comes and who goes: each user once, however many connections they have.
//!
//! Like the records, changes are kept once, in a bounded queue that subscribers have cursors into. One
//! that falls behind it is told so, and asks who is there.

use std::collections::{BTreeMap, VecDeque};

use super::Participant;
use crate::identity::UserId;

/// Changes that are kept: a crowd that comes at once is read by asking.
const RECENT_MAX: usize = 256;

/// Somebody came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// Who.
    pub participant: Participant,
    /// Whether they came; if not, they went.
    pub here: bool,
}

#[derive(Default)]
pub(super) struct Roster {
    connections: BTreeMap<UserId, usize>,
    recent: VecDeque<Attendance>,
    sequence: u64,
}

impl Roster {
    /// Number of the newest change.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// One more connection of a user; whether it is their first.
    pub(super) fn enter(&mut self, participant: &Participant) -> bool {
        let count = self
            .connections
            .entry(participant.user_id.clone())
            .or_default();
        *count += 1;
        let is_first = *count == 1;
        if is_first {
            self.note(participant, true);
        }
        is_first
    }

    /// One connection of a user less; whether it was their last.
    pub(super) fn leave(&mut self, participant: &Participant) -> bool {
        let Some(count) = self.connections.get_mut(&participant.user_id) else {
            return false;
        };
        *count -= 1;
        let was_last = *count == 0;
        if was_last {
            self.connections.remove(&participant.user_id);
            self.note(participant, false);
        }
        was_last
    }

    /// The changes after that number; `None` when some of them are not kept any more.
    pub(super) fn since(&self, sequence: u64) -> Option<Vec<Attendance>> {
        let behind = usize::try_from(self.sequence - sequence).unwrap_or(usize::MAX);
        let skip = self.recent.len().checked_sub(behind)?;
        Some(self.recent.iter().skip(skip).cloned().collect())
    }

    fn note(&mut self, participant: &Participant, here: bool) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Attendance {
            participant: participant.clone(),
            here,
        });
        self.sequence += 1;
    }
}
