//! A host's turn: input, application, output, timer.

use quantum_proto::time::Instant;

use super::hash::Mark;
use super::{HostId, World};
use crate::datagram::Datagram;
use crate::host::{Arrival, Departure, Host};
use crate::violation::{Rule, Violation};

/// So many turns with a timer due, without time moving on, are an endless loop.
const REPEATED_TIMEOUTS_MAX: u32 = 1000;

/// What a turn is for.
#[derive(Clone, Copy, Default)]
struct Turn {
    clock: Instant,
    timeout: bool,
}

impl<H: Host> World<H> {
    /// A planned wake-up happens, unless an earlier one has taken its place.
    pub(super) fn wake(&mut self, id: HostId) -> Result<(), Violation> {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(id.0) else {
            return Ok(());
        };
        if seat.wake_at != Some(now) {
            return Ok(());
        }
        seat.wake_at = None;
        if let Some(end) = seat.faults.stalled_until(now) {
            self.schedule(id, end);
            return Ok(());
        }
        self.turn(id)
    }

    /// A datagram reaches the socket of a host.
    pub(super) fn receive(&mut self, id: HostId, datagram: Datagram) -> Result<(), Violation> {
        let (now, size) = (self.now, datagram.bytes.len() as u64);
        let Some(seat) = self.seats.get_mut(id.0) else {
            return Ok(());
        };
        let stalled = seat.faults.stalled_until(now);
        if !seat.accept(datagram) {
            self.record(Mark::Overflow, &[id.0 as u64, size]);
            return Ok(());
        }
        match stalled {
            Some(end) => {
                self.schedule(id, end);
                Ok(())
            }
            None => self.turn(id),
        }
    }

    fn turn(&mut self, id: HostId) -> Result<(), Violation> {
        let Some(turn) = self.begin(id)? else {
            self.rearm(id, None);
            return Ok(());
        };
        self.input(id, turn);
        let again = self.output(id, turn)?;
        self.check(id, turn)?;
        self.rearm(id, again);
        Ok(())
    }

    /// Whether there is anything to do, and at what time.
    fn begin(&mut self, id: HostId) -> Result<Option<Turn>, Violation> {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(id.0) else {
            return Ok(None);
        };
        let due = seat.host.poll_timeout().is_some_and(|due| due <= now);
        let touched = std::mem::take(&mut seat.touched);
        if !due && !touched && seat.inbox.is_empty() {
            return Ok(None);
        }
        let clock = seat.read_clock(now, due);
        seat.repeated_timeouts = if due && self.events_at_once > 0 {
            seat.repeated_timeouts + 1
        } else {
            0
        };
        if seat.repeated_timeouts > REPEATED_TIMEOUTS_MAX {
            let detail = format!("the timer of host {} does not move on", id.0);
            return Err(self.violation(Rule::Progress, detail));
        }
        Ok(Some(Turn {
            clock,
            timeout: due || touched,
        }))
    }

    fn input(&mut self, id: HostId, turn: Turn) {
        let Some(seat) = self.seats.get_mut(id.0) else {
            return;
        };
        for mut datagram in seat.take_inbox() {
            let copied = self.attackers.contains(&datagram.origin);
            self.ledger.on_received(id, &datagram, copied);
            let arrival = Arrival {
                source: datagram.source,
                destination: datagram.destination,
                ecn: datagram.ecn,
            };
            seat.host
                .handle_datagram(turn.clock, &arrival, &mut datagram.bytes);
        }
        if turn.timeout {
            seat.host.handle_timeout(turn.clock);
        }
        seat.host.run(turn.clock);
        if turn.timeout {
            self.record(Mark::Timeout, &[id.0 as u64]);
        }
    }

    /// Sends what there is. If the driver has had enough: when it comes back.
    fn output(&mut self, id: HostId, turn: Turn) -> Result<Option<Instant>, Violation> {
        let mut sent = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        let again = loop {
            let Some(seat) = self.seats.get_mut(id.0) else {
                break None;
            };
            if sent >= seat.faults.turn {
                seat.touched = true;
                break Some(self.now + seat.faults.pause);
            }
            buffer.clear();
            let batch = seat.batch(self.now).min(seat.faults.turn - sent);
            let Some(departure) = seat.host.poll_transmit(turn.clock, batch, &mut buffer) else {
                break None;
            };
            sent += self.depart(id, &departure, &buffer, batch)?;
        };
        self.buffer = buffer;
        Ok(again)
    }

    /// Puts datagrams on their way. Returns how many.
    fn depart(
        &mut self,
        id: HostId,
        departure: &Departure,
        bytes: &[u8],
        batch: usize,
    ) -> Result<usize, Violation> {
        let transmit = departure.transmit;
        let segment = transmit.segment_size.unwrap_or(transmit.size).max(1);
        let count = transmit.size.div_ceil(segment).max(1);
        if transmit.size != bytes.len() || count > batch {
            let detail = format!("{transmit:?} for {} bytes, at most {batch}", bytes.len());
            return Err(self.violation(Rule::Contract, detail));
        }
        if bytes.is_empty() {
            self.depart_one(id, departure, &[])?;
        }
        for datagram in bytes.chunks(segment) {
            self.depart_one(id, departure, datagram)?;
        }
        Ok(count)
    }

    fn depart_one(&mut self, id: HostId, by: &Departure, bytes: &[u8]) -> Result<(), Violation> {
        let destination = by.transmit.destination;
        self.charge(id, destination, bytes.len())?;
        if let Some(host) = self
            .network
            .owner(destination)
            .filter(|_| !self.attackers.is_empty())
        {
            self.ledger.on_answered(id, host, self.now);
        }
        self.datagrams += 1;
        self.record(Mark::Sent, &[id.0 as u64, bytes.len() as u64]);
        self.note(|| format!("from {} to {destination} {:?}", by.source, by.transmit.ecn));
        let travel = self.network.depart(Datagram {
            source: by.source,
            destination,
            ecn: by.transmit.ecn,
            bytes: bytes.to_vec(),
            origin: id,
            addressed_to: destination,
            sent_at: self.now,
        });
        let Some(travel) = travel else {
            self.record(Mark::Unroutable, &[bytes.len() as u64]);
            return Ok(());
        };
        // Not at once: what is sent in one turn leaves before anybody answers.
        self.events
            .push(self.now, super::Event::Travel(Box::new(travel)));
        Ok(())
    }

    fn charge(
        &mut self,
        id: HostId,
        to: std::net::SocketAddr,
        bytes: usize,
    ) -> Result<(), Violation> {
        let careful = self
            .seats
            .get(id.0)
            .is_some_and(|seat| seat.host.limits_amplification());
        let charged = self.ledger.on_sent(id, to, bytes);
        charged.or_else(|(received, sent)| {
            if !careful {
                return Ok(());
            }
            let detail = format!("{sent} bytes to {to}, which sent {received} and proved nothing");
            Err(self.violation(Rule::Amplification, detail))
        })
    }

    fn check(&self, id: HostId, turn: Turn) -> Result<(), Violation> {
        let Some(seat) = self.seats.get(id.0) else {
            return Ok(());
        };
        let checked = seat.host.check(turn.clock);
        checked.map_err(|(rule, detail)| self.violation(rule, detail))
    }

    fn rearm(&mut self, id: HostId, again: Option<Instant>) {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(id.0) else {
            return;
        };
        let due = seat
            .host
            .poll_timeout()
            .map(|due| seat.wake_up(now, due.max(now)));
        let next = due.into_iter().chain(again).min();
        if let Some(next) = next {
            self.schedule(id, next);
        }
    }
}
