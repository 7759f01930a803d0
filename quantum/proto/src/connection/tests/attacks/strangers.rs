//! Strangers: datagrams of senders that have no connection, or pretend to be somebody else.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::super::pair::{Datagram, Identity, Pair, Verdict};
use super::super::paths::{reaches_client, reaches_server};
use super::super::transfer::pattern;
use crate::config::AddressValidation;
use crate::connection_id::ConnectionId;
use crate::crypto::{TAG_BYTES, initial_keys};
use crate::packet::{Header, PacketKind, PacketWriter};
use crate::stream::Side;

const SECOND: Duration = Duration::from_secs(1);

fn stranger(at: u32) -> SocketAddr {
    let [a, b, c, d] = (0x0b00_0000 + at * 256).to_be_bytes();
    SocketAddr::from(([a, b, c, d], 7))
}

fn datagram(pair: &Pair, from: SocketAddr, bytes: Vec<u8>) -> Datagram {
    Datagram {
        from,
        to: pair.server.address,
        ecn: None,
        bytes,
    }
}

/// A client's Initial packet with this payload, sealed as anybody can, padded to `size`.
fn initial(destination: [u8; 8], payload: &[u8], size: usize) -> Vec<u8> {
    let destination = ConnectionId::from_array(destination);
    let source = ConnectionId::from_array([9; 8]);
    let header = header(destination, source);
    sealed_initial(&header, &destination, Side::Client, payload, size)
}

/// A server's Initial packet that closes the connection which began with `original`.
pub(super) fn server_close(original: &[u8], client: &ConnectionId) -> Vec<u8> {
    let original = ConnectionId::new(original).expect("an id");
    let mut close = Vec::new();
    crate::frame::write_transport_close(&mut close, 2, 0, b"");
    let header = header(*client, ConnectionId::from_array([9; 8]));
    sealed_initial(&header, &original, Side::Server, &close, 1200)
}

fn header(destination: ConnectionId, source: ConnectionId) -> Header<'static> {
    Header {
        kind: PacketKind::Initial,
        destination,
        source,
        token: &[],
        number: 0,
        acknowledged: None,
        key_phase: false,
    }
}

fn sealed_initial(
    header: &Header<'_>,
    original: &ConnectionId,
    sender: Side,
    payload: &[u8],
    size: usize,
) -> Vec<u8> {
    let keys = initial_keys(original, sender).expect("keys").local;
    let mut bytes = Vec::new();
    let writer = PacketWriter::start(header, &mut bytes);
    bytes.extend_from_slice(payload);
    let shortest = writer.shortest_payload_end(TAG_BYTES) + TAG_BYTES;
    bytes.resize(size.max(shortest), 0);
    writer.finish_length(&mut bytes);
    let (head, payload) = bytes.split_at_mut(writer.payload_start());
    assert!(keys.packet.seal(header.number, head, payload));
    writer.protect(&mut bytes, |sample, first, number| {
        keys.header.protect(sample, first, number);
    });
    bytes
}

/// The first datagram of an honest client.
fn client_hello(identity: &Identity) -> Vec<u8> {
    let mut pair = Pair::unconnected(identity.server());
    let seen: Rc<RefCell<Vec<u8>>> = Rc::default();
    let kept = seen.clone();
    pair.tamper = Box::new(move |_, datagram| {
        kept.replace(datagram.bytes.clone());
        Verdict::Drop
    });
    pair.connect(&identity.client());
    pair.drain();
    seen.take()
}

#[test]
fn t01_a_client_that_does_not_answer_gets_three_times_what_it_sent() {
    for lost_after in 1..4 {
        let identity = Identity::new();
        let mut pair = Pair::unconnected(identity.server());
        let client = pair.client.address;
        let mut passed = 0;
        pair.tamper = Box::new(move |_, datagram| {
            passed += u32::from(datagram.from == client);
            if datagram.from == client && passed <= lost_after {
                // The server's answers never reach it, so it only ever says hello.
                return Verdict::Deliver;
            }
            Verdict::Drop
        });
        pair.connect(&identity.client());
        pair.run(Duration::from_secs(30));
        let (sent, received) = (pair.server.sent_bytes, pair.server.received_bytes);
        assert!(received >= 1_200 && sent > 1_200, "it did answer: {sent}");
        assert!(sent <= 3 * received, "{sent} bytes for {received}");
    }
}

#[test]
fn t01_initial_packets_in_short_datagrams_are_dropped_without_an_answer() {
    let mut pair = Pair::unconnected(Identity::new().server());
    for size in [100, 1199] {
        let bytes = initial([1; 8], &[1], size);
        pair.inject(datagram(&pair, stranger(0), bytes));
    }
    pair.run(SECOND);
    assert_eq!(pair.server.sent_bytes, 0);
    assert!(pair.server.connections.is_empty());
}

