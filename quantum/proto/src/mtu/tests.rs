use std::time::Duration;

use super::*;

const START: Instant = Instant::from_nanos(1_000_000);

fn search(datagram_bytes_max: u16) -> MtuDiscovery {
    MtuDiscovery::new(&TransportConfig {
        datagram_bytes_max,
        ..TransportConfig::default()
    })
}

/// Answers probes until there are none; those of at most `path` bytes arrive. Gives their sizes.
fn run(mtu: &mut MtuDiscovery, now: Instant, path: u16) -> Vec<u16> {
    let mut sizes = Vec::new();
    while let Some(size) = mtu.poll_probe(now) {
        sizes.push(size);
        if size <= path {
            mtu.on_probe_acked(now, size);
        } else {
            mtu.on_probe_lost(now, size);
        }
        assert!(sizes.len() < 200, "the search ends");
    }
    sizes
}

#[test]
fn the_largest_size_that_arrives_is_found() {
    for path in [1200, 1280, 1400, 1452, 1472] {
        let mut mtu = search(1472);
        assert_eq!(mtu.current(), 1200);
        run(&mut mtu, START, path);
        assert_eq!(mtu.current(), path);
    }
}

#[test]
fn at_the_largest_size_the_search_has_ended() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1472);
    assert_eq!(mtu.search_at(), None);
    assert_eq!(mtu.poll_probe(START + Duration::from_secs(6_000)), None);
}

#[test]
fn a_size_is_tried_three_times() {
    let mut mtu = search(1472);
    let sizes = run(&mut mtu, START, 1452);
    assert_eq!(sizes.iter().filter(|size| **size == 1472).count(), 3);
    assert_eq!(mtu.current(), 1452);
}

#[test]
fn a_probe_that_arrives_at_the_third_try_counts() {
    let mut mtu = search(1280);
    for _ in 0..2 {
        assert_eq!(mtu.poll_probe(START), Some(1280));
        mtu.on_probe_lost(START, 1280);
    }
    assert_eq!(mtu.poll_probe(START), Some(1280));
    mtu.on_probe_acked(START, 1280);
    assert_eq!(mtu.current(), 1280);
}

#[test]
fn a_large_path_is_searched_by_halves() {
    for path in [1472, 1500, 4000, 8973, 9000, 20_000, 65_000] {
        let mut mtu = search(65_000);
        run(&mut mtu, START, path);
        assert!(mtu.current() <= path, "{} of {path}", mtu.current());
        assert!(
            mtu.current() + 2 * STEP_MIN > path,
            "{} of {path}",
            mtu.current()
        );
    }
}

#[test]
fn the_search_begins_again_after_ten_minutes() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1400);
    let again = START + Duration::from_secs(600);
    assert_eq!(mtu.search_at(), Some(again));
    assert_eq!(mtu.poll_probe(again.before(Duration::from_nanos(1))), None);
    assert!(mtu.poll_probe(again).is_some_and(|size| size > 1400));
    assert_eq!(mtu.search_at(), None, "what has begun needs no timer");
}

#[test]
fn a_path_that_swallows_large_packets_is_left_for_the_base() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1472);
    assert!(!mtu.on_lost(1472));
    mtu.on_acked(100);
    assert!(!mtu.on_lost(1472));
    assert!(mtu.on_lost(1472));
    assert_eq!(mtu.current(), 1200);
    // What it still carries is searched for at once.
    run(&mut mtu, START, 1400);
    assert_eq!(mtu.current(), 1400);
}

#[test]
fn packets_that_are_not_quite_full_reveal_a_narrower_path_too() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1472);
    assert!(!mtu.on_lost(1373));
    mtu.on_acked(29);
    assert!(!mtu.on_lost(1373));
    assert!(mtu.on_lost(1373));
    assert_eq!(mtu.current(), 1200);
}

#[test]
fn loss_of_whatever_size_is_no_black_hole() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1472);
    // Everything is lost: nothing smaller arrives.
    assert!((0..50).all(|_| !mtu.on_lost(1472)));
    // Full-size packets arrive in between.
    for _ in 0..50 {
        mtu.on_acked(1472);
        assert!(!mtu.on_lost(1472));
        mtu.on_acked(100);
        assert!(!mtu.on_lost(1472));
    }
    // Small ones are lost.
    assert!((0..50).all(|_| !mtu.on_lost(1200)));
    assert_eq!(mtu.current(), 1472);
}

#[test]
fn after_silence_the_search_begins_at_once() {
    let mut mtu = search(1472);
    run(&mut mtu, START, 1472);
    mtu.on_silence();
    assert_eq!(mtu.current(), 1200);
    assert_eq!(mtu.search_at(), None);
    run(&mut mtu, START, 1400);
    assert_eq!(mtu.current(), 1400);
}

#[test]
fn a_peer_that_takes_less_is_sent_less() {
    let mut mtu = search(1472);
    mtu.set_peer_max(1300);
    run(&mut mtu, START, 1472);
    assert_eq!(mtu.current(), 1300);
    mtu.set_peer_max(1250);
    assert_eq!(mtu.current(), 1250);
    // Every path and peer takes the base (RFC 9000 section 18.2).
    mtu.set_peer_max(0);
    assert_eq!(mtu.current(), 1200);
    mtu.set_peer_max(u64::MAX);
    assert_eq!(
        run(&mut mtu, START, 1472),
        Vec::<u16>::new(),
        "what a peer said once holds"
    );
}

#[test]
fn a_probe_is_not_repeated_before_its_fate_is_known() {
    let mut mtu = search(1472);
    let mut under_way = Vec::new();
    while let Some(size) = mtu.poll_probe(START) {
        assert!(!under_way.contains(&size));
        under_way.push(size);
    }
    mtu.on_probe_lost(START, 1333);
    assert_eq!(mtu.poll_probe(START), None, "no such probe was sent");
    mtu.on_probe_lost(START, under_way[0]);
    assert_eq!(mtu.poll_probe(START), Some(under_way[0]));
}

#[test]
fn without_discovery_nothing_is_probed() {
    let mut mtu = MtuDiscovery::new(&TransportConfig {
        mtu_discovery: false,
        ..TransportConfig::default()
    });
    assert_eq!(mtu.poll_probe(START), None);
    assert_eq!(mtu.current(), 1200);
}
