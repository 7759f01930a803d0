//! Which connection a datagram belongs to; T14 and T17.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::fixture::{Fate, NOW, Site, receive, unchanged};
use crate::config::EndpointConfig;
use crate::connection_id::ConnectionId;
use crate::endpoint::{ConnectError, ConnectionEvent, ConnectionHandle, Endpoint, EndpointEvent};

const CLIENT: &str = "192.0.2.1:4000";

/// A datagram with a short header and this id.
fn short(id: &[u8], bytes: usize) -> Vec<u8> {
    let mut datagram = [&[0x40], id].concat();
    datagram.resize(bytes, 0xaa);
    datagram
}

#[test]
fn first_packets_of_one_client_reach_one_connection() {
    let mut site = Site::new(unchanged);
    let first = site.first();
    let Fate::Accepted(handle) = site.receive(CLIENT, &first) else {
        panic!("not accepted");
    };
    assert_eq!(site.receive(CLIENT, &first), Fate::Connection(handle));
    let other = site.receive("192.0.2.2:4000", &first);
    assert!(matches!(other, Fate::Accepted(other) if other != handle));
}

#[test]
fn a_late_copy_of_the_first_packet_begins_nothing_until_the_connection_is_forgotten() {
    let mut site = Site::new(unchanged);
    let first = site.first();
    let Fate::Accepted(handle) = site.receive(CLIENT, &first) else {
        panic!("not accepted");
    };
    let named = ConnectionHandle(handle);
    site.endpoint
        .handle_event(NOW, named, EndpointEvent::HandshakeComplete);
    assert_eq!(site.endpoint.handshakes.total(), 0);
    assert_eq!(site.receive(CLIENT, &first), Fate::Connection(handle));
    site.endpoint
        .handle_event(NOW, named, EndpointEvent::Drained);
    assert!(site.is_blank());
}

