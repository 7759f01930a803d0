//! Messages on their way out.

mod entry;
mod write;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::clock::OwnClock;
use super::options::MessageOptions;
use super::{OVERHEAD_BYTES, SendMessageError};
use crate::carried::Carried;
use crate::stats::Holdings;
use crate::stream::flow::SendCredit;
use crate::time::Instant;
use crate::urgency::Urgency;
use entry::{End, Entry};

/// What has been accepted and is not settled.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// By the number under which they were accepted.
    messages: BTreeMap<u64, Entry>,
    next_number: u64,
    next_id: u64,
    /// Not begun: these need credit.
    new: BTreeSet<(Urgency, u64)>,
    /// Begun, with bytes to send for the first time or again.
    begun: BTreeSet<(Urgency, u64)>,
    /// Deadlines that have not passed yet.
    deadlines: BTreeSet<(Instant, u64)>,
    /// Not to be completed; the peer has to be told.
    resets: VecDeque<u64>,
    pub(super) clock: OwnClock,
    credit: SendCredit,
    /// What it was when the connection began.
    first_credit: u64,
    /// What the peer takes, once that is known; 0: no messages at all.
    message_bytes_max: Option<u64>,
    /// The limit at which being blocked was last told.
    blocked_told: Option<u64>,
    buffered: u64,
    window: u64,
    /// Bytes that were sent more than once.
    repeated: u64,
    /// Made when a message expires for the first time: most connections have none.
    expired: Option<Box<Expired>>,
    /// A message was refused for lack of room.
    refused: bool,
    writable: bool,
}

/// Messages that expired.
#[derive(Debug, Default)]
struct Expired {
    total: u64,
    /// Of these, the ones that the peer knows nothing of.
    unsent: u64,
    /// The newest, which nobody has asked for.
    numbers: VecDeque<u64>,
    news: bool,
}

/// Whether a message has an id, and is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Begun {
    Yes,
    No,
}

impl Outgoing {
    pub(super) fn new(window: u64) -> Self {
        Self {
            messages: BTreeMap::new(),
            next_number: 0,
            next_id: 0,
            new: BTreeSet::new(),
            begun: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            resets: VecDeque::new(),
            clock: OwnClock::default(),
            credit: SendCredit::default(),
            first_credit: 0,
            message_bytes_max: None,
            blocked_told: None,
            buffered: 0,
            window,
            repeated: 0,
            expired: None,
            refused: false,
            writable: false,
        }
    }

    pub(super) fn set_peer_limits(&mut self, credit: u64, message_bytes_max: u64) {
        self.credit.set_limit(credit);
        self.first_credit = credit;
        self.blocked_told = None;
        // A message that the whole credit does not pay for would hold up all behind it.
        let affordable = credit.saturating_sub(OVERHEAD_BYTES);
        let bytes_max = message_bytes_max.min(affordable).min(BYTES_MAX);
        self.message_bytes_max = Some(bytes_max);
        self.wake();
    }

    pub(super) fn count(&self, held: &mut Holdings) {
        held.messages_outgoing += self.messages.len();
        let bytes = self.messages.values().map(|entry| entry.data.len());
        held.message_send_bytes += bytes.sum::<usize>();
        let expired = self.expired.as_ref();
        held.messages_expired += expired.map_or(0, |expired| expired.numbers.len());
    }

    pub(super) fn on_max_message_data(&mut self, bytes: u64) {
        self.credit.raise(bytes);
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        data: Bytes,
        options: &MessageOptions,
    ) -> Result<u64, SendMessageError> {
        // Before the peer's limits are known nothing is refused for good.
        let Some(bytes_max) = self.message_bytes_max else {
            self.refused = true;
            return Err(SendMessageError::Blocked);
        };
        let bytes = data.len();
        if bytes as u64 > bytes_max || bytes_max == 0 {
            return Err(SendMessageError::TooLarge { bytes, bytes_max });
        }
        let window = self.window - options.urgency.reserve(self.window);
        if self.buffered > 0 && self.buffered + bytes as u64 > window {
            self.refused = true;
            return Err(SendMessageError::Blocked);
        }
        let number = self.next_number;
        self.next_number += 1;
        let entry = Entry::new(now, data, options);
        self.buffered += entry.cost();
        self.new.insert((entry.urgency, number));
        if entry.has_deadline() {
            self.deadlines.insert((entry.deadline, number));
        }
        self.messages.insert(number, entry);
        Ok(number)
    }

    /// How many messages have begun.
    pub(super) fn begun(&self) -> u64 {
        self.next_id
    }

