//! The client has another address, and says so.

use std::net::SocketAddr;
use std::time::Duration;

use super::pair::{Pair, Verdict};
use super::paths::{reaches_client, reaches_server};
use super::transfer::{pattern, read, write};
use crate::stream::{Direction, StreamId};

const BYTES: usize = 1_000_000;

fn away() -> SocketAddr {
    SocketAddr::from(([10, 9, 9, 9], 5000))
}

/// The client is at `address` from now on, and knows it.
fn move_to(pair: &mut Pair, address: SocketAddr) {
    pair.client.address = address;
    let now = pair.now;
    pair.client.connection().local_address_changed(now);
}

/// The server sends so much that it is not done when something happens.
fn begin_transfer(pair: &mut Pair) -> StreamId {
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    write(server, id, &mut pattern(BYTES));
    server.finish(id).expect("an open stream");
    pair.run(Duration::from_millis(45));
    id
}

/// All of it has arrived after `time`.
fn end_transfer(pair: &mut Pair, id: StreamId, time: Duration) {
    pair.run(time);
    let client = pair.client.connection();
    assert_eq!(client.accept(Direction::Unidirectional), Some(id));
    let mut received = Vec::new();
    assert!(read(client, id, &mut received), "{}", received.len());
    assert!(received == pattern(BYTES));
}

#[test]
fn a_client_that_only_listens_asks_until_it_is_heard_at_its_new_address() {
    let mut pair = Pair::connected();
    let id = begin_transfer(&mut pair);
    move_to(&mut pair, away());
    // What acknowledges gets through, what answers does not: the client has nothing left to say, and
    // the server, which is not answered either, speaks to the old address.
    let until = pair.now + Duration::from_secs(2);
    pair.tamper = Box::new(move |now, datagram| {
        if datagram.to == away() && now < until && datagram.bytes.len() >= 1200 {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    end_transfer(&mut pair, id, Duration::from_secs(20));
    assert_eq!(pair.server.connection().remote_address(), away());
    assert_eq!(pair.client.connection().path.challenge, None, "answered");
}

#[test]
fn a_client_stops_asking_when_it_is_answered() {
    let mut pair = Pair::connected();
    move_to(&mut pair, away());
    pair.run(Duration::from_secs(3));
    let before = pair.client.connection().statistics().packets_sent;
    pair.run(Duration::from_secs(10));
    let after = pair.client.connection().statistics().packets_sent;
    assert!(after - before <= 12, "{} packets", after - before);
}

#[test]
fn data_leave_an_unproven_address_room_to_ask_again() {
    let mut pair = Pair::connected();
    let id = begin_transfer(&mut pair);
    move_to(&mut pair, away());
    // The server hears that the client is there, and for a while nothing more.
    let lost = pair.now + Duration::from_millis(5)..pair.now + Duration::from_millis(500);
    pair.tamper = Box::new(move |now, datagram| {
        if datagram.from == away() && lost.contains(&now) {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    pair.run(Duration::from_millis(400));
    let server = pair.server.connection();
    assert_eq!(server.remote_address(), away());
    assert!(!server.path.validated);
    let left = server.path.allowance();
    assert!((240..1200).contains(&left), "{left}");
    end_transfer(&mut pair, id, Duration::from_secs(10));
    assert_eq!(pair.server.connection().remote_address(), away());
}

#[test]
fn a_path_that_carries_less_is_found_out_in_the_middle_of_a_transfer() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(5));
    assert!(pair.server.connection().statistics().datagram_bytes > 1300);
    let id = begin_transfer(&mut pair);
    move_to(&mut pair, away());
    pair.tamper = Box::new(|_, datagram| {
        if datagram.bytes.len() > 1250 {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    end_transfer(&mut pair, id, Duration::from_secs(10));
    let size = pair.server.connection().statistics().datagram_bytes;
    assert!((1200..=1250).contains(&size), "{size}");
}

#[test]
fn a_move_to_another_network_and_a_new_nat_entry_there_at_once_are_followed() {
    let mut pair = Pair::connected();
    let id = begin_transfer(&mut pair);
    move_to(&mut pair, away());
    let outside = |port| SocketAddr::from(([203, 0, 113, 1], port));
    let later = pair.now + Duration::from_millis(30);
    pair.tamper = Box::new(move |now, datagram| {
        let current = outside(if now < later { 1000 } else { 2000 });
        if datagram.from == away() {
            datagram.from = current;
        } else if datagram.to == current {
            datagram.to = away();
        } else {
            return Verdict::Drop;
        }
        Verdict::Deliver
    });
    end_transfer(&mut pair, id, Duration::from_secs(10));
    assert_eq!(pair.server.connection().remote_address(), outside(2000));
}

#[test]
fn a_client_that_comes_home_is_followed() {
    let mut pair = Pair::connected();
    let home = pair.client.address;
    let id = begin_transfer(&mut pair);
    move_to(&mut pair, away());
    pair.run(Duration::from_millis(50));
    move_to(&mut pair, home);
    end_transfer(&mut pair, id, Duration::from_secs(10));
    assert_eq!(pair.server.connection().remote_address(), home);
    assert!(reaches_server(&mut pair));
    assert!(reaches_client(&mut pair));
}

#[test]
fn a_move_that_nobody_can_hear_of_is_heard_of_later() {
    let mut pair = Pair::connected();
    let id = begin_transfer(&mut pair);
    let until = pair.now + Duration::from_secs(8);
    pair.tamper = Box::new(move |now, _| {
        if now < until {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    pair.run(Duration::from_secs(1));
    move_to(&mut pair, away());
    end_transfer(&mut pair, id, Duration::from_secs(25));
    assert_eq!(pair.server.connection().remote_address(), away());
}
