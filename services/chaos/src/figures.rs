//! What a round counted.

use std::collections::HashMap;

use crate::history::{Answer, Call, Event, History, Told};

/// Counts and times, of one round or of many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Operations that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Answers that said nothing about what became of an operation, and those that never came.
    pub(crate) unknown: u64,
    /// Operations that were asked for more than once.
    pub(crate) asked_again: u64,
    /// Answers about an operation that was in the log before it was asked for.
    pub(crate) duplicates: u64,
    /// Operations that were refused, for the sake of a lock or a conflict.
    pub(crate) refused: u64,
    /// Of those, by somebody who had lost the lock.
    pub(crate) fenced: u64,
    /// Contents that subscribers were told in place of operations, after the first one.
    pub(crate) resyncs: u64,
    /// Longest time from the first asking to an answer that says what became of it, in microseconds.
    pub(crate) longest_wait: u64,
    /// From an acknowledgement at one replica to its arrival at a subscriber of another, each time, in
    /// microseconds.
    pub(crate) staleness: Vec<u64>,
}

impl Figures {
    pub(crate) fn of(histories: &[History]) -> Self {
        let mut figures = Self::default();
        for history in histories {
            let told = first_told(history);
            for call in &history.calls {
                figures.count(call, &told);
            }
            for told in &history.told {
                figures.count_resyncs(told);
                figures.measure(history, told);
            }
        }
        figures
    }

    /// These, and those of another round.
    pub(crate) fn join(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.asked_again += other.asked_again;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
        self.fenced += other.fenced;
        self.resyncs += other.resyncs;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
        self.staleness.extend(other.staleness);
    }

    /// The staleness that this share of all did not exceed, in microseconds.
    pub(crate) fn staleness_at(&self, share: f64) -> u64 {
        let mut sorted = self.staleness.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        // Exact enough for as many as fit into memory.
        let at = (last as f64 * share).round() as usize;
        sorted.get(at).copied().unwrap_or_default()
    }

    fn count(&mut self, call: &Call, told: &HashMap<u64, u64>) {
        let mut was_acknowledged = false;
        for attempt in &call.attempts {
            match &attempt.answer {
                Answer::Accepted { version, .. } => {
                    let seen = told.get(version);
                    let was_told = seen.is_some_and(|number| *number < attempt.asked.number);
                    self.duplicates += u64::from(was_acknowledged || was_told);
                    was_acknowledged = true;
                }
                Answer::Refused(reason) => {
                    self.refused += 1;
                    self.fenced += u64::from(reason == "FENCED");
                }
                Answer::Unknown(_) => self.unknown += 1,
                Answer::TurnedAway(_) => {}
            }
        }
        self.acknowledged += u64::from(was_acknowledged);
        self.asked_again += u64::from(call.attempts.len() > 1);
        let known = call
            .attempts
            .iter()
            .find(|attempt| matches!(attempt.answer, Answer::Accepted { .. } | Answer::Refused(_)));
        if let (Some(asked), Some(known)) = (call.asked(), known) {
            let waited = known.answered.micros.saturating_sub(asked.micros);
            self.longest_wait = self.longest_wait.max(waited);
        }
    }

    fn count_resyncs(&mut self, told: &Told) {
        let mut has_something = false;
        for event in &told.events {
            match event {
                Event::Content { .. } => {
                    self.resyncs += u64::from(has_something);
                    has_something = true;
                }
                Event::Operation { .. } => has_something = true,
                _ => {}
            }
        }
    }

    /// How long after each acknowledgement at another replica this subscriber was told, if it was
    /// listening then and went on to.
    fn measure(&mut self, history: &History, told: &Told) {
        let acknowledged: HashMap<u64, _> = history
            .calls
            .iter()
            .filter_map(|call| {
                let attempt = call.acknowledged()?;
                match attempt.answer {
                    Answer::Accepted { version, .. } => Some((version, attempt)),
                    _ => None,
                }
            })
            .collect();
        let mut listening = None;
        for event in &told.events {
            match event {
                Event::Began { at, replica, .. } => listening = Some((*at, *replica)),
                Event::Ended { .. } => listening = None,
                Event::Operation { at, version, .. } => {
                    if let Some((since, replica)) = listening
                        && let Some(attempt) = acknowledged.get(version)
                        && attempt.replica != replica
                        && attempt.answered > since
                    {
                        let micros = at.micros.saturating_sub(attempt.answered.micros);
                        self.staleness.push(micros);
                    }
                }
                _ => {}
            }
        }
    }
}

/// When each version was first told to a subscriber.
fn first_told(history: &History) -> HashMap<u64, u64> {
    let mut first: HashMap<u64, u64> = HashMap::new();
    for event in history.told.iter().flat_map(|told| &told.events) {
        if let Event::Operation { at, version, .. } = event {
            let number = first.entry(*version).or_insert(at.number);
            *number = at.number.min(*number);
        }
    }
    first
}
