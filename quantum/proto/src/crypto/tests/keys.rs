//! Keys of both ends fit, and nothing else does.

use super::fixture::{End, Identity, handshake};
use crate::crypto::{DirectionKeys, PacketKey, Session, TAG_BYTES, initial_keys};
use crate::stream::Side;

const HEADER: &[u8] = b"header";
const PLAIN: &[u8] = b"plain text of a packet";

fn seal(key: &PacketKey, number: u64) -> Vec<u8> {
    let mut packet = PLAIN.to_vec();
    packet.resize(PLAIN.len() + TAG_BYTES, 0);
    assert!(key.seal(number, HEADER, &mut packet));
    packet
}

fn opens(key: &PacketKey, number: u64, header: &[u8], packet: &[u8]) -> bool {
    let mut packet = packet.to_vec();
    let length = key.open(number, header, &mut packet);
    length.is_some_and(|length| packet[..length] == *PLAIN)
}

fn fit(ours: &DirectionKeys, theirs: &DirectionKeys) {
    let packet = seal(&ours.packet, 7);
    assert!(opens(&theirs.packet, 7, HEADER, &packet));
    let (mut first, mut number) = (0x43, [1, 2, 3, 4]);
    assert!(ours.header.protect(&packet[..16], &mut first, &mut number));
    assert_ne!(number, [1, 2, 3, 4]);
    assert!(
        theirs
            .header
            .unprotect(&packet[..16], &mut first, &mut number)
    );
    assert_eq!((first, number), (0x43, [1, 2, 3, 4]));
}

fn established() -> (End, End) {
    let identity = Identity::new();
    handshake(&identity.client(), &identity.server()).expect("a handshake")
}

#[test]
fn both_ends_get_keys_that_fit() {
    let (client, server) = established();
    let levels = [
        (
            client.handshake.expect("keys"),
            server.handshake.expect("keys"),
        ),
        (client.data.expect("keys").0, server.data.expect("keys").0),
    ];
    for (client, server) in levels {
        fit(&client.local, &server.remote);
        fit(&server.local, &client.remote);
    }
}

#[test]
fn initial_keys_follow_from_the_first_id() {
    // RFC 9001 appendix A.1: the client's first id, and what comes of it.
    let id = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
    let client = initial_keys(&id, Side::Client).expect("keys");
    let server = initial_keys(&id, Side::Server).expect("keys");
    fit(&client.local, &server.remote);
    fit(&server.local, &client.remote);
    // Appendix A.2: the sample of the client's Initial packet and its mask.
    let sample = [
        0xd1, 0xb1, 0xc9, 0x8d, 0xd7, 0x68, 0x9f, 0xb8, 0xec, 0x11, 0xd2, 0x42, 0xb1, 0x23, 0xdc,
        0x9b,
    ];
    let (mut first, mut number) = (0xc3, [0, 0, 0, 2]);
    assert!(
        client
            .local
            .header
            .protect(&sample, &mut first, &mut number)
    );
    assert_eq!((first, number), (0xc0, [0x7b, 0x9a, 0xec, 0x34]));
}

#[test]
fn a_changed_packet_does_not_open() {
    let (client, server) = established();
    let (sender, receiver) = (client.data.expect("keys").0, server.data.expect("keys").0);
    let packet = seal(&sender.local.packet, 7);
    let key = &receiver.remote.packet;
    assert!(!opens(key, 8, HEADER, &packet), "another number");
    assert!(!opens(key, 7, b"Header", &packet), "another header");
    assert!(
        !opens(key, 7, HEADER, &packet[..TAG_BYTES - 1]),
        "cut short"
    );
    for bit in 0..packet.len() * 8 {
        let mut changed = packet.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(key, 7, HEADER, &changed), "bit {bit}");
    }
}

#[test]
fn sealing_without_room_for_the_tag_is_refused() {
    let keys = initial_keys(&[1; 8], Side::Client).expect("keys");
    assert!(!keys.local.packet.seal(0, HEADER, &mut [0; TAG_BYTES - 1]));
}

#[test]
fn updated_keys_fit_and_old_ones_do_not() {
    let (client, server) = established();
    let (mut client, mut server) = (client.data.expect("keys"), server.data.expect("keys"));
    let old = client.0.local.packet;
    for phase in 1..=3 {
        let (client_local, client_remote) = client.1.next();
        let (server_local, server_remote) = server.1.next();
        let packet = seal(&client_local, phase);
        assert!(opens(&server_remote, phase, HEADER, &packet));
        assert!(!opens(&server_remote, phase, HEADER, &seal(&old, phase)));
        let packet = seal(&server_local, phase);
        assert!(opens(&client_remote, phase, HEADER, &packet));
    }
}

#[test]
fn keys_know_the_limits_of_their_cipher() {
    let (client, _) = established();
    let key = client.data.expect("keys").0.local.packet;
    // RFC 9001 section 6.6, for AES-GCM and for ChaCha20-Poly1305.
    let limits = (key.confidentiality_limit(), key.integrity_limit());
    assert!(
        limits == (1 << 23, 1 << 52) || (limits.0 >= 1 << 62 && limits.1 == 1 << 36),
        "{limits:?}"
    );
}

#[test]
fn exported_secrets_are_equal_and_depend_on_everything() {
    let (client, server) = established();
    let export = |end: &End, label: &[u8], context: &[u8]| {
        let mut output = [0; 40];
        let exporter = end.session.exporter().expect("an exporter");
        exporter
            .export(&mut output, label, context)
            .expect("a secret");
        output
    };
    let secret = export(&client, b"label", b"context");
    assert_eq!(secret, export(&server, b"label", b"context"));
    assert_ne!(secret, export(&client, b"labelc", b"ontext"));
    assert_ne!(secret, export(&client, b"label", b""));
    let exporter = client.session.exporter().expect("an exporter");
    assert!(exporter.export(&mut [0; 8161], b"label", b"").is_err());
    let unfinished = End::client(&Identity::new().client());
    assert!(unfinished.session.exporter().is_none());
}

#[test]
fn transport_parameters_arrive() {
    let (client, server) = established();
    assert_eq!(
        client.session.transport_parameters(),
        Some(b"server".to_vec())
    );
    assert_eq!(
        server.session.transport_parameters(),
        Some(b"client".to_vec())
    );
    assert_eq!(server.session.server_name().as_deref(), Some("localhost"));
    let agreed = client.session.application_protocol();
    assert_eq!(agreed.as_deref(), Some(&b"aetherflow/1"[..]));
}