/// Whether a handshake survives a close, sealed as anybody on the path can, in a datagram of `size`.
fn survives_close_of(size: usize) -> bool {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let first: Rc<RefCell<Vec<u8>>> = Rc::default();
    let seen = first.clone();
    pair.tamper = Box::new(move |_, datagram| {
        if seen.borrow().is_empty() {
            seen.replace(datagram.bytes.clone());
        }
        Verdict::Deliver
    });
    pair.connect(&identity.client());
    pair.drain();
    let original = ConnectionId::new(&first.borrow()[6..14]).expect("an id");
    let mut close = Vec::new();
    crate::frame::write_transport_close(&mut close, 2, 0, b"");
    let header = Header {
        number: 9,
        ..header(original, pair.client.connection().local_ids.first())
    };
    let bytes = sealed_initial(&header, &original, Side::Client, &close, size);
    assert_eq!(bytes.len(), size);
    let client = pair.client.address;
    pair.inject(datagram(&pair, client, bytes));
    pair.run(Duration::from_millis(11));
    let dropped = pair.server.connection().statistics().packets_dropped;
    assert_eq!(dropped, u64::from(size < 1200));
    pair.run(SECOND);
    pair.is_connected()
}

#[test]
fn t01_an_initial_packet_in_a_short_datagram_does_not_end_a_handshake() {
    assert!(survives_close_of(100) && survives_close_of(1199));
    assert!(!survives_close_of(1200), "the same in a full one does");
}

#[test]
fn t01_a_retry_is_smaller_than_what_it_answers() {
    let server = Identity::new().server();
    let server = server.with_address_validation(AddressValidation::Always);
    let mut pair = Pair::unconnected(server);
    pair.inject(datagram(&pair, stranger(0), initial([1; 8], &[1], 1200)));
    pair.run(SECOND);
    assert!((1..300).contains(&pair.server.sent_bytes));
    assert!(pair.server.connections.is_empty(), "nothing is remembered");
}

#[test]
fn t02_a_flood_of_hellos_meets_retries_and_leaves_connections_alone() {
    let identity = Identity::new();
    let hello = client_hello(&identity);
    let server = identity.server();
    let server = server.with_address_validation(AddressValidation::WhenBusy(50));
    let mut pair = Pair::unconnected(server);
    pair.connect(&identity.client());
    pair.run(SECOND);
    let retries = Rc::new(Cell::new(0u32));
    let seen = retries.clone();
    pair.tamper = Box::new(move |_, datagram| {
        seen.set(seen.get() + u32::from(datagram.bytes[0] & 0xf0 == 0xf0));
        Verdict::Deliver
    });
    for at in 0..2_000 {
        pair.inject(datagram(&pair, stranger(at), hello.clone()));
    }
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
    assert_eq!(pair.server.connections.len(), 51);
    assert_eq!(retries.get(), 1_950);
    pair.run(Duration::from_secs(30));
    assert_eq!(
        pair.server.connections.len(),
        0,
        "all are given up, and idle"
    );
}

#[test]
fn t02_one_network_gets_its_share_of_handshakes_and_no_more() {
    let identity = Identity::new();
    let hello = client_hello(&identity);
    let server = identity.server().with_handshakes_max(100, 10);
    let mut pair = Pair::unconnected(server);
    for port in 1..500 {
        let from = SocketAddr::from(([11, 0, 0, (port % 250) as u8], port));
        pair.inject(datagram(&pair, from, hello.clone()));
    }
    pair.run(Duration::from_millis(20));
    assert_eq!(pair.server.connections.len(), 10);
    pair.connect(&identity.client());
    pair.run(SECOND);
    assert!(pair.is_connected(), "another network is let in");
}

#[test]
fn t04_datagrams_that_no_keys_open_leave_nothing_behind() {
    let mut pair = Pair::unconnected(Identity::new().server());
    let genuine = initial([1; 8], &[1], 1200);
    for bit in (8..8 * 1200).step_by(41) {
        let mut bytes = genuine.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        pair.inject(datagram(&pair, stranger(bit as u32), bytes));
    }
    // Many small packets of handshakes that do not exist, in one datagram.
    let mut handshake = initial([2; 8], &[1], 60);
    handshake[0] = handshake[0] & 0xcf | 0x20;
    pair.inject(datagram(&pair, stranger(0), handshake.repeat(20)));
    pair.run(Duration::from_millis(20));
    assert!(pair.server.connections.is_empty());
}

#[test]
fn t04_packets_before_their_keys_are_kept_in_small_numbers() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let client = pair.client.address;
    // The hello arrives, its answer does not: the server waits for Handshake packets.
    let server = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == server {
            return Verdict::Drop;
        }
        let mut all = vec![datagram.clone()];
        for at in 0..500u32 {
            let mut junk = datagram.clone();
            // The server finds the connection by the client's first id and address.
            let mut long = vec![0xe0, 0x51, 0x54, 0x4d, 0x01, 8];
            long.extend_from_slice(&datagram.bytes[6..14]);
            long.extend_from_slice(&[0, 0x43, 0xe8]);
            long.resize(long.len() + 1_000, at as u8);
            junk.bytes = long;
            all.push(junk);
        }
        Verdict::Replace(all)
    });
    pair.connect(&identity.client());
    pair.run(Duration::from_millis(50));
    let connection = pair.server.connection();
    assert_eq!(connection.remote_address(), client);
    assert!(connection.holdings().undecryptable_packets <= 10);
}

