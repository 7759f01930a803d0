//! Handshakes: who is believed, what the client brings along, what an attacker may change.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::pair::{Datagram, Identity, Pair, Verdict};
use super::paths::{reaches_client, reaches_server};
use super::transfer::pattern;
use crate::config::{AddressValidation, ClientConfig, ServerConfig, TransportConfig};
use crate::connection::Event;
use crate::error::{ConnectionError, TransportErrorCode};
use crate::packet::{VERSION, write_version_negotiation};
use crate::stream::Side;

const SECOND: Duration = Duration::from_secs(1);

/// Whether a client that is configured so gets through to the server.
fn connects(server: ServerConfig, client: &ClientConfig) -> bool {
    let mut pair = Pair::unconnected(server);
    pair.connect(client);
    pair.run(SECOND);
    pair.is_connected() && reaches_server(&mut pair) && reaches_client(&mut pair)
}

/// Why the client's, or the server's, connection is over.
fn end(pair: &mut Pair, side: Side) -> Option<ConnectionError> {
    pair.events(side).into_iter().find_map(|event| match event {
        Event::Closed(error) => Some(error),
        _ => None,
    })
}

fn is_tls_alert(error: &Option<ConnectionError>) -> bool {
    let code = match error {
        Some(ConnectionError::PeerMisbehaved(error)) => error.code,
        Some(ConnectionError::ClosedByPeer { code, .. }) => *code,
        _ => return false,
    };
    (0x100..0x200).contains(&code.0)
}

/// Counts the Retry packets on the link.
fn count_retries(pair: &mut Pair) -> Rc<Cell<u32>> {
    let count = Rc::new(Cell::new(0));
    let seen = count.clone();
    pair.tamper = Box::new(move |_, datagram| {
        if is_retry(datagram) {
            seen.set(seen.get() + 1);
        }
        Verdict::Deliver
    });
    count
}

fn is_retry(datagram: &Datagram) -> bool {
    datagram.bytes[0] & 0xf0 == 0xf0
}

#[test]
fn pinned_certificates_decide_whom_the_client_believes() {
    let (known, other) = (Identity::new(), Identity::new());
    let client = ClientConfig::with_pinned_certificates([known.fingerprint()]).expect("valid");
    assert!(connects(known.server(), &client));
    let mut pair = Pair::unconnected(other.server());
    pair.connect(&client);
    pair.run(SECOND);
    assert!(is_tls_alert(&end(&mut pair, Side::Client)));
    assert!(is_tls_alert(&end(&mut pair, Side::Server)));
}

#[test]
fn a_server_without_a_trusted_root_is_not_believed() {
    let (known, other) = (Identity::new(), Identity::new());
    assert!(connects(known.server(), &known.client()));
    assert!(!connects(other.server(), &known.client()));
}

#[test]
fn raw_public_keys_decide_whom_the_client_believes() {
    let (known, other) = (Identity::new(), Identity::new());
    let client = ClientConfig::with_pinned_public_keys(vec![known.public_key()]).expect("valid");
    let server =
        |identity: &Identity| ServerConfig::with_public_key(identity.key()).expect("valid");
    assert!(connects(server(&known), &client));
    assert!(!connects(server(&other), &client));
    assert!(
        !connects(known.server(), &client),
        "a certificate is no raw key"
    );
}

#[test]
fn client_certificates_decide_whom_the_server_lets_in() {
    let (server, known, other) = (Identity::new(), Identity::new(), Identity::new());
    let config = || {
        let pins = vec![known.fingerprint()];
        ServerConfig::with_pinned_clients(server.chain(), server.key(), pins).expect("valid")
    };
    let client = |identity: &Identity| {
        let client = server.client();
        client
            .with_client_certificate(identity.chain(), identity.key())
            .expect("valid")
    };
    let mut pair = Pair::unconnected(config());
    pair.connect(&client(&known));
    pair.run(SECOND);
    assert!(pair.is_connected());
    let shown = pair.server.connection().peer_identity().map(<[_]>::to_vec);
    assert_eq!(shown, Some(known.chain()));
    for stranger in [client(&other), server.client()] {
        let mut pair = Pair::unconnected(config());
        pair.connect(&stranger);
        pair.run(SECOND);
        assert!(is_tls_alert(&end(&mut pair, Side::Client)));
        assert!(pair.server.connections.is_empty() || !pair.server.connection().is_established());
    }
}

