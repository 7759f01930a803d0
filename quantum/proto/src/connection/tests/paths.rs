//! The client moves, or somebody pretends that it does.

use std::net::SocketAddr;
use std::time::Duration;

use super::pair::{Datagram, Pair, Verdict};
use super::transfer::{pattern, read, write};
use crate::connection::Event;
use crate::stream::{Direction, Side};

const MOMENT: Duration = Duration::from_millis(200);

/// Sends a message from the client and says whether the server has it soon.
pub(super) fn reaches_server(pair: &mut Pair) -> bool {
    let sent = pattern(100);
    let client = pair.client.connection();
    client.post(sent.clone(), true).expect("room");
    pair.run(Duration::from_secs(3));
    pair.server.connection().take_message() == Some(sent)
}

/// The same the other way.
pub(super) fn reaches_client(pair: &mut Pair) -> bool {
    let sent = pattern(101);
    let server = pair.server.connection();
    server.post(sent.clone(), true).expect("room");
    pair.run(Duration::from_secs(3));
    pair.client.connection().take_message() == Some(sent)
}

fn change_port(pair: &mut Pair) {
    let port = pair.client.address.port() + 1;
    pair.client.address.set_port(port);
}

fn change_address(pair: &mut Pair) {
    pair.client.address = SocketAddr::from(([10, 9, 9, 9], 5000));
}

#[test]
fn a_new_port_of_the_nat_is_followed() {
    let mut pair = Pair::connected();
    change_port(&mut pair);
    assert!(reaches_server(&mut pair));
    assert!(reaches_client(&mut pair));
    let address = pair.client.address;
    let server = pair.server.connection();
    assert_eq!(server.remote_address(), address);
    assert!(server.path.validated);
    assert!(
        pair.events(Side::Server)
            .contains(&Event::PathChanged(address))
    );
}

#[test]
fn a_new_port_keeps_what_is_known_of_the_path_and_a_new_address_does_not() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(5));
    let before = pair.server.connection().statistics().datagram_bytes;
    assert!(before > 1200, "the size of the path was found");
    change_port(&mut pair);
    pair.client.connection().ping();
    pair.run(Duration::from_millis(40));
    let server = pair.server.connection();
    assert_eq!(server.remote_address().port(), 4001);
    assert_eq!(server.statistics().datagram_bytes, before);
    pair.run(Duration::from_secs(1));
    change_address(&mut pair);
    pair.client.connection().ping();
    pair.run(Duration::from_millis(15));
    let server = pair.server.connection();
    assert_eq!(server.remote_address().port(), 5000);
    assert_eq!(server.statistics().datagram_bytes, 1200);
}

#[test]
fn a_new_address_is_followed_in_the_middle_of_a_transfer() {
    let mut pair = Pair::connected();
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    write(server, id, &mut pattern(2_000_000));
    server.finish(id).expect("an open stream");
    pair.run(Duration::from_millis(60));
    change_address(&mut pair);
    let now = pair.now;
    pair.client.connection().local_address_changed(now);
    pair.run(Duration::from_secs(5));
    let client = pair.client.connection();
    assert_eq!(client.accept(Direction::Unidirectional), Some(id));
    let mut received = Vec::new();
    assert!(read(client, id, &mut received), "{}", received.len());
    assert!(received == pattern(2_000_000));
}

#[test]
fn three_moves_in_a_row_are_followed() {
    let mut pair = Pair::connected();
    for _ in 0..3 {
        change_port(&mut pair);
        let now = pair.now;
        pair.client.connection().local_address_changed(now);
        pair.run(Duration::from_millis(25));
    }
    assert!(reaches_server(&mut pair));
    assert!(reaches_client(&mut pair));
    assert_eq!(
        pair.server.connection().remote_address(),
        pair.client.address
    );
}

#[test]
fn twenty_moves_do_not_run_out_of_connection_ids() {
    let mut pair = Pair::connected();
    for round in 0..20 {
        change_port(&mut pair);
        let now = pair.now;
        pair.client.connection().local_address_changed(now);
        assert!(reaches_server(&mut pair), "round {round}");
        assert!(reaches_client(&mut pair), "round {round}");
    }
}

