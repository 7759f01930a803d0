//! Whole connections in bad weather of every kind at once, from the first packet on: what was
//! sent arrives, whole and once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::pair::{Datagram, Identity, Pair, Verdict};
use super::transfer::{pattern, read, write};
use crate::config::{AddressValidation, TransportConfig};
use crate::connection::Event;
use crate::stream::{Direction, Side, StreamId};

/// Loses, doubles, delays, swaps, cuts and changes datagrams.
fn weather(seed: u64, calm: Rc<Cell<bool>>) -> impl FnMut(&mut Datagram) -> Verdict {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut held: Vec<Datagram> = Vec::new();
    move |datagram| {
        if calm.get() {
            return Verdict::Deliver;
        }
        let mut arriving = vec![datagram.clone()];
        match rng.random_range(0..100) {
            0..8 => arriving.clear(),
            8..14 => arriving.push(datagram.clone()),
            14..22 => held.append(&mut arriving),
            22..26 => {
                let at = rng.random_range(0..arriving[0].bytes.len());
                arriving[0].bytes[at] ^= 1 << rng.random_range(0..8);
            }
            26..28 => {
                let length = rng.random_range(1..=arriving[0].bytes.len());
                arriving[0].bytes.truncate(length);
            }
            28..60 => arriving.append(&mut held),
            _ => {}
        }
        Verdict::Replace(arriving)
    }
}

/// Streams and messages both ways; the client's NAT gives it another port now and then.
fn exchange(seed: u64) {
    let identity = Identity::new();
    let config = TransportConfig::default()
        .with_key_update_packets(50 + seed % 100)
        // A client that only receives has to speak for its new port to be known.
        .with_keep_alive(Some(Duration::from_secs(1)))
        .with_handshake_timeout(Duration::from_secs(60))
        .with_idle_timeout(Some(Duration::from_secs(120)));
    let validation = if seed.is_multiple_of(2) {
        AddressValidation::Always
    } else {
        AddressValidation::Never
    };
    let server = identity.server().with_transport(config.clone());
    let mut pair = Pair::unconnected(server.with_address_validation(validation));
    let calm = Rc::new(Cell::new(false));
    let mut link = weather(seed, calm.clone());
    pair.tamper = Box::new(move |_, datagram| link(datagram));
    pair.connect(&identity.client().with_transport(config));
    for _ in 0..600 {
        if pair.is_connected() {
            break;
        }
        pair.run(Duration::from_millis(100));
    }
    let ends = pair.events(Side::Client);
    assert!(pair.is_connected(), "seed {seed}: no handshake: {ends:?}");
    let ids = start_sending(&mut pair);
    for round in 0..40u16 {
        pair.run(Duration::from_millis(200));
        for side in [Side::Client, Side::Server] {
            if let Some(Event::Closed(error)) = pair
                .host(side)
                .events
                .iter()
                .find(|event| matches!(event, Event::Closed(_)))
            {
                panic!("seed {seed}: the {side:?} closed: {error}");
            }
        }
        if round % 8 == 3 {
            let port = pair.client.address.port() + 1;
            pair.client.address.set_port(port);
        }
    }
    calm.set(true);
    pair.run(Duration::from_secs(60));
    expect_all(&mut pair, &ids, seed);
}

/// One stream and one message from each end.
fn start_sending(pair: &mut Pair) -> Vec<(Side, StreamId)> {
    let mut ids = Vec::new();
    for side in [Side::Client, Side::Server] {
        let connection = pair.host(side).connection();
        let id = connection
            .open(Direction::Unidirectional)
            .expect("a stream");
        write(connection, id, &mut pattern(STREAM_BYTES));
        connection.finish(id).expect("an open stream");
        connection.post(pattern(9_000), true).expect("room");
        ids.push((side, id));
    }
    ids
}

/// All of it has arrived, once.
fn expect_all(pair: &mut Pair, ids: &[(Side, StreamId)], seed: u64) {
    for &(side, id) in ids {
        let receiver = pair.host(side.peer()).connection();
        assert!(
            receiver.is_established(),
            "seed {seed}: {side:?}'s peer is gone"
        );
        assert_eq!(
            receiver.accept(Direction::Unidirectional),
            Some(id),
            "seed {seed}"
        );
        let mut received = Vec::new();
        assert!(
            read(receiver, id, &mut received),
            "seed {seed}: {}",
            received.len()
        );
        assert!(received == pattern(STREAM_BYTES), "seed {seed}");
        assert_eq!(receiver.take_message(), Some(pattern(9_000)), "seed {seed}");
        assert_eq!(receiver.take_message(), None, "seed {seed}: twice");
    }
}

#[test]
fn what_was_sent_arrives_in_any_weather() {
    for seed in 0..100 {
        exchange(seed);
    }
}

const STREAM_BYTES: usize = 400_000;
