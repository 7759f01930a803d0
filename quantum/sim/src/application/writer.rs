//! The writing half of a stream.

use quantum_proto::stream::StreamId;

use super::{Fault, content};
use crate::options::plan::Leg;
use crate::transport::{Refusal, Transport};
use crate::violation::Rule;

/// Writes what a [`Leg`] says.
pub(super) struct Writer {
    id: StreamId,
    key: u64,
    leg: Leg,
    offset: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Writing,
    Blocked,
    /// The end is written; the word that all has arrived is missing.
    Ended,
    Done,
}

impl Writer {
    pub(super) fn new(id: StreamId, key: u64, leg: Leg) -> Self {
        Self {
            id,
            key,
            leg,
            offset: 0,
            state: State::Writing,
        }
    }

    pub(super) fn run(
        &mut self,
        transport: &mut impl Transport,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.offset == 0 && self.state == State::Writing {
            transport.set_urgency(self.id, self.leg.urgency);
        }
        while self.state == State::Writing {
            let end = self.leg.written();
            if self.offset >= end {
                self.end(transport);
                break;
            }
            let most = (end - self.offset).min(self.leg.write_bytes);
            scratch.resize(usize::try_from(most).unwrap_or(0), 0);
            content::fill(self.key, self.offset, scratch);
            match transport.write(self.id, scratch) {
                Ok(0) => return Err(self.fault("a write of nothing")),
                Ok(count) => self.offset += count as u64,
                Err(Refusal::Blocked) => self.state = State::Blocked,
                Err(Refusal::Stopped(code)) if Some(code) == self.stop_code() => {
                    transport.reset(self.id, code);
                    self.state = State::Done;
                }
                Err(refusal) => return Err(self.fault(&format!("{refusal:?}"))),
            }
        }
        Ok(())
    }

    fn end(&mut self, transport: &mut impl Transport) {
        if let Some(reset) = self.leg.reset {
            transport.reset(self.id, reset.code);
            self.state = State::Done;
        } else {
            transport.finish(self.id);
            self.state = State::Ended;
        }
    }

    fn stop_code(&self) -> Option<u64> {
        self.leg.stop.map(|stop| stop.code)
    }

    fn fault(&self, what: &str) -> Fault {
        let detail = format!("writing {:?} at {}: {what}", self.id, self.offset);
        (Rule::DataEquality, detail)
    }

    pub(super) fn on_writable(&mut self) {
        if self.state == State::Blocked {
            self.state = State::Writing;
        }
    }

    pub(super) fn on_finished(&mut self) {
        if self.state == State::Ended {
            self.state = State::Done;
        }
    }

    pub(super) fn on_stopped(&mut self, code: u64) {
        if Some(code) == self.stop_code() {
            self.state = State::Done;
        }
    }

    /// Nothing is left to be handed to the transport.
    pub(super) fn has_written(&self) -> bool {
        matches!(self.state, State::Ended | State::Done)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn describe(&self) -> String {
        let end = self.leg.written();
        format!(
            "writing {:?} {:?} at {} of {end}",
            self.id, self.state, self.offset
        )
    }
}
