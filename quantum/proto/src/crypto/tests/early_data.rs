//! Early data (0-RTT) and its replay, T5.

use super::fixture::{End, Identity, ManualClock, early, handshake, shake};
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::Session;

/// A client that has been at the server once, and what it says next.
struct Return {
    client: ClientConfig,
    server: ServerConfig,
    client_clock: std::sync::Arc<ManualClock>,
    server_clock: std::sync::Arc<ManualClock>,
}

impl Return {
    fn new() -> Self {
        let identity = Identity::new();
        let (client_clock, server_clock) = (ManualClock::new(), ManualClock::new());
        let client = identity.client().with_transport(early());
        let server = identity.server().with_transport(early());
        let known = Self {
            client: client.with_time_of_day(client_clock.clone()),
            server: server.with_time_of_day(server_clock.clone()),
            client_clock,
            server_clock,
        };
        handshake(&known.client, &known.server).expect("a first handshake");
        known
    }

    fn both_clocks(&self, seconds: u64) {
        self.client_clock.advance(seconds);
        self.server_clock.advance(seconds);
    }

    /// Opens a connection with early data; says whether it was taken. Both ends have to agree.
    fn accepted(&self) -> bool {
        let (mut client, mut server) = (End::client(&self.client), End::server(&self.server));
        assert!(
            client.session.early_keys().is_some(),
            "the client offers early data"
        );
        shake(&mut client, &mut server).expect("a handshake");
        let accepted = client.session.early_data_accepted();
        assert_eq!(server.session.early_data_accepted(), accepted);
        assert!(!server.session.is_handshaking());
        accepted
    }
}

#[test]
fn a_returning_client_sends_early_data() {
    let known = Return::new();
    let (mut client, mut server) = (End::client(&known.client), End::server(&known.server));
    let early = client.session.early_keys().expect("keys");
    let hello = client.speak();
    server.hear(hello).expect("a ClientHello");
    let opens = server.session.early_keys().expect("keys").packet;
    let mut packet = [7; 30];
    assert!(early.packet.seal(0, b"header", &mut packet));
    assert_eq!(opens.open(0, b"header", &mut packet), Some(14));
    let reply = server.speak();
    client.hear(reply).expect("the server's flight");
    assert!(client.session.early_data_accepted());
}

#[test]
fn remembered_parameters_are_not_taken_for_new_ones() {
    let known = Return::new();
    let client = End::client(&known.client);
    assert!(client.session.early_keys().is_some());
    assert_eq!(client.session.transport_parameters(), None);
}

#[test]
fn t05_a_recorded_client_hello_is_taken_once() {
    let known = Return::new();
    let mut client = End::client(&known.client);
    let hello = client.speak();
    let replays = (0..100).filter(|_| {
        let mut server = End::server(&known.server);
        server.hear(hello.clone()).expect("a ClientHello");
        server.session.early_keys().is_some()
    });
    assert_eq!(replays.count(), 1);
}

#[test]
fn t05_another_replica_takes_no_early_data_but_the_connection() {
    let known = Return::new();
    // The same identity, its own memory of tickets.
    let replica = known
        .server
        .clone()
        .with_time_of_day(known.server_clock.clone());
    let mut ends = (End::client(&known.client), End::server(&replica));
    shake(&mut ends.0, &mut ends.1).expect("a handshake");
    assert!(!ends.0.session.early_data_accepted());
    assert!(ends.1.session.early_keys().is_none());
    assert!(ends.0.data.is_some() && ends.1.data.is_some());
}

#[test]
fn t05_a_recorded_client_hello_is_taken_once_by_three_replicas_together() {
    let known = Return::new();
    // They share an identity and nothing else: a ticket is known where it was issued.
    let replica = || {
        let server = known.server.clone();
        server.with_time_of_day(known.server_clock.clone())
    };
    let replicas = [replica(), known.server.clone(), replica()];
    let hello = End::client(&known.client).speak();
    let mut taken = [0; 3];
    for _ in 0..100 {
        for (config, taken) in replicas.iter().zip(&mut taken) {
            let mut server = End::server(config);
            server.hear(hello.clone()).expect("a ClientHello");
            *taken += u32::from(server.session.early_keys().is_some());
            assert!(!server.speak().is_empty(), "the handshake goes on without");
        }
    }
    assert_eq!(taken, [0, 1, 0]);
}

#[test]
fn t05_early_data_within_ten_seconds_is_fresh() {
    let known = Return::new();
    known.both_clocks(3600);
    known.server_clock.advance(9);
    assert!(known.accepted());
}

#[test]
fn t05_early_data_that_was_held_back_is_refused() {
    let known = Return::new();
    known.both_clocks(3600);
    known.server_clock.advance(13);
    assert!(!known.accepted());
}

#[test]
fn early_data_is_off_unless_both_ends_want_it() {
    let known = Return::new();
    let off = crate::config::TransportConfig::default();
    let client = known.client.clone().with_transport(off.clone());
    assert!(End::client(&client).session.early_keys().is_none());
    let server = known.server.clone().with_transport(off);
    let mut ends = (End::client(&known.client), End::server(&server));
    shake(&mut ends.0, &mut ends.1).expect("a handshake");
    assert!(!ends.0.session.early_data_accepted());
    assert!(ends.1.session.early_keys().is_none());
}

#[test]
fn a_client_hello_in_two_parts_brings_no_early_data() {
    let known = Return::new();
    let (mut client, mut server) = (End::client(&known.client), End::server(&known.server));
    let hello = client.speak().concat();
    let (head, tail) = hello.split_at(100);
    server
        .hear(vec![head.to_vec()])
        .expect("half a ClientHello");
    server.hear(vec![tail.to_vec()]).expect("the other half");
    assert!(server.session.early_keys().is_none());
    let reply = server.speak();
    client.hear(reply).expect("a handshake all the same");
    assert!(!client.session.early_data_accepted());
}

#[test]
fn no_client_hello_makes_the_glance_panic() {
    let known = Return::new();
    let hello = End::client(&known.client).speak().concat();
    for end in 0..hello.len() {
        assert!(
            !known.server.tickets.is_fresh(&hello[..end]),
            "cut at {end}"
        );
    }
    assert!(known.server.tickets.is_fresh(&hello));
    for at in 0..hello.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = hello.clone();
            changed[at] = value;
            known.server.tickets.is_fresh(&changed);
        }
    }
}

#[test]
fn the_oldest_ticket_makes_room() {
    use rustls::server::StoresServerSessions;
    let store = crate::crypto::TicketStore::new(3, ManualClock::new());
    for key in 0..5 {
        assert!(store.put(vec![key], vec![key; 40]));
    }
    assert_eq!(store.take(&[1]), None);
    assert_eq!(store.take(&[2]), Some(vec![2; 40]));
    assert_eq!(store.take(&[2]), None, "once");
    for key in 10..1000_u32 {
        store.put(key.to_be_bytes().to_vec(), Vec::new());
        store.take(&key.to_be_bytes());
    }
    assert!(store.remembered() <= 3);
}