#[test]
fn a_path_that_does_not_answer_is_left_again() {
    let mut pair = Pair::connected();
    let home = pair.client.address;
    let away = SocketAddr::from(([10, 6, 6, 6], 666));
    // Whoever sits at the other address lets packets through, and answers nothing.
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == home {
            datagram.from = away;
        }
        Verdict::Deliver
    });
    pair.client.connection().ping();
    pair.run(Duration::from_millis(30));
    assert_eq!(pair.server.connection().remote_address(), away);
    pair.tamper = Box::new(|_, _| Verdict::Deliver);
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.server.connection().remote_address(), home);
    assert!(reaches_client(&mut pair));
    assert!(reaches_server(&mut pair));
}

/// A copy of what the client sends, as if it came from elsewhere.
fn copy_from(datagram: &Datagram, from: SocketAddr) -> Datagram {
    Datagram {
        from,
        ..datagram.clone()
    }
}

#[test]
fn t13_a_copied_packet_does_not_hijack_the_connection() {
    let spoofed = SocketAddr::from(([203, 0, 113, 9], 9));
    for first in [true, false] {
        let mut pair = Pair::connected();
        let home = pair.client.address;
        pair.tamper = Box::new(move |_, datagram| {
            if datagram.from != home {
                return Verdict::Deliver;
            }
            let copy = copy_from(datagram, spoofed);
            Verdict::Replace(if first {
                vec![copy, datagram.clone()]
            } else {
                vec![datagram.clone(), copy]
            })
        });
        for _ in 0..20 {
            pair.client.connection().ping();
            pair.run(MOMENT);
        }
        pair.tamper = Box::new(|_, _| Verdict::Deliver);
        pair.run(Duration::from_secs(5));
        assert!(reaches_server(&mut pair), "copy first: {first}");
        assert!(reaches_client(&mut pair), "copy first: {first}");
        assert_eq!(pair.server.connection().remote_address(), home);
    }
}

#[test]
fn t13_a_spoofed_address_gets_no_more_than_three_times_what_came_from_it() {
    let mut pair = Pair::connected();
    let (home, victim) = (pair.client.address, SocketAddr::from(([203, 0, 113, 9], 9)));
    let server = pair.server.connection();
    let id = server.open(Direction::Unidirectional).expect("a stream");
    write(server, id, &mut pattern(3_000_000));
    let account = std::rc::Rc::new(std::cell::Cell::new((0u64, 0u64)));
    let book = account.clone();
    pair.tamper = Box::new(move |_, datagram| {
        let (mut sent, mut received) = book.get();
        let bytes = datagram.bytes.len() as u64;
        if datagram.from == home {
            datagram.from = victim;
            received += bytes;
        } else if datagram.to == victim {
            sent += bytes;
            assert!(sent <= 3 * received, "{sent} bytes for {received}");
        }
        book.set((sent, received));
        Verdict::Deliver
    });
    pair.client.connection().ping();
    pair.run(Duration::from_secs(2));
    assert!(account.get().0 > 0, "the server tried");
}

#[test]
fn t13_one_move_per_probe_timeout_is_followed() {
    let mut pair = Pair::connected();
    let home = pair.client.address;
    let mut port = 10_000;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == home {
            port += 1;
            datagram.from.set_port(port);
        }
        Verdict::Deliver
    });
    let before = pair.server.connection().statistics().path_changes;
    for _ in 0..100 {
        pair.client.connection().ping();
        pair.run(Duration::from_millis(1));
    }
    let moves = pair.server.connection().statistics().path_changes - before;
    assert!((1..=5).contains(&moves), "{moves} moves in 100 ms");
}

#[test]
fn t13_a_server_that_moves_is_not_followed() {
    let mut pair = Pair::connected();
    let server = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == server {
            datagram.from.set_port(444);
        }
        Verdict::Deliver
    });
    pair.server
        .connection()
        .post(pattern(10), false)
        .expect("room");
    pair.run(MOMENT);
    let client = pair.client.connection();
    assert_eq!(client.remote_address(), server);
    assert_eq!(client.take_message(), None);
}