#[test]
fn raw_public_keys_of_clients_decide_whom_the_server_lets_in() {
    let (server, known, other) = (Identity::new(), Identity::new(), Identity::new());
    let config = || {
        ServerConfig::with_pinned_client_keys(server.key(), vec![known.public_key()])
            .expect("valid")
    };
    let client = |identity: &Identity| {
        let client = ClientConfig::with_pinned_public_keys(vec![server.public_key()]);
        client
            .expect("valid")
            .with_client_public_key(identity.key())
            .expect("valid")
    };
    assert!(connects(config(), &client(&known)));
    let mut pair = Pair::unconnected(config());
    pair.connect(&client(&other));
    pair.run(SECOND);
    assert!(is_tls_alert(&end(&mut pair, Side::Client)));
}

#[test]
fn ends_without_a_common_application_protocol_part() {
    let identity = Identity::new();
    let client = identity
        .client()
        .with_application_protocols(vec![b"other/1".to_vec()]);
    let mut pair = Pair::unconnected(identity.server());
    pair.connect(&client);
    pair.run(SECOND);
    assert!(is_tls_alert(&end(&mut pair, Side::Client)));
}

#[test]
fn both_ends_know_the_connection_by_one_name() {
    let mut pair = Pair::connected();
    let name = pair.client.connection().guuid();
    assert!(name.is_some());
    assert_eq!(name, pair.server.connection().guuid());
}

#[test]
fn a_client_follows_a_retry() {
    let identity = Identity::new();
    let server = identity
        .server()
        .with_address_validation(AddressValidation::Always);
    let mut pair = Pair::unconnected(server);
    let retries = count_retries(&mut pair);
    pair.connect(&identity.client());
    pair.run(SECOND);
    assert!(pair.is_connected());
    assert_eq!(retries.get(), 1);
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}

#[test]
fn a_token_of_an_earlier_connection_saves_the_retry() {
    let identity = Identity::new();
    let server = identity
        .server()
        .with_address_validation(AddressValidation::Always);
    let mut pair = Pair::unconnected(server);
    let retries = count_retries(&mut pair);
    let client = identity.client();
    for round in 1..=3 {
        pair.connect(&client);
        pair.run(SECOND);
        assert!(pair.is_connected(), "round {round}");
        assert!(pair.server.connection().path.validated);
        assert_eq!(retries.get(), 1, "only the first connection needs one");
        pair.forget();
    }
}

#[test]
fn a_resumed_connection_takes_the_servers_new_parameters() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let client = identity.client();
    let mut names = Vec::new();
    for _ in 0..5 {
        pair.connect(&client);
        pair.run(SECOND);
        assert!(pair.is_connected() && reaches_server(&mut pair));
        names.push(pair.client.connection().guuid());
        pair.forget();
    }
    names.dedup();
    assert_eq!(names.len(), 5);
}

#[test]
fn t03_a_retry_that_was_tampered_with_is_ignored() {
    let identity = Identity::new();
    let server = || {
        identity
            .server()
            .with_address_validation(AddressValidation::Always)
    };
    for bit in (8..8 * 79).step_by(7) {
        let mut pair = Pair::unconnected(server());
        let mut once = true;
        pair.tamper = Box::new(move |_, datagram| {
            if is_retry(datagram) && std::mem::take(&mut once) {
                datagram.bytes[bit / 8] ^= 1 << (bit % 8);
            }
            Verdict::Deliver
        });
        pair.connect(&identity.client());
        pair.run(Duration::from_secs(5));
        assert!(pair.is_connected(), "bit {bit}");
    }
}

#[test]
fn t03_a_second_retry_is_ignored() {
    let identity = Identity::new();
    let server = identity
        .server()
        .with_address_validation(AddressValidation::Always);
    let mut pair = Pair::unconnected(server);
    pair.tamper = Box::new(|_, datagram| {
        let copies = 1 + usize::from(is_retry(datagram));
        Verdict::Replace(vec![datagram.clone(); copies])
    });
    pair.connect(&identity.client());
    pair.run(SECOND);
    assert!(pair.is_connected());
}

#[test]
fn t03_a_retry_token_from_another_address_is_refused() {
    let identity = Identity::new();
    let server = identity
        .server()
        .with_address_validation(AddressValidation::Always);
    let mut pair = Pair::unconnected(server);
    let home = pair.client.address;
    let mut initials = 0;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == home {
            initials += 1;
            if initials > 1 {
                datagram.from.set_port(9);
            }
        } else {
            datagram.to = home;
        }
        Verdict::Deliver
    });
    pair.connect(&identity.client());
    pair.run(SECOND);
    let error = end(&mut pair, Side::Client);
    let Some(ConnectionError::ClosedByPeer { code, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(code, TransportErrorCode::INVALID_TOKEN);
    assert!(pair.server.connections.is_empty(), "nothing is remembered");
}

#[test]
fn a_server_that_is_full_says_so() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server().with_connections_max(0));
    pair.connect(&identity.client());
    pair.run(SECOND);
    let error = end(&mut pair, Side::Client);
    assert!(
        matches!(error, Some(ConnectionError::ClosedByPeer { code, .. })
            if code == TransportErrorCode::CONNECTION_REFUSED)
    );
}