#[test]
fn t04_a_hello_that_does_not_end_is_kept_to_eight_kibibytes() {
    let mut pair = Pair::unconnected(Identity::new().server());
    let mut crypto = Vec::new();
    crate::frame::write_crypto_header(&mut crypto, 8 << 10, 100);
    crypto.resize(crypto.len() + 100, 0);
    pair.inject(datagram(&pair, stranger(0), initial([1; 8], &crypto, 1200)));
    pair.run(Duration::from_millis(20));
    assert!(pair.server.connection().is_closed());
}

#[test]
fn a_late_copy_of_the_first_packet_begins_no_connection() {
    let mut pair = Pair::unconnected(Identity::new().server());
    let identity = Identity::new();
    pair.server
        .endpoint
        .set_server(Some(identity.server().into()));
    let first: Rc<RefCell<Option<Datagram>>> = Rc::default();
    let kept = first.clone();
    pair.tamper = Box::new(move |_, datagram| {
        kept.borrow_mut().get_or_insert_with(|| datagram.clone());
        Verdict::Deliver
    });
    pair.connect(&identity.client());
    pair.run(SECOND);
    let copy = first.borrow().clone().expect("a first packet");
    pair.inject(copy);
    pair.run(Duration::from_millis(50));
    assert_eq!(pair.server.connections.len(), 1);
    assert!(reaches_server(&mut pair));
}

#[test]
fn t17_resets_between_two_endpoints_die_out() {
    let mut pair = Pair::unconnected(Identity::new().server());
    let server = pair.server.address;
    let echoes = Rc::new(Cell::new(0u32));
    let count = echoes.clone();
    // Every answer goes back where it came from, as if another server had sent it.
    pair.tamper = Box::new(move |_, datagram| {
        count.set(count.get() + 1);
        datagram.from = stranger(0);
        datagram.to = server;
        Verdict::Deliver
    });
    let mut bytes = pattern(1_400).to_vec();
    bytes[0] = 0x40;
    pair.inject(datagram(&pair, stranger(0), bytes));
    pair.run(Duration::from_secs(60));
    // From 43 bytes down to 21, one by one.
    assert!((1..=23).contains(&echoes.get()), "{} resets", echoes.get());
}

#[test]
fn t17_a_reset_is_smaller_than_what_it_answers_and_there_are_not_too_many() {
    let mut pair = Pair::unconnected(Identity::new().server());
    let sizes: Rc<RefCell<Vec<usize>>> = Rc::default();
    let seen = sizes.clone();
    pair.tamper = Box::new(move |_, datagram| {
        seen.borrow_mut().push(datagram.bytes.len());
        Verdict::Drop
    });
    for size in 1..60 {
        let mut bytes = vec![size as u8; size];
        bytes[0] = 0x40;
        pair.inject(datagram(&pair, stranger(0), bytes));
        pair.run(Duration::from_millis(20));
        assert!(sizes.borrow().iter().all(|sent| *sent < size));
        sizes.borrow_mut().clear();
    }
    for at in 0..5_000u32 {
        let mut bytes = vec![0x40; 100];
        bytes[1..5].copy_from_slice(&at.to_be_bytes());
        pair.inject(datagram(&pair, stranger(at), bytes));
    }
    pair.run(Duration::from_millis(50));
    assert!(sizes.borrow().len() <= 1_000);
}

#[test]
fn t26_empty_and_tiny_datagrams_do_nothing() {
    let mut pair = Pair::connected();
    for size in 0..20 {
        for first in [0x00, 0x40, 0x80, 0xc0, 0xff] {
            let from = pair.client.address;
            pair.inject(datagram(&pair, from, vec![first; size]));
            pair.inject(datagram(&pair, stranger(0), vec![first; size]));
        }
    }
    pair.run(SECOND);
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}

#[test]
fn t25_the_size_of_datagrams_follows_probes_and_nothing_else() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(5));
    let size = |pair: &mut Pair| pair.client.connection().statistics().datagram_bytes;
    assert_eq!(size(&mut pair), 1472);
    // The path shrinks; nobody says so, and it is found out.
    pair.tamper = Box::new(|_, datagram| {
        if datagram.bytes.len() > 1300 {
            Verdict::Drop
        } else {
            Verdict::Deliver
        }
    });
    let sent = pattern(100_000);
    let client = pair.client.connection();
    client.post(sent.clone(), true).expect("room");
    pair.run(Duration::from_secs(20));
    assert_eq!(pair.server.connection().take_message(), Some(sent));
    assert!((1200..=1300).contains(&size(&mut pair)));
}

#[test]
fn t14_ids_of_connections_are_the_endpoints_choice() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    for at in 0..50 {
        // All that a client chooses is the same in each.
        pair.inject(datagram(&pair, stranger(at), initial([7; 8], &[1], 1200)));
    }
    pair.run(Duration::from_millis(15));
    assert_eq!(
        pair.server.connections.len(),
        50,
        "each has an id of its own"
    );
}
