use std::net::{Ipv4Addr, SocketAddr};

use quantum_proto::transmit::EcnCodepoint;

use super::nat::Nat;
use super::*;
use crate::units::{kbit, mbit, ms, seconds};
use crate::world::HostId;

fn at(time: Duration) -> Instant {
    Instant::ORIGIN + time
}

fn address(last: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, last), port).into()
}

/// A datagram that can be told from others by its first bytes.
fn datagram(number: u32, size: usize) -> Datagram {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(size, 0);
    Datagram {
        source: address(1, 1),
        destination: address(2, 2),
        ecn: Some(EcnCodepoint::Ect0),
        bytes,
        origin: HostId(0),
        addressed_to: address(2, 2),
        sent_at: Instant::ORIGIN,
    }
}

fn number(datagram: &Datagram) -> u32 {
    let bytes = datagram.bytes.first_chunk().copied();
    u32::from_be_bytes(bytes.unwrap_or_default())
}

/// Sends `count` datagrams of `size` bytes through the only element of `path`, one each `gap`.
fn send(mut path: Path, count: u32, size: usize, gap: Duration) -> Vec<(Instant, Datagram)> {
    let mut outlet = Outlet::default();
    let mut random = Random::new(1);
    assert_eq!(path.elements.len(), 1);
    let element = &mut path.elements[0];
    for index in 0..count {
        let now = at(gap * index);
        element.handle(now, datagram(index, size), &mut random, &mut outlet);
    }
    outlet.passed
}

fn in_order(passed: &[(Instant, Datagram)]) -> bool {
    passed.is_sorted_by_key(|(time, _)| *time)
}

#[test]
fn random_loss_takes_its_share_one_by_one() {
    let passed = send(Path::new().loss(0.1), 100_000, 100, ms(0));
    assert!((89_500..90_500).contains(&passed.len()), "{}", passed.len());
    assert!(
        (1.05..1.2).contains(&mean_run(&passed)),
        "{}",
        mean_run(&passed)
    );
}

#[test]
fn burst_loss_takes_its_share_in_runs() {
    let passed = send(Path::new().burst_loss(0.1, 5.0), 200_000, 100, ms(0));
    let lost = 200_000 - passed.len();
    assert!((18_500..21_500).contains(&lost), "{lost}");
    assert!(
        (4.7..5.3).contains(&mean_run(&passed)),
        "{}",
        mean_run(&passed)
    );
}

/// Mean length of the gaps in the numbers that arrived.
fn mean_run(passed: &[(Instant, Datagram)]) -> f64 {
    let numbers: Vec<_> = passed
        .iter()
        .map(|(_, datagram)| number(datagram))
        .collect();
    let gaps: Vec<_> = numbers
        .windows(2)
        .map(|pair| pair[1] - pair[0] - 1)
        .filter(|gap| *gap > 0)
        .collect();
    f64::from(gaps.iter().sum::<u32>()) / gaps.len() as f64
}

#[test]
fn faults_end_when_they_are_told_to() {
    let path = Path::new().then(Loss::new(1.0, Active::until(at(ms(5)))));
    let passed = send(path, 10, 100, ms(1));
    assert_eq!(passed.len(), 5);
}

#[test]
fn a_delay_that_shrinks_lets_nothing_overtake() {
    let delay = Schedule::constant(ms(50)).then(at(ms(10)), ms(1));
    let passed = send(Path::new().delay(delay), 20, 100, ms(1));
    assert_eq!(passed[0].0, at(ms(50)));
    assert!(in_order(&passed));
    assert_eq!(passed[19].0, at(ms(59)));
}

#[test]
fn jitter_keeps_the_order_or_does_not() {
    assert!(in_order(&send(
        Path::new().jitter(ms(20)),
        1000,
        100,
        ms(1)
    )));
    let free = send(Path::new().jitter_reordering(ms(20)), 1000, 100, ms(1));
    assert!(!in_order(&free));
    assert_eq!(free.len(), 1000);
}

