//! Messages of both directions.

use bytes::Bytes;
use quantum_proto::time::Instant;

use super::{Fault, content};
use crate::options::plan::MessagePlan;
use crate::transport::{Refusal, Transport};
use crate::violation::Rule;

/// Bytes at the beginning of a message that say which one it is.
const INDEX_BYTES: usize = 4;

/// Sends messages in the order of the plan.
#[derive(Default)]
pub(super) struct Outgoing {
    sent: usize,
    pub(super) blocked: bool,
}

impl Outgoing {
    pub(super) fn run(
        &mut self,
        now: Instant,
        since: Instant,
        plan: &[MessagePlan],
        key: u64,
        transport: &mut impl Transport,
    ) {
        while let Some(message) = plan.get(self.sent) {
            if self.blocked || since + message.at > now {
                break;
            }
            let data = compose(key, self.sent, message.bytes);
            match transport.send_message(data, message.reliable) {
                Ok(()) => self.sent += 1,
                Err(Refusal::Blocked) => self.blocked = true,
                // Shown by the ending of the connection.
                Err(_) => break,
            }
        }
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
    pub(super) available: bool,
    received: Vec<bool>,
    /// Reliable ones that have not come yet.
    missing: usize,
}

impl Incoming {
    pub(super) fn new(plan: &[MessagePlan]) -> Self {
        Self {
            available: false,
            received: vec![false; plan.len()],
            missing: plan.iter().filter(|message| message.reliable).count(),
        }
    }

    pub(super) fn run(
        &mut self,
        plan: &[MessagePlan],
        key: u64,
        transport: &mut impl Transport,
    ) -> Result<(), Fault> {
        if !self.available {
            return Ok(());
        }
        self.available = false;
        while let Some(message) = transport.receive_message() {
            self.accept(plan, key, &message)?;
        }
        Ok(())
    }

    fn accept(&mut self, plan: &[MessagePlan], key: u64, message: &Bytes) -> Result<(), Fault> {
        let fault = |what: &str| {
            let detail = format!("a message of {} bytes {what}", message.len());
            (Rule::DataEquality, detail)
        };
        let index = index(message).ok_or_else(|| fault("is too short"))?;
        let planned = plan.get(index).ok_or_else(|| fault("was never sent"))?;
        let seen = self
            .received
            .get_mut(index)
            .ok_or_else(|| fault("was never sent"))?;
        if std::mem::replace(seen, true) {
            return Err(fault("came twice"));
        }
        if *message != compose(key, index, planned.bytes) {
            return Err(fault("differs"));
        }
        self.missing -= usize::from(planned.reliable);
        Ok(())
    }

    pub(super) fn is_done(&self) -> bool {
        self.missing == 0
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