/// A Version Negotiation packet from the server that answers the client's first one.
fn negotiation(initial: &Datagram, versions: &[u32]) -> Datagram {
    let (destination, source) = ids(&initial.bytes);
    let mut bytes = Vec::new();
    write_version_negotiation(&mut bytes, source, destination, 0);
    bytes.truncate(bytes.len() - 4);
    for version in versions {
        bytes.extend_from_slice(&version.to_be_bytes());
    }
    Datagram {
        from: initial.to,
        to: initial.from,
        ecn: None,
        bytes,
    }
}

/// Destination and source id of a long header.
fn ids(packet: &[u8]) -> (&[u8], &[u8]) {
    let (destination, rest) = packet[6..].split_at(usize::from(packet[5]));
    (destination, &rest[1..=usize::from(rest[0])])
}

/// Answers the client's first packet with a Version Negotiation of these versions, and sends it on.
fn forge_negotiation(versions: &'static [u32], deliver: bool) -> Pair {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let server = pair.server.address;
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to != server || datagram.bytes[0] & 0x80 == 0 {
            return Verdict::Deliver;
        }
        let mut forwarded = vec![negotiation(datagram, versions)];
        forwarded.extend(deliver.then(|| datagram.clone()));
        Verdict::Replace(forwarded)
    });
    pair.connect(&identity.client());
    pair
}

#[test]
fn a_client_gives_up_when_there_is_no_common_version() {
    let mut pair = forge_negotiation(&[1, 0x6b33_43cf], false);
    pair.run(SECOND);
    assert_eq!(
        end(&mut pair, Side::Client),
        Some(ConnectionError::VersionMismatch)
    );
}

#[test]
fn t20_a_version_negotiation_of_somebody_who_has_not_seen_our_packet_is_ignored() {
    let identity = Identity::new();
    for (byte, mask) in [(4, 1), (9, 1)] {
        let mut pair = Pair::unconnected(identity.server());
        let server = pair.server.address;
        let mut once = true;
        pair.tamper = Box::new(move |_, datagram| {
            if datagram.to != server || !std::mem::take(&mut once) {
                return Verdict::Deliver;
            }
            // Neither another version than 0 nor another id than the client's first will do.
            let mut forged = negotiation(datagram, &[1]);
            forged.bytes[byte] ^= mask;
            Verdict::Replace(vec![forged, datagram.clone()])
        });
        pair.connect(&identity.client());
        pair.run(SECOND);
        assert!(pair.is_connected(), "byte {byte}");
    }
}

#[test]
fn t20_a_version_negotiation_that_lists_our_version_is_ignored() {
    let mut pair = forge_negotiation(&[1, VERSION], true);
    pair.run(SECOND);
    assert!(pair.is_connected());
}

#[test]
fn t20_a_version_negotiation_after_an_authentic_packet_is_ignored() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let server = pair.server.address;
    let first = Rc::new(RefCell::new(None));
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.to == server {
            first.borrow_mut().get_or_insert_with(|| datagram.clone());
            return Verdict::Deliver;
        }
        let forged = first
            .borrow()
            .as_ref()
            .map(|initial| negotiation(initial, &[1]));
        Verdict::Replace([datagram.clone()].into_iter().chain(forged).collect())
    });
    pair.connect(&identity.client());
    pair.run(SECOND);
    assert!(pair.is_connected());
}

#[test]
fn t20_a_server_answers_other_versions_with_its_own_and_only_to_full_datagrams() {
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let answers: Rc<RefCell<Vec<Datagram>>> = Rc::default();
    let seen = answers.clone();
    pair.tamper = Box::new(move |_, datagram| {
        seen.borrow_mut().push(datagram.clone());
        Verdict::Drop
    });
    for size in [1200, 1199, 30] {
        let mut bytes = vec![0xc0, 0x0a, 0x0a, 0x0a, 0x0a, 8];
        bytes.extend_from_slice(&[7; 8]);
        bytes.extend_from_slice(&[2, 1, 2]);
        bytes.resize(size, 0);
        pair.inject(Datagram {
            from: pair.client.address,
            to: pair.server.address,
            ecn: None,
            bytes,
        });
    }
    pair.run(SECOND);
    let answers = answers.borrow();
    assert_eq!(answers.len(), 1);
    let bytes = &answers[0].bytes;
    assert_eq!(ids(bytes), (&[1, 2][..], &[7; 8][..]));
    assert_eq!(bytes[1..5], [0; 4]);
    assert!(bytes.ends_with(&VERSION.to_be_bytes()));
}