#[test]
fn reordering_holds_back_a_share() {
    let passed = send(Path::new().reorder(0.1, ms(10)), 10_000, 100, ms(1));
    let late = passed
        .iter()
        .filter(|(time, datagram)| *time > at(ms(number(datagram).into())));
    let late = late.count();
    assert!((900..1100).contains(&late), "{late}");
}

/// How many of 1000 datagrams, one each millisecond, meet `is_hit` in each half.
fn hits_by_half(
    passed: &[(Instant, Datagram)],
    is_hit: impl Fn(&(Instant, Datagram)) -> bool,
) -> (usize, usize) {
    let half = |from: u32| {
        let range = from..from + 500;
        let of_half = passed
            .iter()
            .filter(|passed| range.contains(&number(&passed.1)));
        of_half.filter(|passed| is_hit(passed)).count()
    };
    (half(0), half(500))
}

#[test]
fn loss_changes_over_time() {
    let loss = Schedule::constant(0.0).then(at(ms(500)), 0.5);
    let passed = send(Path::new().loss(loss), 1000, 100, ms(1));
    let (first, second) = hits_by_half(&passed, |_| true);
    assert_eq!(first, 500);
    assert!((200..300).contains(&second), "{second}");
}

#[test]
fn reordering_changes_over_time() {
    let share = Schedule::constant(0.5).then(at(ms(500)), 0.0);
    let passed = send(Path::new().reorder(share, ms(10)), 1000, 100, ms(1));
    let is_late = |(time, datagram): &(Instant, Datagram)| *time > at(ms(number(datagram).into()));
    let (first, second) = hits_by_half(&passed, is_late);
    assert!((200..300).contains(&first), "{first}");
    assert_eq!(second, 0);
}

#[test]
fn aggregation_changes_over_time() {
    let period = Schedule::constant(Duration::ZERO).then(at(ms(6)), ms(10));
    let period = period.then(at(ms(13)), Duration::ZERO);
    let passed = send(Path::new().aggregate(period), 22, 100, ms(1));
    let times: Vec<_> = passed
        .iter()
        .map(|(time, _)| *time - Instant::ORIGIN)
        .collect();
    let one_by_one: Vec<_> = (0..6).map(ms).collect();
    assert_eq!(times[..6], one_by_one);
    assert_eq!(times[6..11], [ms(10); 5]);
    // What comes after the last step does not overtake what waits.
    assert_eq!(times[11..21], [ms(20); 10]);
    assert_eq!(times[21], ms(21));
}

#[test]
fn a_schedule_keeps_its_steps_when_its_values_change() {
    let rtt = Schedule::constant(ms(40)).then(at(seconds(1)), ms(60));
    let one_way = rtt.map(|rtt| rtt / 2);
    let expected = Schedule::constant(ms(20)).then(at(seconds(1)), ms(30));
    assert_eq!(one_way, expected);
}

#[test]
fn duplication_adds_a_share() {
    let passed = send(Path::new().duplicate(0.2, ms(5)), 10_000, 100, ms(1));
    assert!((11_800..12_200).contains(&passed.len()), "{}", passed.len());
}

#[test]
fn corruption_changes_bytes_of_a_share() {
    let passed = send(Path::new().corrupt(0.1), 10_000, 100, ms(1));
    let intact = |(index, passed): &(usize, &(Instant, Datagram))| {
        passed.1.bytes == datagram(*index as u32, 100).bytes
    };
    let intact = passed.iter().enumerate().filter(intact).count();
    assert!((8_900..9_150).contains(&intact), "{intact}");
}

#[test]
fn a_link_sends_at_its_rate_over_steps() {
    // 1000 bytes with headers: 8 ms at 1 Mbit/s, 4 ms at 2 Mbit/s.
    let rate = Schedule::constant(mbit(1)).then(at(ms(20)), mbit(2));
    let passed = send(Path::new().rate(rate), 5, 972, ms(0));
    let times: Vec<_> = passed
        .iter()
        .map(|(time, _)| *time - Instant::ORIGIN)
        .collect();
    assert_eq!(times, [ms(8), ms(16), ms(22), ms(26), ms(30)]);
}

