//! The network of a run.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use quantum_proto::time::Instant;

use crate::path::Path;
use crate::path::aggregate::Aggregate;
use crate::path::blackout::Blackout;
use crate::path::corrupt::Corrupt;
use crate::path::duplicate::Duplicate;
use crate::path::ecn::{EcnFault, EcnRemark};
use crate::path::gilbert::GilbertElliott;
use crate::path::jitter::Order;
use crate::path::loss::Loss;
use crate::path::nat::Nat;
use crate::path::reorder::Reorder;
use crate::path::schedule::Schedule;
use crate::path::window::Active;
use crate::random::Random;
use crate::units::{BitRate, bdp, kbit, mbit, ms};

/// Where the client is.
pub const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5000);
/// Where the server is.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4433);
/// Where a malicious peer is.
pub const INSIDER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66)), 6666);
/// The slowest link at the end of a run.
const CALM_RATE_MIN: BitRate = kbit(500);

/// Both directions and the translation of addresses between them.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// How the server sees the client over time; `None`: as it is.
    pub seen_as: Option<Schedule<SocketAddr>>,
    /// Where the client goes, and when: it knows, and tells its connections.
    pub moves: Vec<(Instant, SocketAddr)>,
    /// From client to server, and back.
    pub directions: [DirectionOptions; 2],
}

/// One direction.
#[derive(Clone, Debug)]
pub struct DirectionOptions {
    calm_at: Instant,
    delay: Duration,
    rate: Schedule<BitRate>,
    queue: u64,
    mark_above: Option<u64>,
    mtu: Schedule<usize>,
    loss: Option<LossKind>,
    jitter: Option<(Duration, Order)>,
    reorder: Option<(f64, Duration)>,
    duplicate: Option<f64>,
    corrupt: Option<f64>,
    blackout: Option<Range<Instant>>,
    ecn: Option<EcnFault>,
    police: Option<(BitRate, u64)>,
    aggregate: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum LossKind {
    Random(f64),
    Burst { probability: f64, mean: f64 },
}

impl NetworkOptions {
    pub(super) fn draw(random: &mut Random, calm_at: Instant) -> Self {
        let rough = random.chance(0.9);
        let mut draw = || DirectionOptions::draw(&mut random.fork(), calm_at, rough);
        let directions = [draw(), draw()];
        let mut options = Self {
            seen_as: None,
            moves: Vec::new(),
            directions,
        };
        options.draw_blackout(random, calm_at);
        if random.chance(0.3) {
            options.draw_translation(random, calm_at);
        }
        if random.chance(0.2) {
            options.draw_moves(random, calm_at);
        }
        options
    }

    /// A blackout takes both directions, or one.
    fn draw_blackout(&mut self, random: &mut Random, calm_at: Instant) {
        if !random.chance(0.15) {
            return;
        }
        let start = Instant::ORIGIN + random.up_to(calm_at - Instant::ORIGIN);
        let end = calm_at.min(start + ms(random.logarithmic(50, 10_000)));
        let both = random.chance(0.5);
        let only = random.index(2);
        for (index, direction) in self.directions.iter_mut().enumerate() {
            direction.blackout = (both || index == only).then_some(start..end);
        }
    }

