//! The world: hosts, paths and virtual time. One seed, one course of events.

use std::net::{IpAddr, SocketAddr};

use quantum_proto::time::Instant;

use crate::datagram::Datagram;
use crate::driver::DriverFaults;
use crate::host::Host;
use crate::path::Path;
use crate::random::Random;
use crate::violation::{Rule, Violation};

mod amplification;
mod events;
mod hash;
mod network;
mod seat;
mod turn;

use amplification::Ledger;
use events::{Event, Events, Travel};
use hash::{EventHash, Mark};
use network::Network;
pub use network::{PathCounters, PathId};
use seat::Seat;

/// So many events without time moving on are an endless loop.
const EVENTS_AT_ONCE_MAX: u64 = 200_000;

/// Names a host of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// Why [`World::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No host has work left.
    Idle,
    /// The time is over.
    Deadline,
}

type Listener = Box<dyn FnMut(&str)>;

/// Hosts and the paths between them.
pub struct World<H> {
    now: Instant,
    events: Events,
    events_at_once: u64,
    seats: Vec<Seat<H>>,
    network: Network,
    ledger: Ledger,
    attackers: Vec<HostId>,
    hash: EventHash,
    datagrams: u64,
    random: Random,
    trace: Option<Listener>,
    buffer: Vec<u8>,
    outlet: crate::path::Outlet,
}

