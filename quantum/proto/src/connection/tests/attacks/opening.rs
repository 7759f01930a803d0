//! What it costs to open a packet: the same whatever is hidden in it, so that the time tells
//! nobody (RFC 9001 sections 9.4 and 9.5). Counted, not timed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::Error;
use rustls::quic::{PacketKey, Tag};

use super::super::pair::{Datagram, Pair, Verdict};
use crate::stream::Side;

/// Long enough for a datagram to arrive, and too short for anybody to answer it.
const MOMENT: Duration = Duration::from_millis(11);

/// Counts how often packets are opened, or tried.
struct Counting {
    key: Box<dyn PacketKey>,
    opened: Arc<AtomicUsize>,
}

impl PacketKey for Counting {
    fn encrypt_in_place(
        &self,
        packet_number: u64,
        header: &[u8],
        payload: &mut [u8],
    ) -> Result<Tag, Error> {
        self.key.encrypt_in_place(packet_number, header, payload)
    }

    fn decrypt_in_place<'a>(
        &self,
        packet_number: u64,
        header: &[u8],
        payload: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.key.decrypt_in_place(packet_number, header, payload)
    }

    fn tag_len(&self) -> usize {
        self.key.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.key.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.key.integrity_limit()
    }
}

/// Counts what the server opens from now on.
fn count(pair: &mut Pair) -> Arc<AtomicUsize> {
    let opened = Arc::<AtomicUsize>::default();
    let keys = pair.server.connection().data_keys.take();
    let wrap = |key| {
        let opened = opened.clone();
        Box::new(Counting { key, opened }) as Box<dyn PacketKey>
    };
    let keys = keys.expect("the handshake is done").with_wrapped(wrap);
    pair.server.connection().data_keys = Some(Box::new(keys));
    opened
}

/// Has the client send `packets` packets, and keeps copies of them.
fn record(pair: &mut Pair, packets: usize) -> Vec<Datagram> {
    let seen: Rc<RefCell<Vec<Datagram>>> = Rc::default();
    let (recorded, server) = (seen.clone(), pair.server.address);
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to == server {
            recorded.borrow_mut().push(datagram.clone());
        }
        Verdict::Deliver
    });
    for _ in 0..packets {
        pair.client.connection().ping();
        pair.run(Duration::from_millis(30));
    }
    pair.tamper = Box::new(|_, _| Verdict::Deliver);
    seen.take()
}

/// A connection that has been in use, what is counted, and a client's packets: the oldest is too
/// old for anybody to remember, the newest has just arrived.
fn used() -> (Pair, Arc<AtomicUsize>, Vec<Datagram>) {
    let mut pair = Pair::connected();
    let opened = count(&mut pair);
    let packets = record(&mut pair, 1_500);
    (pair, opened, packets)
}

/// How often packets are opened for the sake of `datagram`.
fn cost(pair: &mut Pair, opened: &AtomicUsize, datagram: Datagram) -> usize {
    let before = opened.load(Ordering::Relaxed);
    pair.inject(datagram);
    pair.run(MOMENT);
    opened.load(Ordering::Relaxed) - before
}

#[test]
fn t18_duplicates_and_old_packets_are_opened_before_they_are_dropped() {
    let (mut pair, opened, packets) = used();
    let before = pair.server.connection().statistics();
    let replayed = [0, 1, 700, packets.len() - 2, packets.len() - 1];
    for at in replayed {
        assert_eq!(cost(&mut pair, &opened, packets[at].clone()), 1, "{at}");
    }
    let after = pair.server.connection().statistics();
    assert_eq!(after.packets_received, before.packets_received);
    let dropped = after.packets_duplicate + after.packets_dropped
        - before.packets_duplicate
        - before.packets_dropped;
    assert_eq!(dropped, replayed.len() as u64);
}

#[test]
fn t18_a_forged_packet_is_tried_once_whatever_it_seems_to_be() {
    let (mut pair, opened, packets) = used();
    let genuine = packets.last().expect("packets").clone();
    for bit in 0..8 * genuine.bytes.len() {
        let byte = bit / 8;
        // Not the form of the header, and not the id: those are in the open and decide whose it is.
        if (bit == 7) || (bit == 6) || (1..9).contains(&byte) {
            continue;
        }
        let mut forged = genuine.clone();
        // Phase, length and value of the number, payload, tag: all look different now.
        forged.bytes[byte] ^= 1 << (bit % 8);
        assert_eq!(cost(&mut pair, &opened, forged), 1, "bit {bit}");
    }
    assert!(pair.server.connection().is_established());
    assert!(pair.events(Side::Server).is_empty() || pair.is_connected());
}

#[test]
fn t18_the_key_of_the_next_phase_is_there_before_anybody_asks_for_it() {
    let (mut pair, opened, _) = used();
    let before = opened.load(Ordering::Relaxed);
    let now = pair.now;
    pair.client.connection().start_key_update(now);
    pair.client.connection().ping();
    pair.run(MOMENT);
    assert_eq!(pair.server.connection().statistics().key_updates, 1);
    assert_eq!(opened.load(Ordering::Relaxed) - before, 1);
}