#[test]
fn a_full_queue_drops_and_a_long_one_marks() {
    let mut path = Path::new().rate(mbit(1)).queue(5000).mark_above(2500);
    let mut outlet = Outlet::default();
    for index in 0..10 {
        path.elements[0].handle(
            at(ms(0)),
            datagram(index, 972),
            &mut Random::new(0),
            &mut outlet,
        );
    }
    let marked = |(_, datagram): &&(Instant, Datagram)| datagram.ecn == Some(EcnCodepoint::Ce);
    assert_eq!(outlet.passed.len(), 5);
    assert_eq!(outlet.passed.iter().filter(marked).count(), 2);
    let seen = path.elements[0].occupancy().unwrap();
    assert_eq!((seen.passed, seen.dropped, seen.marked), (5, 5, 2));
    assert_eq!(seen.waits.percentile(1.0), ms(32));
}

#[test]
fn a_black_hole_swallows_what_is_too_large() {
    let mtu = Schedule::constant(1472).then(at(ms(5)), 1200);
    assert_eq!(send(Path::new().mtu(mtu.clone()), 10, 1400, ms(1)).len(), 5);
    assert_eq!(send(Path::new().mtu(mtu), 10, 1200, ms(1)).len(), 10);
}

#[test]
fn nothing_passes_in_a_blackout() {
    let passed = send(Path::new().blackout(at(ms(3))..at(ms(7))), 10, 100, ms(1));
    assert_eq!(passed.len(), 6);
}

#[test]
fn marks_are_bleached_changed_set_or_fatal() {
    let mark = |fault| {
        let passed = send(Path::new().ecn(fault), 1, 100, ms(1));
        passed.first().map(|(_, datagram)| datagram.ecn)
    };
    assert_eq!(mark(EcnFault::Bleach), Some(None));
    assert_eq!(mark(EcnFault::Remark), Some(Some(EcnCodepoint::Ect1)));
    assert_eq!(mark(EcnFault::MarkAll), Some(Some(EcnCodepoint::Ce)));
    assert_eq!(mark(EcnFault::DropMarked), None);
}

#[test]
fn a_policer_lets_its_burst_and_its_rate_pass() {
    // 1000 bytes with headers each 1 ms: 8 Mbit/s against 800 kbit/s and ten datagrams at once.
    let passed = send(Path::new().police(kbit(800), 10_000), 1000, 972, ms(1));
    assert!((109..=111).contains(&passed.len()), "{}", passed.len());
}

#[test]
fn aggregation_releases_together() {
    let passed = send(Path::new().aggregate(ms(10)), 21, 100, ms(1));
    let mut times: Vec<_> = passed.iter().map(|(time, _)| *time).collect();
    times.dedup();
    assert_eq!(times, [at(ms(0)), at(ms(10)), at(ms(20))]);
}

#[test]
fn a_rebound_address_translation_forgets_the_old_mapping() {
    let outside = Schedule::constant(address(9, 100)).then(at(seconds(1)), address(9, 200));
    let nat = Nat::new(address(1, 1), outside);
    let (mut outward, mut inward) = (nat.outward(), nat.inward());
    let mut outlet = Outlet::default();
    let mut random = Random::new(0);
    outward.handle(at(ms(0)), datagram(0, 10), &mut random, &mut outlet);
    outward.handle(at(seconds(2)), datagram(0, 10), &mut random, &mut outlet);
    let sources: Vec<_> = outlet
        .passed
        .drain(..)
        .map(|(_, datagram)| datagram.source)
        .collect();
    assert_eq!(sources, [address(9, 100), address(9, 200)]);
    for port in [100, 200] {
        let mut answer = datagram(0, 10);
        answer.destination = address(9, port);
        inward.handle(at(seconds(2)), answer, &mut random, &mut outlet);
    }
    assert_eq!(outlet.passed.len(), 1);
    assert_eq!(outlet.passed[0].1.destination, address(1, 1));
}
