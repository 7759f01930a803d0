//! The reading half of a stream.

use std::time::Duration;

use quantum_proto::stream::StreamId;
use quantum_proto::time::Instant;

use super::{Fault, content};
use crate::options::plan::Leg;
use crate::transport::{Refusal, Transport};
use crate::violation::Rule;

/// Reads what a [`Leg`] says, and compares.
pub(super) struct Reader {
    id: StreamId,
    key: u64,
    leg: Leg,
    offset: u64,
    readable: bool,
    /// A slow reader reads on at this time.
    pauses_until: Option<Instant>,
    done: bool,
}

impl Reader {
    pub(super) fn new(id: StreamId, key: u64, leg: Leg) -> Self {
        Self {
            id,
            key,
            leg,
            offset: 0,
            readable: true,
            pauses_until: None,
            done: false,
        }
    }

    pub(super) fn run(
        &mut self,
        now: Instant,
        transport: &mut impl Transport,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.pauses_until.is_some_and(|until| until > now) {
            return Ok(());
        }
        self.pauses_until = None;
        while self.readable && !self.done && self.pauses_until.is_none() {
            if let Some(stop) = self.leg.stop.filter(|stop| stop.after <= self.offset) {
                transport.stop(self.id, stop.code);
                self.done = true;
                break;
            }
            scratch.resize(usize::try_from(self.leg.read_bytes).unwrap_or(1), 0);
            match transport.read(self.id, scratch) {
                Ok(0) => self.on_end()?,
                Ok(count) => self.on_bytes(now, scratch.get(..count).unwrap_or_default())?,
                Err(Refusal::Blocked) => self.readable = false,
                Err(Refusal::Reset(code)) => self.on_reset(code)?,
                Err(refusal) => return Err(self.fault(&format!("{refusal:?}"))),
            }
        }
        Ok(())
    }

    fn on_bytes(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(position) = content::difference(self.key, self.offset, bytes) {
            return Err(self.fault(&format!("the byte at {position} differs")));
        }
        self.offset += bytes.len() as u64;
        if self.offset > self.leg.written() {
            return Err(self.fault("more than was written"));
        }
        if self.leg.read_pause > Duration::ZERO {
            self.pauses_until = Some(now + self.leg.read_pause);
        }
        Ok(())
    }

    fn on_end(&mut self) -> Result<(), Fault> {
        if self.leg.reset.is_some() || self.offset != self.leg.written() {
            return Err(self.fault("an end where none was written"));
        }
        self.done = true;
        Ok(())
    }

    fn on_reset(&mut self, code: u64) -> Result<(), Fault> {
        if self.leg.reset.is_none_or(|reset| reset.code != code) {
            return Err(self.fault(&format!("a reset with code {code} that nobody sent")));
        }
        self.done = true;
        Ok(())
    }

    fn fault(&self, what: &str) -> Fault {
        let detail = format!("reading {:?} at {}: {what}", self.id, self.offset);
        (Rule::DataEquality, detail)
    }

    pub(super) fn on_readable(&mut self) {
        self.readable = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pauses_until.filter(|_| !self.done)
    }

    pub(super) fn describe(&self) -> String {
        let end = self.leg.written();
        format!("reading {:?} at {} of {end}", self.id, self.offset)
    }
}