    /// One to three new mappings; most keep the host.
    fn draw_translation(&mut self, random: &mut Random, calm_at: Instant) {
        let mut address = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 20_000));
        let mut seen_as = Schedule::constant(address);
        // Who loses the address in the middle of the handshake begins anew (RFC 9000 section 9).
        for (count, time) in (1..).zip(draw_times(random, calm_at)) {
            address.set_port(20_000 + count);
            if random.chance(0.3) {
                let last = u8::try_from(1 + count).unwrap_or(u8::MAX);
                address.set_ip(Ipv4Addr::new(203, 0, 113, last).into());
            }
            seen_as = seen_as.then(time, address);
        }
        self.seen_as = Some(seen_as);
    }

    /// One to three moves: to another port, to other networks, and home again.
    fn draw_moves(&mut self, random: &mut Random, calm_at: Instant) {
        let mut address = CLIENT;
        for time in draw_times(random, calm_at) {
            let others = MOVES.into_iter().filter(|other| *other != address);
            let others: Vec<_> = others.collect();
            let next = others.get(random.index(others.len())).copied();
            address = next.unwrap_or(CLIENT);
            self.moves.push((time, address));
        }
    }

    /// Every address that the client has at some time.
    #[must_use]
    pub fn client_addresses() -> [SocketAddr; 4] {
        MOVES
    }

    /// When the server sees the client elsewhere, in order.
    #[must_use]
    pub fn rebindings(&self) -> Vec<Instant> {
        let mut times: Vec<_> = self.moves.iter().map(|(time, _)| *time).collect();
        if let Some(seen_as) = &self.seen_as {
            let first = seen_as.next_change(Instant::ORIGIN);
            times.extend(std::iter::successors(first, |time| {
                seen_as.next_change(*time)
            }));
        }
        times.sort_unstable();
        times
    }

    /// The links from client to server and back, without a translator.
    #[must_use]
    pub fn links(&self) -> [Path; 2] {
        let [up, down] = &self.directions;
        [up.extend(Path::new()), down.extend(Path::new())]
    }

    /// What the client is behind, for each direction. Of nothing, if it is not.
    #[must_use]
    pub fn translators(&self) -> [Path; 2] {
        let Some(seen_as) = &self.seen_as else {
            return [Path::new(), Path::new()];
        };
        let beside = MOVES.into_iter().filter(|address| *address != CLIENT);
        let nat = Nat::new(CLIENT, seen_as.clone()).beside(beside.collect());
        [
            Path::new().then(nat.outward()),
            Path::new().then(nat.inward()),
        ]
    }

    /// Where the server sees the client at the beginning.
    #[must_use]
    pub fn client_as_seen(&self) -> SocketAddr {
        let seen_as = self.seen_as.as_ref();
        seen_as.map_or(CLIENT, |seen_as| seen_as.at(Instant::ORIGIN))
    }
}

/// Where a client may go: home, another port there, two other networks.
const MOVES: [SocketAddr; 4] = [
    CLIENT,
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5001),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1)), 5000),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(172, 16, 0, 2)), 5000),
];

/// Some times, none of them in what is nearly always the handshake, half of them while most
/// applications are at work.
fn draw_times(random: &mut Random, calm_at: Instant) -> Vec<Instant> {
    let trouble = calm_at - Instant::ORIGIN;
    let busy = trouble.min(BUSY);
    let mut times: Vec<_> = (0..random.within(1..=3))
        .map(|_| {
            let longest = if random.chance(0.5) { busy } else { trouble };
            random.up_to(longest)
        })
        .filter(|time| *time > HANDSHAKE_BOUND)
        .map(|time| Instant::ORIGIN + time)
        .collect();
    times.sort_unstable();
    times
}

/// Most applications are done by then.
const BUSY: Duration = Duration::from_secs(4);

/// By then a handshake is over on most paths.
const HANDSHAKE_BOUND: Duration = Duration::from_secs(1);

impl DirectionOptions {
    fn draw(random: &mut Random, calm_at: Instant, rough: bool) -> Self {
        let delay = Duration::from_micros(random.logarithmic(100, 150_000));
        let first = BitRate(random.logarithmic(kbit(1_000).0, mbit(500).0));
        let mut queue = (bdp(first, delay * 2) as f64 * (0.2 + 3.0 * random.unit())) as u64;
        queue = queue.max(6_000);
        let mut options = Self {
            calm_at,
            delay,
            rate: Schedule::constant(first),
            queue,
            mark_above: random.chance(0.2).then_some(queue / 3),
            mtu: Schedule::constant(1472),
            loss: None,
            jitter: None,
            reorder: None,
            duplicate: None,
            corrupt: None,
            blackout: None,
            ecn: None,
            police: None,
            aggregate: None,
        };
        if rough {
            options.draw_link(random, first);
            options.draw_faults(random);
        }
        options
    }