#[test]
fn issued_ids_lead_to_their_connection_until_they_are_retired() {
    let mut site = Site::new(unchanged);
    let first = site.first();
    let Fate::Accepted(handle) = site.receive(CLIENT, &first) else {
        panic!("not accepted");
    };
    let named = ConnectionHandle(handle);
    let event = EndpointEvent::NeedConnectionIds(3);
    let Some(ConnectionEvent::ConnectionIds(ids)) = site.endpoint.handle_event(NOW, named, event)
    else {
        panic!("no ids");
    };
    assert_eq!(
        ids.iter().map(|id| id.sequence).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    for issued in ids {
        let datagram = short(&issued.id, 40);
        assert_eq!(
            site.receive("203.0.113.9:1", &datagram),
            Fate::Connection(handle)
        );
        let retired = EndpointEvent::RetiredConnectionId(issued.sequence);
        site.endpoint.handle_event(NOW, named, retired);
        assert!(matches!(
            site.receive("203.0.113.9:1", &datagram),
            Fate::Answered(_)
        ));
    }
    site.endpoint
        .handle_event(NOW, named, EndpointEvent::Drained);
    assert!(site.is_blank());
}

#[test]
fn events_of_a_connection_that_is_gone_do_nothing() {
    let mut site = Site::new(unchanged);
    let nobody = ConnectionHandle(5);
    for event in [
        EndpointEvent::RetiredConnectionId(0),
        EndpointEvent::HandshakeComplete,
        EndpointEvent::Drained,
    ] {
        assert!(site.endpoint.handle_event(NOW, nobody, event).is_none());
    }
    assert!(site.is_blank());
}

#[test]
fn t14_ids_of_the_peers_choice_are_hashed_with_a_key() {
    // Ids that collide in one table do not collide in another, and only ours are elsewhere.
    let (mut one, other) = (Site::new(unchanged), Site::new(unchanged));
    let key = (
        ConnectionId::from_array([7; 8]),
        CLIENT.parse::<std::net::SocketAddr>().expect("an address"),
    );
    let hash = |site: &Site| site.endpoint.by_first_id.hasher().hash_one(key);
    assert_ne!(hash(&one), hash(&other));
    let mut chosen = BTreeSet::new();
    for port in 1..=100 {
        let first = one.first();
        chosen.insert(ConnectionId::new(&first[6..14]).expect("an id"));
        one.receive(&format!("192.0.2.1:{port}"), &first);
    }
    assert_eq!(one.endpoint.by_id.len(), 100);
    assert!(one.endpoint.by_id.keys().all(|id| !chosen.contains(id)));
}

#[test]
fn an_unknown_id_is_answered_by_its_own_reset_token() {
    let mut site = Site::new(unchanged);
    let Fate::Answered(reset) = site.receive(CLIENT, &short(&[3; 8], 200)) else {
        panic!("no answer");
    };
    assert!(reset.ends_with(&site.endpoint.ids.reset_token(&[3; 8]).0));
    assert_eq!(reset[0] & 0xc0, 0x40, "looks like any short packet");
    let again = site.receive(CLIENT, &short(&[4; 8], 200));
    assert!(!matches!(again, Fate::Answered(other) if other.ends_with(&reset[reset.len() - 16..])));
}

#[test]
fn t17_a_reset_is_smaller_than_what_it_answers() {
    let mut site = Site::new(unchanged);
    for bytes in 0..1500 {
        match site.receive(CLIENT, &short(&[3; 8], bytes)) {
            Fate::Answered(reset) => assert!((21..bytes).contains(&reset.len()), "{bytes}"),
            fate => assert!(fate == Fate::Dropped && bytes < 40, "{bytes}: {fate:?}"),
        }
        site.endpoint.resets = super::super::ResetBudget::default();
    }
}

#[test]
fn t17_two_servers_that_answer_each_others_resets_fall_silent() {
    for bytes in [30, 100, 1452] {
        let (mut one, mut other) = (Site::new(unchanged), Site::new(unchanged));
        let mut datagram = short(&[3; 8], bytes);
        let mut sent = 0;
        while let Fate::Answered(reset) = one.receive(CLIENT, &datagram) {
            datagram = reset;
            sent += 1;
            assert!(sent <= 10, "the loop goes on");
            std::mem::swap(&mut one, &mut other);
        }
    }
}

#[test]
fn t17_resets_are_rationed() {
    let mut site = Site::new(unchanged);
    let mut answered = |now, count: usize| {
        let datagram = short(&[3; 8], 100);
        let answers = (0..count)
            .filter(|_| matches!(site.receive_at(now, CLIENT, &datagram), Fate::Answered(_)));
        answers.count()
    };
    assert_eq!(answered(NOW, 5000), 1000);
    assert_eq!(answered(NOW + Duration::from_millis(999), 10), 0);
    assert_eq!(answered(NOW + Duration::from_secs(1), 10), 10);
}

#[test]
fn a_client_is_reached_by_the_reset_token_of_its_peer() {
    let mut site = Site::new(unchanged);
    let config = EndpointConfig::with_seed([5; 32]);
    let mut client = Endpoint::new(&config, None, [5; 32]);
    let server = "198.51.100.1:443";
    let dialled = client.connect(NOW, &site.client, server.parse().expect("it"), "localhost");
    let (handle, _) = dialled.expect("a connection");
    let id = ConnectionId::from_array([3; 8]);
    let token = site.endpoint.ids.reset_token(&id);
    let event = EndpointEvent::PeerResetToken(server.parse().expect("it"), token);
    client.handle_event(NOW, handle, event);
    let Fate::Answered(reset) = site.receive(CLIENT, &short(&id, 100)) else {
        panic!("no answer");
    };
    assert_eq!(
        receive(&mut client, NOW, server, &reset),
        Fate::Connection(handle.0)
    );
    let elsewhere = receive(&mut client, NOW, "198.51.100.2:443", &reset);
    assert_eq!(
        elsewhere,
        Fate::Dropped,
        "from another address it means nothing"
    );
    client.handle_event(NOW, handle, EndpointEvent::Drained);
    assert_eq!(receive(&mut client, NOW, server, &reset), Fate::Dropped);
}

#[test]
fn an_endpoint_that_runs_out_of_ids_says_so() {
    let site = Site::new(unchanged);
    let config = EndpointConfig::with_seed([5; 32]).with_client_id_bytes(1);
    let mut client = Endpoint::new(&config, None, [5; 32]);
    let server = "198.51.100.1:443".parse().expect("an address");
    let mut opened = 0;
    let error = loop {
        match client.connect(NOW, &site.client, server, "localhost") {
            Ok(_) => opened += 1,
            Err(error) => break error,
        }
        assert!(opened <= 256);
    };
    assert!(matches!(error, ConnectError::TooManyConnections));
    assert!(opened > 128);
    assert_eq!(client.by_id.len(), opened);
}

#[test]
fn the_same_seed_makes_the_same_ids() {
    let config = EndpointConfig::with_seed([5; 32]);
    let site = Site::new(unchanged);
    let first = |seed| {
        let mut client = Endpoint::new(&config, None, [seed; 32]);
        let server = "198.51.100.1:443".parse().expect("an address");
        let dialled = client.connect(NOW, &site.client, server, "localhost");
        assert!(dialled.is_ok());
        client.by_id.keys().copied().collect::<Vec<_>>()
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

/// Compiles only for tables with the standard library's keyed hash.
fn is_keyed<K, V>(_: &HashMap<K, V, RandomState>) -> bool {
    true
}

#[test]
fn t14_tables_whose_keys_others_choose_have_secret_hashes() {
    let site = Site::new(unchanged);
    assert!(is_keyed(&site.endpoint.by_first_id));
    assert!(is_keyed(&site.endpoint.by_reset_token));
}