fn early() -> TransportConfig {
    TransportConfig::default().with_early_data(true)
}

/// A pair that has been connected before, with 0-RTT at the client and perhaps at the server.
fn returning(identity: &Identity, server: TransportConfig) -> (Pair, ClientConfig) {
    let mut pair = Pair::unconnected(identity.server().with_transport(server));
    let client = identity.client().with_transport(early());
    pair.connect(&client);
    pair.run(SECOND);
    pair.forget();
    (pair, client)
}

#[test]
fn early_data_arrives_with_the_first_packets() {
    let (mut pair, client) = returning(&Identity::new(), early());
    pair.connect(&client);
    let sent = pattern(500);
    pair.client
        .connection()
        .post(sent.clone(), true)
        .expect("room");
    // Half a round trip.
    pair.run(Duration::from_millis(11));
    assert_eq!(pair.server.connection().take_message(), Some(sent));
    pair.run(SECOND);
    assert!(pair.is_connected() && pair.client.connection().handshake.early_accepted);
    assert!(
        !pair
            .events(Side::Client)
            .contains(&Event::EarlyDataRejected)
    );
    assert!(reaches_server(&mut pair) && reaches_client(&mut pair));
}

#[test]
fn early_data_that_is_refused_is_sent_again() {
    let identity = Identity::new();
    let (mut pair, client) = returning(&identity, early());
    pair.server
        .endpoint
        .set_server(Some(identity.server().into()));
    pair.connect(&client);
    let sent = pattern(5_000);
    let connection = pair.client.connection();
    connection.post(sent.clone(), true).expect("room");
    pair.run(SECOND);
    assert!(pair.is_connected());
    assert!(!pair.client.connection().handshake.early_accepted);
    assert_eq!(pair.server.connection().take_message(), Some(sent));
    assert_eq!(pair.server.connection().take_message(), None, "once");
}

#[test]
fn early_data_survives_a_retry() {
    let identity = Identity::new();
    let (mut pair, client) = returning(&identity, early());
    let server = identity.server().with_transport(early());
    // A new configuration also forgets tickets: the data is refused, and sent again.
    let server = server.with_address_validation(AddressValidation::Always);
    pair.server.endpoint.set_server(Some(server.into()));
    let memory = client.memory.as_ref().expect("a memory");
    let _ = memory.take_token("localhost");
    pair.connect(&client);
    let sent = pattern(500);
    pair.client
        .connection()
        .post(sent.clone(), true)
        .expect("room");
    pair.run(SECOND);
    assert!(pair.is_connected());
    assert_eq!(pair.server.connection().take_message(), Some(sent));
}

#[test]
fn t05_early_data_is_off_unless_it_is_turned_on() {
    assert!(!TransportConfig::default().early_data);
    let identity = Identity::new();
    let mut pair = Pair::unconnected(identity.server());
    let client = identity.client();
    pair.connect(&client);
    pair.run(SECOND);
    pair.forget();
    pair.connect(&client);
    assert!(pair.client.connection().early_keys.is_none());
    pair.run(SECOND);
    assert!(pair.is_connected());
}

#[test]
fn t05_replayed_early_data_is_taken_once_at_most() {
    let (mut pair, client) = returning(&Identity::new(), early());
    let flight: Rc<RefCell<Vec<Datagram>>> = Rc::default();
    let (recorded, home) = (flight.clone(), pair.client.address);
    pair.tamper = Box::new(move |_, datagram| {
        if datagram.from == home && recorded.borrow().len() < 3 {
            recorded.borrow_mut().push(datagram.clone());
        }
        Verdict::Deliver
    });
    pair.connect(&client);
    let sent = pattern(500);
    pair.client
        .connection()
        .post(sent.clone(), true)
        .expect("room");
    pair.run(Duration::from_millis(11));
    let mut taken = 0;
    for round in 0..100u16 {
        for datagram in flight.borrow().iter() {
            let from = SocketAddr::from(([10, 7, 7, 7], 1000 + round));
            pair.inject(Datagram {
                from,
                ..datagram.clone()
            });
        }
        pair.run(Duration::from_millis(11));
        for connection in pair.server.connections.values_mut() {
            taken += usize::from(connection.take_message().is_some());
        }
    }
    assert_eq!(taken, 1, "the original and nothing else");
}
