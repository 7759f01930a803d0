//! Forgeries: changed packets, resets and closes of people who do not hold the keys.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::super::pair::{Datagram, Identity, Pair, Verdict};
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::pattern;
use crate::connection::Event;
use crate::error::ConnectionError;
use crate::frame::write_transport_close;
use crate::stream::Side;

const MOMENT: Duration = Duration::from_millis(50);

/// A client's packet with a message, which has not arrived yet.
fn catch(pair: &mut Pair) -> Datagram {
    let caught: Rc<RefCell<Option<Datagram>>> = Rc::default();
    let seen = caught.clone();
    let server = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to == server && seen.borrow().is_none() {
            seen.replace(Some(datagram.clone()));
            return Verdict::Drop;
        }
        Verdict::Deliver
    });
    let client = pair.client.connection();
    client.post(pattern(60), false).expect("room");
    pair.drain();
    pair.tamper = Box::new(|_, _| Verdict::Deliver);
    let caught = caught.borrow().clone();
    caught.expect("a packet")
}

#[test]
fn t18_no_flipped_bit_gets_a_packet_through() {
    let mut pair = Pair::connected();
    let genuine = catch(&mut pair);
    let before = pair.server.connection().statistics();
    for bit in 0..8 * genuine.bytes.len() {
        let mut forged = genuine.clone();
        forged.bytes[bit / 8] ^= 1 << (bit % 8);
        pair.inject(forged);
    }
    pair.run(Duration::from_millis(11));
    let server = pair.server.connection();
    assert!(server.is_established());
    let after = server.statistics();
    assert_eq!(after.packets_received, before.packets_received);
    assert_eq!(after.packets_duplicate, before.packets_duplicate);
    assert_eq!(server.take_message(), None);
    pair.inject(genuine);
    pair.run(Duration::from_millis(11));
    let message = pair.server.connection().take_message();
    assert_eq!(message, Some(pattern(60)), "the true one still counts");
}

#[test]
fn t18_cut_and_lengthened_packets_do_not_get_through() {
    let mut pair = Pair::connected();
    let genuine = catch(&mut pair);
    for length in (0..genuine.bytes.len()).chain(genuine.bytes.len() + 1..1_500) {
        let mut forged = genuine.clone();
        forged.bytes.resize(length, 0);
        pair.inject(forged);
    }
    pair.run(Duration::from_millis(11));
    let server = pair.server.connection();
    assert!(server.is_established());
    assert_eq!(server.take_message(), None);
    pair.inject(genuine);
    pair.run(Duration::from_millis(11));
    let message = pair.server.connection().take_message();
    assert_eq!(message, Some(pattern(60)));
}

/// A datagram to the client, as if from the server.
fn to_client(pair: &Pair, bytes: Vec<u8>) -> Datagram {
    Datagram {
        from: pair.server.address,
        to: pair.client.address,
        ecn: None,
        bytes,
    }
}

/// Something like a packet for the client, that ends in `token`.
fn reset(pair: &mut Pair, token: [u8; 16]) -> Datagram {
    let id = pair.client.connection().local_ids.first();
    let mut bytes = vec![0x41];
    bytes.extend_from_slice(&id);
    bytes.extend_from_slice(&[0xaa; 30]);
    bytes.extend_from_slice(&token);
    to_client(pair, bytes)
}

#[test]
fn t24_only_the_right_token_resets_a_connection() {
    let mut pair = Pair::connected();
    let token = pair.client.connection().remote_ids.reset_token();
    let token = token.expect("servers give one").0;
    for bit in 0..128 {
        let mut wrong = token;
        wrong[bit / 8] ^= 1 << (bit % 8);
        let datagram = reset(&mut pair, wrong);
        pair.inject(datagram);
    }
    pair.run(MOMENT);
    assert!(pair.client.connection().is_established());
    let datagram = reset(&mut pair, token);
    pair.inject(datagram);
    pair.run(MOMENT);
    let end = Event::Closed(ConnectionError::Reset);
    assert!(pair.events(Side::Client).contains(&end));
}

#[test]
fn t24_a_reset_from_elsewhere_does_nothing() {
    let mut pair = Pair::connected();
    let token = pair.client.connection().remote_ids.reset_token();
    let mut datagram = reset(&mut pair, token.expect("servers give one").0);
    datagram.from = SocketAddr::from(([10, 66, 66, 66], 443));
    pair.inject(datagram);
    pair.run(MOMENT);
    assert!(pair.client.connection().is_established());
    assert!(reaches_server(&mut pair));
}

#[test]
fn t24_a_server_that_lost_its_memory_resets_and_one_that_has_another_key_does_not() {
    for (seed, is_reset) in [(2, true), (77, false)] {
        let mut pair = Pair::connected();
        pair.restart_server(Identity::new().server(), seed);
        pair.client.connection().ping();
        pair.run(Duration::from_secs(2));
        let end = Event::Closed(ConnectionError::Reset);
        assert_eq!(pair.events(Side::Client).contains(&end), is_reset);
    }
}

#[test]
fn t24_a_close_without_the_keys_does_nothing() {
    let mut pair = Pair::connected();
    let id = pair.client.connection().local_ids.first();
    let mut close = Vec::new();
    write_transport_close(&mut close, 0, 0, b"you are done");
    for first in [0x40, 0x41, 0x43, 0x44, 0x60] {
        for number_bytes in 1..=4 {
            let mut bytes = vec![first];
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(&[0; 4][..number_bytes]);
            bytes.extend_from_slice(&close);
            bytes.resize(100, 0);
            let datagram = to_client(&pair, bytes);
            pair.inject(datagram);
        }
    }
    pair.run(MOMENT);
    assert!(pair.client.connection().is_established());
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}

#[test]
fn t24_a_close_of_the_first_keys_does_nothing_after_the_handshake() {
    // Anybody on the path can make Initial packets; they count for nothing once better keys exist.
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let first: Rc<RefCell<Option<Vec<u8>>>> = Rc::default();
    let seen = first.clone();
    pair.tamper = Box::new(move |_, datagram| {
        let mut first = seen.borrow_mut();
        first.get_or_insert_with(|| datagram.bytes[6..14].to_vec());
        Verdict::Deliver
    });
    pair.connect(&identity.client());
    pair.run(Duration::from_secs(1));
    let original = first.borrow().clone().expect("a first packet");
    let bytes =
        super::strangers::server_close(&original, &pair.client.connection().local_ids.first());
    let datagram = to_client(&pair, bytes);
    pair.inject(datagram);
    pair.run(MOMENT);
    assert!(pair.client.connection().is_established());
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}
