//! An attacker on the network, without any key: it makes up datagrams, and repeats, changes and
//! redirects those that it sees.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use quantum_proto::time::Instant;
use quantum_proto::transmit::{EcnCodepoint, Transmit};

use crate::datagram::Datagram;
use crate::host::{Arrival, Departure, Host};
use crate::options::attack::{AttackOptions, Position};
use crate::path::corrupt::damage;
use crate::random::Random;
use crate::units::ms;

mod forge;

use forge::Forgery;

/// Datagrams that it remembers.
const CAPTURED_MAX: usize = 64;
/// Addresses that it pretends to be at; nobody is there.
const VICTIMS: u64 = 8;

/// An attacker.
pub struct Adversary {
    options: AttackOptions,
    random: Random,
    client: SocketAddr,
    server: SocketAddr,
    /// What it has seen lately.
    captured: VecDeque<Missile>,
    outgoing: VecDeque<Missile>,
    left: u32,
    next_at: Instant,
}

/// A datagram of the attacker's.
#[derive(Clone)]
struct Missile {
    from: SocketAddr,
    to: SocketAddr,
    ecn: Option<EcnCodepoint>,
    bytes: Vec<u8>,
}

impl Adversary {
    /// An attacker on the connection between these two.
    #[must_use]
    pub fn new(
        options: AttackOptions,
        client: SocketAddr,
        server: SocketAddr,
        random: &mut Random,
    ) -> Self {
        Self {
            options,
            random: random.fork(),
            client,
            server,
            captured: VecDeque::new(),
            outgoing: VecDeque::new(),
            left: options.datagrams,
            next_at: Instant::ORIGIN,
        }
    }

    /// Whether it is still at work.
    fn is_active(&self, now: Instant) -> bool {
        self.left > 0 && now < self.options.until
    }

    fn send(&mut self, missile: Missile) {
        self.left = self.left.saturating_sub(1);
        self.outgoing.push_back(missile);
    }

    /// One of the addresses at which nobody is.
    fn victim(&mut self) -> SocketAddr {
        let last = u8::try_from(1 + self.random.below(VICTIMS)).unwrap_or(1);
        let port = u16::try_from(self.random.within(1024..=1026)).unwrap_or(1024);
        SocketAddr::from((Ipv4Addr::new(198, 51, 100, last), port))
    }

    /// From the peer, or, to the server, from anywhere.
    fn address(&mut self, to_server: bool) -> (SocketAddr, SocketAddr) {
        if !to_server {
            return (self.server, self.client);
        }
        let from = if self.random.chance(0.5) {
            self.client
        } else {
            self.victim()
        };
        (from, self.server)
    }

    fn strike(&mut self) {
        let seen = self.random.index(self.captured.len());
        let seen = self.captured.get(seen).cloned();
        if let Some(seen) = seen.clone().filter(|_| self.random.chance(0.5)) {
            let copy = self.alter(seen);
            self.send(copy);
            return;
        }
        let to_server = self.random.chance(0.5);
        let (from, to) = self.address(to_server);
        let forgery = Forgery::draw(&mut self.random);
        let model = seen.as_ref().map(|seen| &*seen.bytes);
        let bytes = forgery.write(&mut self.random, model);
        self.send(Missile {
            from,
            to,
            ecn: None,
            bytes,
        });
    }

    /// A copy: as it is, damaged, cut off, marked, or from elsewhere.
    fn alter(&mut self, mut copy: Missile) -> Missile {
        if self.random.chance(0.4) {
            damage(&mut copy.bytes, &mut self.random);
        } else if self.random.chance(0.2) {
            copy.bytes.truncate(self.random.index(copy.bytes.len()));
        }
        if self.random.chance(0.3) {
            copy.ecn = Some(EcnCodepoint::Ce);
        }
        if copy.to == self.server && self.random.chance(0.5) {
            copy.from = self.victim();
        }
        copy
    }
}

impl Host for Adversary {
    fn handle_datagram(&mut self, _now: Instant, _arrival: &Arrival, _bytes: &mut [u8]) {}

    fn handle_timeout(&mut self, now: Instant) {
        if now < self.next_at || !self.is_active(now) {
            return;
        }
        self.strike();
        self.next_at = now + self.random.between(ms(1), ms(100));
    }

    fn run(&mut self, _now: Instant) {}

    fn poll_transmit(
        &mut self,
        _now: Instant,
        _datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Departure> {
        let missile = self.outgoing.pop_front()?;
        buffer.extend_from_slice(&missile.bytes);
        Some(Departure {
            source: missile.from,
            transmit: Transmit {
                destination: missile.to,
                source: None,
                ecn: missile.ecn,
                size: missile.bytes.len(),
                segment_size: None,
            },
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.is_active(self.next_at).then_some(self.next_at)
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn overhear(&mut self, now: Instant, datagram: &Datagram) {
        let Position::OnPath { races } = self.options.position else {
            return;
        };
        if !self.is_active(now) {
            return;
        }
        if datagram.destination == self.server {
            self.client = datagram.source;
        }
        let seen = Missile {
            from: datagram.source,
            to: datagram.destination,
            ecn: datagram.ecn,
            bytes: datagram.bytes.clone(),
        };
        if self.random.chance(races) {
            let copy = self.alter(seen.clone());
            self.send(copy);
        }
        if self.captured.len() == CAPTURED_MAX {
            self.captured.pop_front();
        }
        self.captured.push_back(seen);
    }
}