impl<H: Host> World<H> {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ORIGIN,
            events: Events::default(),
            events_at_once: 0,
            seats: Vec::new(),
            network: Network::default(),
            ledger: Ledger::default(),
            attackers: Vec::new(),
            hash: EventHash::default(),
            datagrams: 0,
            random: Random::new(seed),
            trace: None,
            buffer: Vec::new(),
            outlet: crate::path::Outlet::default(),
        }
    }

    /// Adds a host that is reached at these addresses.
    pub fn add_host(&mut self, host: H, addresses: &[SocketAddr], faults: DriverFaults) -> HostId {
        let id = HostId(self.seats.len());
        for address in addresses {
            self.network.bind(*address, id);
        }
        self.seats.push(Seat::new(host, faults, self.random.fork()));
        self.schedule(id, self.now);
        id
    }

    /// Adds a host that may say what others have said: it is reached nowhere.
    pub fn add_attacker(&mut self, host: H) -> HostId {
        let id = self.add_host(host, &[], DriverFaults::default());
        self.attackers.push(id);
        id
    }

    /// Adds a path, to be used in routes.
    pub fn add_path(&mut self, path: Path) -> PathId {
        self.network.install(path, &mut self.random)
    }

    /// What `from` sends goes this way, unless [`World::route_to`] says otherwise.
    pub fn route(&mut self, from: HostId, paths: &[PathId]) {
        self.network.route(from, None, paths);
    }

    /// What `from` sends to `address` goes this way.
    pub fn route_to(&mut self, from: HostId, address: IpAddr, paths: &[PathId]) {
        self.network.route(from, Some(address), paths);
    }

    /// `host` has a proof, from before this world, that somebody is at `address`.
    pub fn trust(&mut self, host: HostId, address: SocketAddr) {
        self.ledger.trust(host, address.ip());
    }

    /// `host` overhears everything that enters `path`.
    pub fn tap(&mut self, path: PathId, host: HostId) {
        self.network.tap(path, host);
    }

    /// Tells every event to `listener` from now on.
    pub fn trace(&mut self, listener: impl FnMut(&str) + 'static) {
        self.trace = Some(Box::new(listener));
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The hosts, in the order in which they were added.
    pub fn hosts(&self) -> impl Iterator<Item = &H> {
        self.seats.iter().map(|seat| &seat.host)
    }

    /// A host.
    #[must_use]
    pub fn host(&self, id: HostId) -> Option<&H> {
        self.seats.get(id.0).map(|seat| &seat.host)
    }

    /// A host, to be changed: it gets a turn at once.
    pub fn host_mut(&mut self, id: HostId) -> Option<&mut H> {
        self.schedule(id, self.now);
        let seat = self.seats.get_mut(id.0)?;
        seat.touched = true;
        Some(&mut seat.host)
    }

    /// What a path has seen.
    #[must_use]
    pub fn path(&self, id: PathId) -> Option<&PathCounters> {
        self.network.counters(id)
    }

    /// What the bottleneck of a path has seen, if it has one.
    #[must_use]
    pub fn occupancy(&self, id: PathId) -> Option<&crate::path::bottleneck::Occupancy> {
        self.network.occupancy(id)
    }

    /// A fingerprint of everything that has happened: times, hosts, sizes and fates, never
    /// contents.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.hash.value()
    }

    /// Datagrams that have been sent by all hosts.
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// Lets time pass until no host is busy, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn run(&mut self, deadline: Instant) -> Result<Stopped, Violation> {
        while self.seats.iter().any(|seat| seat.host.is_busy()) {
            match self.events.next_time() {
                None => return Err(self.violation(Rule::Armed, "no event is left".into())),
                Some(time) if time > deadline => {
                    self.now = deadline;
                    return Ok(Stopped::Deadline);
                }
                Some(_) => self.step()?,
            }
        }
        Ok(Stopped::Idle)
    }

    /// Lets time pass until `deadline`, busy or not.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn run_until(&mut self, deadline: Instant) -> Result<(), Violation> {
        while self.events.next_time().is_some_and(|time| time <= deadline) {
            self.step()?;
        }
        self.now = self.now.max(deadline);
        Ok(())
    }

    fn step(&mut self) -> Result<(), Violation> {
        let Some((time, event)) = self.events.pop() else {
            return Ok(());
        };
        self.advance_clock(time)?;
        match event {
            Event::Wake(host) => self.wake(host),
            Event::Travel(travel) => self.travel(*travel),
        }
    }

    fn advance_clock(&mut self, time: Instant) -> Result<(), Violation> {
        self.events_at_once = if time > self.now {
            0
        } else {
            self.events_at_once + 1
        };
        self.now = self.now.max(time);
        if self.events_at_once > EVENTS_AT_ONCE_MAX {
            return Err(self.violation(Rule::Progress, "time stands still".into()));
        }
        Ok(())
    }

    /// A datagram goes through its next elements until one of them holds it back.
    fn travel(&mut self, mut travel: Travel) -> Result<(), Violation> {
        loop {
            if let Some(path) = travel.enters() {
                self.overheard(path, &travel.datagram);
            }
            let size = travel.datagram.bytes.len();
            match self.network.advance(self.now, travel, &mut self.outlet) {
                network::Fate::Onward(next) => travel = *next,
                network::Fate::Later(all) => {
                    for (time, next) in all {
                        self.events.push(time, Event::Travel(Box::new(next)));
                    }
                    return Ok(());
                }
                network::Fate::Dropped(stage) => {
                    self.record(Mark::Dropped, &[size as u64, stage as u64]);
                    return Ok(());
                }
                network::Fate::Arrived(datagram) => return self.deliver(datagram),
            }
        }
    }

    fn overheard(&mut self, path: PathId, datagram: &Datagram) {
        for listener in self.network.listeners(path) {
            if let Some(seat) = self.seats.get_mut(listener.0) {
                seat.host.overhear(self.now, datagram);
                seat.touched = true;
            }
            self.schedule(listener, self.now);
        }
    }

    fn deliver(&mut self, datagram: Datagram) -> Result<(), Violation> {
        let size = datagram.bytes.len() as u64;
        let Some(host) = self.network.owner(datagram.destination) else {
            self.record(Mark::Unroutable, &[size]);
            return Ok(());
        };
        self.record(Mark::Arrived, &[host.0 as u64, size]);
        let copied = self.attackers.contains(&datagram.origin);
        let claimed = self.network.owner(datagram.source).filter(|_| copied);
        let from = claimed.unwrap_or(datagram.origin);
        self.ledger.on_delivered(self.now, from, &datagram, host);
        self.receive(host, datagram)
    }

    fn record(&mut self, mark: Mark, values: &[u64]) {
        self.hash.record(self.now, mark, values);
        if let Some(listener) = &mut self.trace {
            let seconds = self.now.since(Instant::ORIGIN).as_secs_f64();
            listener(&format!("{seconds:12.6} {mark:?} {values:?}"));
        }
    }

    /// Tells the listener something that does not belong into the fingerprint.
    fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(listener) = &mut self.trace {
            listener(&format!("{:12} {}", "", words()));
        }
    }

    fn schedule(&mut self, host: HostId, time: Instant) {
        let time = time.max(self.now);
        let Some(seat) = self.seats.get_mut(host.0) else {
            return;
        };
        if seat.wake_at.is_none_or(|earlier| time < earlier) {
            seat.wake_at = Some(time);
            self.events.push(time, Event::Wake(host));
        }
    }

    fn violation(&self, rule: Rule, detail: String) -> Violation {
        Violation {
            at: self.now,
            rule,
            detail,
        }
    }
}

#[cfg(test)]
mod tests;
