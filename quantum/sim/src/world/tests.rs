use std::net::Ipv4Addr;
use std::time::Duration;

use quantum_proto::transmit::Transmit;

use super::*;
use crate::host::{Arrival, Departure};
use crate::path::nat::Nat;
use crate::path::schedule::Schedule;
use crate::units::{mbit, ms, seconds};

/// Asks or answers with datagrams of given sizes.
#[derive(Default)]
struct Dummy {
    address: Option<SocketAddr>,
    /// Sends to there until `answers_wanted` answers have come, repeating itself each 100 ms.
    asks: Option<SocketAddr>,
    answers_wanted: usize,
    answers: usize,
    /// Bytes per answer.
    answers_with: Option<usize>,
    careful: bool,
    next: Option<Instant>,
    outgoing: Vec<(SocketAddr, usize)>,
    sources: Vec<SocketAddr>,
    clocks: Vec<Instant>,
    overheard: usize,
    stuck: bool,
}

impl Dummy {
    fn asking(answers_wanted: usize) -> Self {
        Self {
            address: Some(address(1)),
            asks: Some(address(2)),
            answers_wanted,
            next: Some(Instant::ORIGIN),
            ..Self::default()
        }
    }

    fn answering(bytes: usize) -> Self {
        Self {
            address: Some(address(2)),
            answers_with: Some(bytes),
            careful: true,
            ..Self::default()
        }
    }
}

impl Host for Dummy {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, _bytes: &mut [u8]) {
        self.sources.push(arrival.source);
        self.clocks.push(now);
        self.answers += 1;
        if let Some(bytes) = self.answers_with {
            self.outgoing.push((arrival.source, bytes));
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.clocks.push(now);
        if self.stuck || self.next.is_none_or(|next| next > now) {
            return;
        }
        self.next = self.is_busy().then_some(now + ms(100));
        if let Some(peer) = self.asks.filter(|_| self.is_busy()) {
            self.outgoing.push((peer, 1000));
        }
    }

    fn run(&mut self, _now: Instant) {}

    fn poll_transmit(
        &mut self,
        _now: Instant,
        _datagrams_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Departure> {
        let (destination, size) = self.outgoing.pop()?;
        buffer.resize(size, 0);
        Some(Departure {
            source: self.address?,
            transmit: Transmit {
                destination,
                source: None,
                ecn: None,
                size,
                segment_size: None,
            },
        })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    fn is_busy(&self) -> bool {
        self.asks.is_some() && self.answers < self.answers_wanted
    }

    fn limits_amplification(&self) -> bool {
        self.careful
    }

    fn overhear(&mut self, _now: Instant, _datagram: &Datagram) {
        self.overheard += 1;
    }
}

fn address(last: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, last), 4433).into()
}

fn at(time: Duration) -> Instant {
    Instant::ORIGIN + time
}

fn world(seed: u64, asking: Dummy, answering: Dummy, up: Path, down: Path) -> World<Dummy> {
    let mut world = World::new(seed);
    let client = world.add_host(asking, &[address(1)], DriverFaults::default());
    let server = world.add_host(answering, &[address(2)], DriverFaults::default());
    let (up, down) = (world.add_path(up), world.add_path(down));
    world.route(client, &[up]);
    world.route(server, &[down]);
    world
}

#[test]
fn a_question_is_answered_after_a_round_trip() {
    let (up, down) = (Path::new().delay(ms(20)), Path::new().delay(ms(30)));
    let mut world = world(1, Dummy::asking(1), Dummy::answering(1000), up, down);
    assert_eq!(world.run(at(seconds(1))), Ok(Stopped::Idle));
    assert_eq!(world.now(), at(ms(50)));
}

