//! T1, T2, T4: what is not a client costs nothing that lasts.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::fixture::{Fate, NOW, Site, arrival, unchanged};
use crate::config::AddressValidation;

const CLIENT: &str = "192.0.2.1:4000";

#[test]
fn t04_junk_leaves_no_trace_and_gets_at_most_a_smaller_answer() {
    let mut site = Site::new(unchanged);
    let mut rng = StdRng::seed_from_u64(4);
    for round in 0..20_000 {
        let mut datagram = vec![0; rng.random_range(0..1500)];
        rng.fill(&mut datagram[..]);
        if round % 2 == 0 && datagram.len() > 6 {
            // Of our version, with ids of a plausible size.
            datagram[0] |= 0xc0;
            datagram[1..5].copy_from_slice(&crate::packet::VERSION.to_be_bytes());
            datagram[5] &= 0x1f;
        }
        match site.receive(CLIENT, &datagram) {
            Fate::Answered(answer) => assert!(answer.len() < datagram.len()),
            fate => assert_eq!(fate, Fate::Dropped),
        }
    }
    assert!(site.is_blank());
}

#[test]
fn t04_a_first_packet_that_is_noise_inside_leaves_no_trace() {
    let mut site = Site::new(unchanged);
    let first = site.first();
    for at in [first.len() - 1, first.len() / 2, 60] {
        let mut noise = first.clone();
        noise[at] ^= 1;
        assert_eq!(site.receive(CLIENT, &noise), Fate::Dropped, "byte {at}");
    }
    assert!(site.is_blank());
    assert!(matches!(site.receive(CLIENT, &first), Fate::Accepted(_)));
}

#[test]
fn t01_a_small_first_datagram_is_dropped() {
    let mut site = Site::new(unchanged);
    let first = site.first();
    assert!(first.len() >= 1200);
    for length in [0, 1, 5, 6, 30, 1199] {
        assert_eq!(
            site.receive(CLIENT, &first[..length]),
            Fate::Dropped,
            "{length}"
        );
    }
    assert!(site.is_blank());
}

#[test]
fn t26_an_empty_datagram_is_dropped() {
    let mut site = Site::new(unchanged);
    assert_eq!(site.receive(CLIENT, &[]), Fate::Dropped);
}

#[test]
fn other_versions_are_told_ours_in_a_smaller_datagram() {
    let mut site = Site::new(unchanged);
    let mut first = site.first();
    first[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
    let Fate::Answered(answer) = site.receive(CLIENT, &first) else {
        panic!("no answer");
    };
    assert_eq!(answer[1..5], [0; 4]);
    assert!(answer.ends_with(&crate::packet::VERSION.to_be_bytes()));
    assert!(answer.len() < 60);
    assert_eq!(site.receive(CLIENT, &first[..1199]), Fate::Dropped);
    assert!(site.is_blank());
}

#[test]
fn version_negotiation_is_not_answered() {
    let mut site = Site::new(unchanged);
    let mut first = site.first();
    first[1..5].copy_from_slice(&[0; 4]);
    assert_eq!(site.receive(CLIENT, &first), Fate::Dropped);
}

#[test]
fn t02_a_busy_server_asks_for_proof_and_remembers_nothing_of_who_is_asked() {
    let mut site =
        Site::new(|config| config.with_address_validation(AddressValidation::WhenBusy(10)));
    for client in 0..200 {
        let first = site.first();
        let from = format!("10.{client}.0.1:4000");
        match site.receive(&from, &first) {
            Fate::Accepted(_) => assert!(client < 10),
            Fate::Answered(retry) => assert!(client >= 10 && retry.len() < 200),
            fate => panic!("client {client}: {fate:?}"),
        }
    }
    assert_eq!(site.endpoint.connections(), 10);
}

#[test]
fn t02_made_up_addresses_do_not_keep_their_real_network_out() {
    let mut site = Site::new(|config| config.with_handshakes_max(1000, 5));
    for port in 1..=5 {
        let first = site.first();
        let fate = site.receive(&format!("192.0.2.{port}:{port}"), &first);
        assert!(matches!(fate, Fate::Accepted(_)));
    }
    let (mut client, first) = site.dial();
    let Fate::Answered(mut retry) = site.receive("192.0.2.99:1", &first) else {
        panic!("not asked for proof");
    };
    let server = arrival("198.51.100.1:443");
    client.handle_datagram(NOW, &server, &mut retry);
    let mut second = Vec::new();
    assert!(client.poll_transmit(NOW, 1, &mut second).is_some());
    assert!(matches!(
        site.receive("192.0.2.99:1", &second),
        Fate::Accepted(_)
    ));
    let first = site.first();
    assert!(matches!(
        site.receive("192.0.3.1:1", &first),
        Fate::Accepted(_)
    ));
}

#[test]
fn a_server_that_never_asks_drops_what_is_too_much() {
    let mut site = Site::new(|config| {
        config
            .with_address_validation(AddressValidation::Never)
            .with_handshakes_max(3, 2)
    });
    let mut try_from = |from: &str| {
        let first = site.first();
        site.receive(from, &first)
    };
    assert!(matches!(try_from("192.0.2.1:1"), Fate::Accepted(_)));
    assert!(matches!(try_from("192.0.2.2:1"), Fate::Accepted(_)));
    assert_eq!(
        try_from("192.0.2.3:1"),
        Fate::Dropped,
        "the network is full"
    );
    assert!(matches!(try_from("[2001:db8::1]:1"), Fate::Accepted(_)));
    assert_eq!(
        try_from("[2001:db8:1::1]:1"),
        Fate::Dropped,
        "the server is full"
    );
}

#[test]
fn networks_are_24_bits_of_ipv4_and_64_of_ipv6() {
    let mut site = Site::new(|config| {
        config
            .with_address_validation(AddressValidation::Never)
            .with_handshakes_max(100, 1)
    });
    let accepted = [
        "192.0.2.1:1",
        "192.0.3.1:1",
        "[2001:db8::1]:1",
        "[2001:db8:0:1::1]:1",
    ];
    for from in accepted {
        let first = site.first();
        assert!(
            matches!(site.receive(from, &first), Fate::Accepted(_)),
            "{from}"
        );
    }
    let full = [
        "192.0.2.200:9",
        "[2001:db8::ffff:1]:1",
        "[::ffff:192.0.3.7]:1",
    ];
    for from in full {
        let first = site.first();
        assert_eq!(site.receive(from, &first), Fate::Dropped, "{from}");
    }
}

#[test]
fn a_full_server_says_so() {
    let mut site = Site::new(|config| config.with_connections_max(1));
    let first = site.first();
    assert!(matches!(site.receive(CLIENT, &first), Fate::Accepted(_)));
    let (mut client, first) = site.dial();
    let Fate::Answered(mut refusal) = site.receive("192.0.2.2:1", &first) else {
        panic!("no answer");
    };
    assert!(refusal.len() * 3 < first.len());
    let server = arrival("198.51.100.1:443");
    client.handle_datagram(NOW, &server, &mut refusal);
    assert!(client.is_closed());
    assert_eq!(site.endpoint.connections(), 1);
}
