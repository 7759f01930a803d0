//! Messages of both directions.

mod lateness;

use std::collections::BTreeSet;

use bytes::Bytes;
use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

use super::{Fault, Shared, content};
use crate::options::plan::{MessagePlan, Plan};
use crate::transport::{Refusal, Transport};
use crate::violation::Rule;
use lateness::Lateness;

/// Bytes at the beginning of a message that say which one it is.
const INDEX_BYTES: usize = 4;

/// Sends messages in the order of the plan.
pub(super) struct Outgoing {
    side: Side,
    sent: usize,
    pub(super) blocked: bool,
    pub(super) expired_news: bool,
    expired: BTreeSet<u64>,
}

impl Outgoing {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            sent: 0,
            blocked: false,
            expired_news: false,
            expired: BTreeSet::new(),
        }
    }

    pub(super) fn run(
        &mut self,
        now: Instant,
        since: Instant,
        plan: &Plan,
        shared: &Shared,
        transport: &mut impl Transport,
    ) -> Result<(), Fault> {
        let key = plan.key(self.side);
        let plan = &plan.side(self.side).messages;
        while let Some(message) = plan.get(self.sent) {
            if self.blocked || since + message.at > now {
                break;
            }
            let data = compose(key, self.sent, message.bytes);
            match transport.send_message(now, data, &message.options()) {
                Ok(number) if number == self.sent as u64 => {
                    shared.set_accepted(self.side, self.sent, now);
                    self.sent += 1;
                }
                Ok(number) => {
                    let detail = format!("message {} has the number {number}", self.sent);
                    return Err((Rule::Contract, detail));
                }
                Err(Refusal::Blocked) => self.blocked = true,
                // Shown by the ending of the connection.
                Err(_) => break,
            }
        }
        self.look_at_expired(plan, transport)
    }

    /// Only what has a deadline expires, and once.
    fn look_at_expired(
        &mut self,
        plan: &[MessagePlan],
        transport: &mut impl Transport,
    ) -> Result<(), Fault> {
        if !std::mem::take(&mut self.expired_news) {
            return Ok(());
        }
        while let Some(number) = transport.take_expired_message() {
            let planned = usize::try_from(number)
                .ok()
                .and_then(|index| plan.get(index));
            let may_expire = planned.is_some_and(|message| message.deadline.is_some());
            if !may_expire || !self.expired.insert(number) {
                let detail = format!("message {number} expired: {planned:?}");
                return Err((Rule::Deadlines, detail));
            }
        }
        Ok(())
    }

    pub(super) fn is_done(&self, plan: &[MessagePlan]) -> bool {
        self.sent == plan.len()
    }

    pub(super) fn poll_timeout(&self, since: Instant, plan: &[MessagePlan]) -> Option<Instant> {
        let next = plan.get(self.sent).filter(|_| !self.blocked)?;
        Some(since + next.at)
    }
}

/// Receives messages in any order, each at most once.
pub(super) struct Incoming {
    /// Who sends them.
    from: Side,
    pub(super) available: bool,
    received: Vec<bool>,
    /// Reliable ones without a deadline that have not come yet.
    missing: usize,
    /// Reliable ones with a deadline that have not come yet.
    awaited: u64,
    /// Those of any kind that have a deadline and have not come.
    doubtful: u64,
    /// Messages of which the transport said that they expired.
    pub(super) missed: u64,
    lateness: Lateness,
}

impl Incoming {
    pub(super) fn new(from: Side, plan: &[MessagePlan]) -> Self {
        let count = |wanted: fn(&MessagePlan) -> bool| {
            plan.iter().filter(|message| wanted(message)).count()
        };
        Self {
            from,
            available: false,
            received: vec![false; plan.len()],
            missing: count(|message| message.reliable && message.deadline.is_none()),
            awaited: count(|message| message.reliable && message.deadline.is_some()) as u64,
            doubtful: count(|message| message.deadline.is_some()) as u64,
            missed: 0,
            lateness: Lateness::default(),
        }
    }

    pub(super) fn run(
        &mut self,
        now: Instant,
        plan: &Plan,
        shared: &Shared,
        transport: &mut impl Transport,
    ) -> Result<(), Fault> {
        if std::mem::take(&mut self.available) {
            while let Some(message) = transport.receive_message(now) {
                self.accept(now, plan, shared, &message)?;
            }
        }
        if self.missed > self.doubtful {
            let detail = format!("{} expired of {}", self.missed, self.doubtful);
            return Err((Rule::Deadlines, detail));
        }
        Ok(())
    }

    fn accept(
        &mut self,
        now: Instant,
        plan: &Plan,
        shared: &Shared,
        message: &Bytes,
    ) -> Result<(), Fault> {
        let fault = |what: &str| {
            let detail = format!("a message of {} bytes {what}", message.len());
            (Rule::DataEquality, detail)
        };
        let index = index(message).ok_or_else(|| fault("is too short"))?;
        let messages = &plan.side(self.from).messages;
        let planned = messages.get(index).ok_or_else(|| fault("was never sent"))?;
        let seen = self
            .received
            .get_mut(index)
            .ok_or_else(|| fault("was never sent"))?;
        if std::mem::replace(seen, true) {
            return Err(fault("came twice"));
        }
        if *message != compose(plan.key(self.from), index, planned.bytes) {
            return Err(fault("differs"));
        }
        let Some(deadline) = planned.deadline else {
            self.missing -= usize::from(planned.reliable);
            return Ok(());
        };
        self.awaited -= u64::from(planned.reliable);
        self.doubtful -= 1;
        match shared.accepted(self.from, index) {
            Some(accepted) => self.lateness.check(now, accepted, deadline, shared.doubt()),
            None => Err(fault("was never sent")),
        }
    }

    /// Nothing is to come that has to, and what did not come in time is known.
    pub(super) fn is_done(&self) -> bool {
        self.missing == 0 && self.awaited <= self.missed
    }
}

fn index(message: &[u8]) -> Option<usize> {
    let bytes = message.first_chunk::<INDEX_BYTES>()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

fn compose(key: u64, index: usize, bytes: usize) -> Bytes {
    let mut message = vec![0; bytes.max(INDEX_BYTES)];
    content::fill(key.wrapping_add(index as u64), 0, &mut message);
    if let Some(start) = message.first_chunk_mut::<INDEX_BYTES>() {
        *start = u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes();
    }
    message.into()
}