#[test]
fn equal_seeds_give_equal_fingerprints() {
    let run = |seed| {
        let rough = || {
            Path::new()
                .loss(0.3)
                .jitter_reordering(ms(30))
                .duplicate(0.3, ms(5))
        };
        let mut world = world(
            seed,
            Dummy::asking(50),
            Dummy::answering(900),
            rough(),
            rough(),
        );
        assert_eq!(world.run(at(seconds(60))), Ok(Stopped::Idle));
        world.fingerprint()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn amplification_is_noticed_before_an_address_is_proven_and_allowed_after() {
    let answers = |bytes| {
        let (up, down) = (Path::new().delay(ms(20)), Path::new().delay(ms(30)));
        world(1, Dummy::asking(5), Dummy::answering(bytes), up, down).run(at(seconds(2)))
    };
    assert_eq!(answers(3000), Ok(Stopped::Idle));
    assert_eq!(
        answers(3001).map_err(|error| error.rule),
        Err(Rule::Amplification)
    );

    // The second question of somebody who has the first answer proves the address.
    let mut world = world(
        1,
        Dummy::asking(2),
        Dummy::answering(3000),
        Path::new(),
        Path::new(),
    );
    world.run_until(at(ms(50))).unwrap();
    world.host_mut(HostId(1)).unwrap().answers_with = Some(100_000);
    assert_eq!(world.run(at(seconds(2))), Ok(Stopped::Idle));
}

#[test]
fn work_without_timer_or_datagram_is_noticed() {
    let mut asking = Dummy::asking(1);
    asking.next = None;
    let mut world = world(1, asking, Dummy::answering(10), Path::new(), Path::new());
    assert_eq!(
        world.run(at(seconds(1))).map_err(|error| error.rule),
        Err(Rule::Armed)
    );
}

#[test]
fn a_timer_that_does_not_move_on_is_noticed() {
    let mut asking = Dummy::asking(1);
    asking.stuck = true;
    let mut world = world(1, asking, Dummy::answering(10), Path::new(), Path::new());
    assert_eq!(
        world.run(at(seconds(1))).map_err(|error| error.rule),
        Err(Rule::Progress)
    );
}

#[test]
fn a_stalled_driver_takes_everything_afterwards() {
    let mut world = world(
        1,
        Dummy::asking(3),
        Dummy::answering(10),
        Path::new(),
        Path::new(),
    );
    world.seats[1].faults.stalls = vec![at(ms(0))..at(ms(250))];
    assert_eq!(world.run(at(seconds(1))), Ok(Stopped::Idle));
    assert_eq!(world.now(), at(ms(250)));
    let clocks = &world.host(HostId(1)).unwrap().clocks;
    assert!(
        clocks.iter().all(|clock| *clock == at(ms(250))),
        "{clocks:?}"
    );
}

#[test]
fn driver_faults_change_the_times_a_host_sees_but_never_backwards() {
    let mut world = world(
        1,
        Dummy::asking(30),
        Dummy::answering(10),
        Path::new(),
        Path::new(),
    );
    for seat in &mut world.seats {
        seat.faults.timer_late = ms(20);
        seat.faults.spurious_wakeups = 0.5;
        seat.faults.clock_lag = ms(5);
    }
    assert_eq!(world.run(at(seconds(10))), Ok(Stopped::Idle));
    let clocks = &world.host(HostId(0)).unwrap().clocks;
    assert!(clocks.is_sorted());
    assert!(
        clocks
            .iter()
            .any(|clock| clock.as_nanos() % 100_000_000 != 0)
    );
}

#[test]
fn a_small_socket_overflows() {
    let mut asking = Dummy::asking(1000);
    asking.outgoing = vec![(address(2), 1000); 10];
    let mut world = world(1, asking, Dummy::answering(10), Path::new(), Path::new());
    world.seats[1].faults.stalls = vec![at(ms(0))..at(ms(50))];
    world.seats[1].faults.receive_buffer = 4000;
    world.run_until(at(ms(60))).unwrap();
    assert_eq!(world.host(HostId(1)).unwrap().answers, 4);
}

#[test]
fn flows_share_a_bottleneck_and_a_listener_hears_them() {
    let mut world = World::new(1);
    let shared = world.add_path(Path::new().rate(mbit(1)));
    let back = world.add_path(Path::new().delay(ms(5)));
    let server = world.add_host(Dummy::answering(10), &[address(2)], DriverFaults::default());
    let listener = world.add_host(Dummy::default(), &[], DriverFaults::default());
    world.route(server, &[back]);
    world.tap(shared, listener);
    for last in [3, 4] {
        let mut asking = Dummy::asking(1);
        asking.address = Some(address(last));
        let client = world.add_host(asking, &[address(last)], DriverFaults::default());
        let access = world.add_path(Path::new().delay(ms(1)));
        world.route(client, &[access, shared]);
    }
    assert_eq!(world.run(at(seconds(1))), Ok(Stopped::Idle));
    assert_eq!(world.host(listener).unwrap().overheard, 2);
    // The second question waited for the first: 2 x 1028 bytes at 1 Mbit/s.
    assert_eq!(
        world.occupancy(shared).unwrap().waits.percentile(1.0),
        ms(8) + ms(1) / 1000 * 224
    );
    assert_eq!(world.path(shared).unwrap().left, 2);
}

#[test]
fn the_other_side_sees_a_rebound_address() {
    let outside = Schedule::constant(address(9)).then(at(ms(150)), address(8));
    let nat = Nat::new(address(1), outside);
    let up = Path::new().then(nat.outward()).delay(ms(1));
    let down = Path::new().delay(ms(1)).then(nat.inward());
    let mut world = world(1, Dummy::asking(4), Dummy::answering(10), up, down);
    assert_eq!(world.run(at(seconds(1))), Ok(Stopped::Idle));
    let sources = &world.host(HostId(1)).unwrap().sources;
    assert_eq!(sources, &[address(9), address(9), address(8), address(8)]);
}