    fn draw_link(&mut self, random: &mut Random, first: BitRate) {
        if random.chance(0.3) {
            for _ in 0..random.within(1..=4) {
                let at = Instant::ORIGIN + random.up_to(self.calm_at - Instant::ORIGIN);
                let factor = random.logarithmic(100, 10_000) as f64 / 1000.0;
                self.rate = self.rate.clone().then(at, first.scaled(factor));
            }
            let last = self.rate.at(self.calm_at).max(CALM_RATE_MIN);
            self.rate = self.rate.clone().then(self.calm_at, last);
        }
        if random.chance(0.5) {
            let size = |random: &mut Random| random.index(273) + 1200;
            self.mtu = Schedule::constant(size(random));
            if random.chance(0.5) {
                let at = Instant::ORIGIN + random.up_to(self.calm_at - Instant::ORIGIN);
                self.mtu = self.mtu.clone().then(at, size(random));
            }
        }
        if random.chance(0.1) {
            self.police = Some((first.scaled(0.5).max(CALM_RATE_MIN), 30_000));
        }
        self.aggregate = random.chance(0.1).then(|| ms(random.within(1..=30)));
    }

    fn draw_faults(&mut self, random: &mut Random) {
        self.loss = random.chance(0.6).then(|| draw_loss(random));
        self.jitter = random.chance(0.3).then(|| {
            let order = if random.chance(0.5) {
                Order::Kept
            } else {
                Order::Free
            };
            (
                Duration::from_micros(random.logarithmic(100, 50_000)),
                order,
            )
        });
        self.reorder = random
            .chance(0.3)
            .then(|| (0.2 * random.unit(), random.up_to(ms(100))));
        self.duplicate = random.chance(0.3).then(|| 0.2 * random.unit());
        self.corrupt = random.chance(0.3).then(|| 0.1 * random.unit());
        self.ecn = random.chance(0.2).then(|| draw_ecn(random));
    }

    /// Puts all of this behind what is on `path` already.
    fn extend(&self, mut path: Path) -> Path {
        let active = Active::until(self.calm_at);
        if let Some(interval) = &self.blackout {
            path = path.then(Blackout::new(vec![interval.clone()]));
        }
        path = match self.loss {
            Some(LossKind::Random(probability)) => path.then(Loss::new(probability, active)),
            Some(LossKind::Burst { probability, mean }) => {
                path.then(GilbertElliott::new(probability, mean, active))
            }
            None => path,
        };
        if let Some(fault) = self.ecn {
            path = path.then(EcnRemark::new(fault, active));
        }
        path = path.mtu(self.mtu.clone());
        if let Some((rate, burst)) = self.police {
            path = path.police(rate, burst);
        }
        path = path.rate(self.rate.clone()).queue(self.queue);
        if let Some(bytes) = self.mark_above {
            path = path.mark_above(bytes);
        }
        self.extend_with_time(path.delay(self.delay), active)
    }

    fn extend_with_time(&self, mut path: Path, active: Active) -> Path {
        if let Some(probability) = self.corrupt {
            path = path.then(Corrupt::new(probability, active));
        }
        if let Some(probability) = self.duplicate {
            path = path.then(Duplicate::new(probability, ms(50), active));
        }
        if let Some((probability, most)) = self.reorder {
            path = path.then(Reorder::new(probability, most, active));
        }
        path = match self.jitter {
            Some((most, Order::Kept)) => path.jitter(most),
            Some((most, Order::Free)) => path.jitter_reordering(most),
            None => path,
        };
        match self.aggregate {
            Some(period) => path.then(Aggregate::new(period)),
            None => path,
        }
    }
}

fn draw_loss(random: &mut Random) -> LossKind {
    // Small losses matter as much as large ones.
    let probability = random.logarithmic(1, 300) as f64 / 1000.0;
    if random.chance(0.5) {
        return LossKind::Random(probability);
    }
    LossKind::Burst {
        probability,
        mean: 1.0 + 9.0 * random.unit(),
    }
}

fn draw_ecn(random: &mut Random) -> EcnFault {
    match random.below(6) {
        0 => EcnFault::Bleach,
        1 => EcnFault::BleachSome(random.unit()),
        2 => EcnFault::Remark,
        3 => EcnFault::MarkAll,
        4 => EcnFault::MarkSome(random.unit()),
        _ => EcnFault::DropMarked,
    }
}

impl fmt::Display for NetworkOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([up, down], [out, back]) = (self.links(), self.translators());
        writeln!(f, "up: {out} {up}")?;
        writeln!(f, "down: {down} {back}")?;
        for (time, address) in &self.moves {
            let seconds = time.since(Instant::ORIGIN).as_secs_f64();
            writeln!(f, "the client moves to {address} at {seconds:.3}s")?;
        }
        Ok(())
    }
}
