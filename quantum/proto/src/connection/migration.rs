//! The peer moves, or we do: validating addresses, and what a new path inherits.

use rand::RngExt;

use super::path::{Path, PathResponse};
use super::{Connection, Event, SpaceId, Timer};
use crate::endpoint::Arrival;
use crate::error::{ConnectionError, TransportError};
use crate::pacing::Pacer;
use crate::stream::Side;
use crate::time::Instant;

/// What is remembered between moves.
#[derive(Debug, Default)]
pub(super) struct Migration {
    /// When the peer moved last: a flood of moves is not followed.
    moved_at: Option<Instant>,
    /// How often the current challenge has been sent.
    challenges: u32,
    /// Which path this is, counted from zero.
    pub(super) generation: u64,
}

impl Connection {
    /// Whether packets from this address may be looked at.
    pub(super) fn accepts_from(&self, arrival: &Arrival) -> bool {
        arrival.remote == self.path.remote || (self.side == Side::Server && self.may_migrate())
    }

    fn may_migrate(&self) -> bool {
        self.handshake.confirmed && self.handshake.migration_allowed
    }

    /// An authentic packet, the newest so far and more than a probe, came from another address.
    pub(super) fn follow_peer(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        bytes: usize,
        new_local_id: bool,
    ) -> Result<(), TransportError> {
        let interval = self.recovery.probe_timeout(SpaceId::Data);
        if self
            .migration
            .moved_at
            .is_some_and(|moved| now.since(moved) < interval)
        {
            return Ok(());
        }
        self.migration.moved_at = Some(now);
        self.migration.generation += 1;
        let same_host = arrival.remote.ip() == self.path.remote.ip();
        let returning = self
            .previous_path
            .take_if(|path| path.remote == arrival.remote);
        let mut next = match returning {
            Some(path) => *path,
            None => self.new_path(arrival, same_host),
        };
        next.on_received(bytes);
        if !next.validated {
            next.challenge(self.rng.random());
        }
        let mut left = std::mem::replace(&mut self.path, next);
        if left.validated {
            // Perhaps somebody merely copied a packet: ask at the old address too
            // (RFC 9000 section 9.3.3).
            left.challenge(self.rng.random());
            self.previous_path = Some(Box::new(left));
        }
        if !same_host {
            self.start_over_on_path(now);
        }
        if new_local_id {
            self.remote_ids.rotate()?;
        }
        self.await_validation(now);
        self.on_path_changed();
        self.events.push_back(Event::PathChanged(arrival.remote));
        Ok(())
    }

    /// A path that only changed its port is the same path behind another NAT entry: it keeps what
    /// is known about it (RFC 9000 section 9.4).
    fn new_path(&self, arrival: &Arrival, same_host: bool) -> Path {
        let (mtu, ecn) = if same_host {
            (self.path.mtu.clone(), self.path.ecn.clone())
        } else {
            (self.fresh_mtu(), self.fresh_ecn())
        };
        Path::new(arrival.remote, arrival.local, false, mtu, ecn)
    }

    /// Nothing is known of the new path's capacity.
    fn start_over_on_path(&mut self, now: Instant) {
        let controller = self.new_controller(now);
        self.repairs.on_path_change();
        self.left_recovery = Some(Box::new(self.recovery.on_path_change(now, controller)));
        self.pacer = Pacer::new();
    }

    fn await_validation(&mut self, now: Instant) {
        self.migration.challenges = 0;
        self.timers.set(
            Timer::PathValidation,
            now + self.recovery.probe_timeout(SpaceId::Data),
        );
    }

    /// Challenges that the peer's new address may still get after the current one.
    pub(super) fn challenges_to_come(&self) -> usize {
        if self.path.validated || !self.is_established() {
            return 0;
        }
        let after_this = CHALLENGES_MAX - 1;
        after_this.saturating_sub(self.migration.challenges) as usize
    }

    /// No answer to a challenge yet: ask again, a few times; then go back.
    pub(super) fn on_validation_timeout(&mut self, now: Instant) {
        self.migration.challenges += 1;
        if self.side == Side::Client {
            self.ask_again(now);
            return;
        }
        if self.path.validated {
            self.previous_path = None;
            return;
        }
        if self.migration.challenges < CHALLENGES_MAX {
            self.path.challenge(self.rng.random());
            self.timers.set(
                Timer::PathValidation,
                now + self.recovery.probe_timeout(SpaceId::Data),
            );
            return;
        }
        match self.previous_path.take() {
            Some(path) => {
                self.path = *path;
                if let Some(recovery) = self.left_recovery.take() {
                    self.recovery.restore_path(*recovery);
                }
                self.on_path_changed();
                self.events.push_back(Event::PathChanged(self.path.remote));
            }
            None => self.abandon(ConnectionError::TimedOut),
        }
    }

    /// Client: where we are now nobody has answered yet. The peer may have given up on the new
    /// address, and speak to the old one: a client that only listens would never hear of it. So it
    /// asks, less and less often, until the peer answers or the connection times out.
    fn ask_again(&mut self, now: Instant) {
        if self.path.challenge.is_none() {
            return;
        }
        self.path.challenge(self.rng.random());
        // A challenge alone is no move (RFC 9000 section 9.1).
        self.pending.ping = true;
        let factor = 1 << self.migration.challenges.min(BACKOFF_MAX);
        let delay = self.recovery.probe_timeout(SpaceId::Data) * factor;
        self.timers.set(Timer::PathValidation, now + delay);
    }

    /// The peer wants to know whether we are here.
    pub(super) fn on_path_challenge(
        &mut self,
        arrival: &Arrival,
        asked_with: usize,
        data: [u8; 8],
    ) {
        self.path_responses.push(PathResponse {
            remote: arrival.remote,
            local: arrival.local,
            data,
            asked_with,
        });
    }

    /// The peer is where we asked.
    pub(super) fn on_path_response(&mut self, data: [u8; 8]) {
        if self.path.on_response(data) {
            self.on_path_validated();
            self.timers.stop(Timer::PathValidation);
            self.previous_path = None;
        } else if let Some(previous) = &mut self.previous_path {
            // The old address answers as well: the move may have been a forgery. Its owner's next
            // packet brings us back; until then the new address has to prove itself.
            previous.on_response(data);
        }
    }

    /// This end has a new address (another interface, another network): tells the peer by
    /// asking it to answer there. What was known of the old path is forgotten.
    pub fn local_address_changed(&mut self, now: Instant) {
        if !self.is_established() {
            return;
        }
        self.watch_from(now);
        if let Err(error) = self.remote_ids.rotate() {
            self.close_because(now, error);
            return;
        }
        self.migration.generation += 1;
        let remote = self.path.remote;
        self.path = Path::new(remote, None, true, self.fresh_mtu(), self.fresh_ecn());
        self.path.challenge(self.rng.random());
        self.start_over_on_path(now);
        self.await_validation(now);
        self.on_path_changed();
        self.pending.ping = true;
        self.probes[SpaceId::Data as usize] = 1;
    }
}

/// Doublings of the time after which a client asks again.
const BACKOFF_MAX: u32 = 10;

/// Challenges that a new address gets, one per probe timeout (RFC 9000 section 8.2.4 wants three
/// probe timeouts at least).
const CHALLENGES_MAX: u32 = 4;