    pub(super) fn repeated_bytes(&self) -> u64 {
        self.repeated
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn on_delivered(&mut self, carried: &Carried) {
        match *carried {
            Carried::Message {
                number,
                start,
                length,
            } => {
                let Some(entry) = self.messages.get_mut(&number) else {
                    return;
                };
                // An empty message is delivered with its one frame.
                let range = u64::from(start)..u64::from(start) + u64::from(length).max(1);
                entry.delivered.insert(range.clone());
                entry.lost.remove(range);
                // What is given up ends with its reset: the peer may have seen either.
                if entry.end.is_none() {
                    self.settle(number);
                }
            }
            Carried::ResetMessage { number } => self.remove(number),
            _ => {}
        }
    }

    /// Something of it arrived: perhaps all, or all that was to be sent again.
    fn settle(&mut self, number: u64) {
        let Some(entry) = self.messages.get(&number) else {
            return;
        };
        if entry.is_delivered() {
            self.remove(number);
        } else if !entry.is_unsent() {
            self.begun.remove(&(entry.urgency, number));
        }
    }

    /// Says whether anything has to be sent because of that.
    pub(super) fn on_lost(&mut self, carried: &Carried) -> bool {
        match *carried {
            Carried::Message {
                number,
                start,
                length,
            } => {
                let Some(entry) = self.messages.get_mut(&number) else {
                    return false;
                };
                let range = u64::from(start)..u64::from(start) + u64::from(length).max(1);
                if entry.end.is_some() || entry.id.is_none() || entry.delivered.covers(&range) {
                    return false;
                }
                if !entry.reliable {
                    self.end(number, End::GivenUp);
                    return true;
                }
                entry.lost.insert(range);
                for known in entry.delivered.iter() {
                    entry.lost.remove(known);
                }
                self.begun.insert((entry.urgency, number));
            }
            Carried::ResetMessage { number } => self.resets.push_back(number),
            _ => return false,
        }
        true
    }

    /// Until when something that a packet carried is wanted. `None`: it is settled or given up.
    pub(super) fn wanted_until(&self, number: u64) -> Option<Instant> {
        let entry = self.messages.get(&number)?;
        entry.end.is_none().then_some(entry.deadline)
    }

    /// The next deadline of a message.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Gives up what is past its deadline. What is wholly under way is settled by its
    /// acknowledgement or its loss.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(&(deadline, number)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            if self.messages.get(&number).is_some_and(Entry::is_unsent) {
                self.expire_one(number);
            }
        }
    }

    fn expire_one(&mut self, number: u64) {
        let Some(entry) = self.messages.get_mut(&number) else {
            return;
        };
        let expired = self.expired.get_or_insert_default();
        expired.add(number);
        if entry.id.is_none() {
            expired.unsent += 1;
            return self.remove(number);
        }
        entry.data = Bytes::new();
        self.buffered = self.buffered.saturating_sub(entry.size());
        self.end(number, End::Expired);
        self.wake();
    }

    /// No more of it is sent, but that.
    fn end(&mut self, number: u64, why: End) {
        if let Some(entry) = self.messages.get_mut(&number) {
            entry.end = Some(why);
            let place = (entry.urgency, number);
            let deadline = (entry.deadline, number);
            self.begun.remove(&place);
            self.deadlines.remove(&deadline);
            self.resets.push_back(number);
        }
    }

    /// Nothing that was sent has been seen.
    pub(super) fn restart(&mut self) {
        self.credit.restart(0);
        self.blocked_told = None;
        self.next_id = 0;
        self.resets.clear();
        self.begun.clear();
        let is_expired = |entry: &Entry| entry.end == Some(End::Expired);
        let all = self.messages.iter();
        let expired: Vec<_> = all
            .filter(|(_, entry)| is_expired(entry))
            .map(|(&number, _)| number)
            .collect();
        if let Some(known) = &mut self.expired {
            known.unsent += expired.len() as u64;
        }
        expired.into_iter().for_each(|number| self.remove(number));
        for (&number, entry) in &mut self.messages {
            self.repeated += entry.sent;
            entry.restart();
            self.new.insert((entry.urgency, number));
            if entry.has_deadline() {
                self.deadlines.insert((entry.deadline, number));
            }
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.messages.remove(&number) else {
            return;
        };
        self.new.remove(&(entry.urgency, number));
        self.begun.remove(&(entry.urgency, number));
        self.deadlines.remove(&(entry.deadline, number));
        // The bytes of what expired are given back already.
        let bytes = entry.data.len() as u64 + OVERHEAD_BYTES;
        self.buffered = self.buffered.saturating_sub(bytes);
        self.wake();
    }

    fn wake(&mut self) {
        if self.refused && self.buffered <= self.window / 4 * 3 {
            self.refused = false;
            self.writable = true;
        }
    }

    pub(super) fn take_writable(&mut self) -> bool {
        std::mem::take(&mut self.writable)
    }

    /// Messages that expired, and those of them that never had an id.
    pub(super) fn expired(&self) -> (u64, u64) {
        let expired = self.expired.as_ref();
        expired.map_or((0, 0), |expired| (expired.total, expired.unsent))
    }

    pub(super) fn take_expired(&mut self) -> Option<u64> {
        let expired = self.expired.as_mut()?;
        let number = expired.numbers.pop_front();
        if number.is_none() {
            expired.numbers = VecDeque::new();
        }
        number
    }

    pub(super) fn take_expired_news(&mut self) -> bool {
        let expired = self.expired.as_mut();
        expired.is_some_and(|expired| std::mem::take(&mut expired.news))
    }
}

impl Expired {
    fn add(&mut self, number: u64) {
        self.total += 1;
        self.news = true;
        if self.numbers.len() >= EXPIRED_KEPT_MAX {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
    }
}

/// The first of this urgency.
fn first_of(messages: &BTreeSet<(Urgency, u64)>, urgency: Urgency) -> Option<u64> {
    let mut range = messages.range((urgency, 0)..=(urgency, u64::MAX));
    range.next().map(|&(_, number)| number)
}

/// No larger messages, whatever the peer takes: offsets are remembered in 32 bits.
const BYTES_MAX: u64 = 1 << 30;

/// Numbers of expired messages that are kept for whoever asks: 8 KiB. Of more, the oldest are
/// forgotten, and only counted.
const EXPIRED_KEPT_MAX: usize = 1_024;
