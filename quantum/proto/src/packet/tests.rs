use proptest::prelude::*;

use super::*;
use crate::connection_id::ConnectionId;
use crate::wire::write_varint;

const TAG_BYTES: usize = 16;
/// A long header with its fixed bit set.
const LONG: u8 = 0xc0;

fn id(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

/// The mask of RFC 9001 section 5.4.1, with the sample in place of its cipher text.
fn mask(sample: &[u8], first: &mut u8, number: &mut [u8], protected: bool) {
    let bits = if *first & 0x80 != 0 { 0x0f } else { 0x1f };
    let covered = *first;
    *first ^= sample[0] & bits;
    let plain = if protected { *first } else { covered };
    let size = usize::from(plain & 3) + 1;
    for (byte, mask) in number.iter_mut().take(size).zip(&sample[1..5]) {
        *byte ^= mask;
    }
}

fn uncover(sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
    mask(sample, first, number, true);
    true
}

/// Writes a packet with the payload and a tag of 0xdd, both left plain.
fn write(buffer: &mut Vec<u8>, header: &Header<'_>, payload: &[u8]) {
    let packet = PacketWriter::start(header, buffer);
    buffer.extend_from_slice(payload);
    let end = buffer.len().max(packet.shortest_payload_end(TAG_BYTES));
    buffer.resize(end, 0);
    buffer.resize(end + TAG_BYTES, 0xdd);
    packet.finish_length(buffer);
    packet.protect(buffer, |sample, first, number| {
        mask(sample, first, number, false);
    });
}

fn kind() -> impl Strategy<Value = PacketKind> {
    prop_oneof![
        Just(PacketKind::Initial),
        Just(PacketKind::ZeroRtt),
        Just(PacketKind::Handshake),
        Just(PacketKind::Short),
    ]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

proptest! {
    #[test]
    fn coalesced_packets_come_back(
        kinds in (kind(), kind()),
        ids in (bytes(20), bytes(20)),
        token in bytes(100),
        number in 0u64..1 << 40,
        key_phase: bool,
        payload in bytes(60),
    ) {
        // A packet with a short header has no length: it can only be the last.
        prop_assume!(kinds.0 != PacketKind::Short);
        let (destination, source) = (id(&ids.0), id(&ids.1));
        let mut datagram = Vec::new();
        for kind in [kinds.0, kinds.1] {
            let acknowledged = number.checked_sub(9);
            let header = Header {
                kind, destination, source, token: &token, number, acknowledged, key_phase,
            };
            write(&mut datagram, &header, &payload);
        }

        let mut rest = datagram.as_mut_slice();
        for kind in [kinds.0, kinds.1] {
            let header = ProtectedHeader::decode(rest, destination.len()).unwrap();
            prop_assert_eq!((header.kind, header.version), (kind, VERSION));
            prop_assert_eq!(&rest[header.destination.clone()], &*destination);
            prop_assert_eq!(header.source, (kind != PacketKind::Short).then_some(source));
            if kind == PacketKind::Initial {
                prop_assert_eq!(&rest[header.token.clone()], &token[..]);
            }
            let plain = header.unprotect(rest, uncover).unwrap();
            prop_assert_eq!(plain.number(number), number);
            prop_assert_eq!(plain.reserved_bits(), 0);
            prop_assert_eq!(plain.key_phase(), kind == PacketKind::Short && key_phase);
            let sealed = &rest[plain.payload_start()..header.packet_bytes];
            prop_assert!(sealed.starts_with(&payload) && sealed.ends_with(&[0xdd; TAG_BYTES]));
            rest = &mut rest[header.packet_bytes..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn junk_is_read_without_panic(
        mut datagram in bytes(80), own_version: bool, local_id_bytes in 0usize..=20,
    ) {
        if own_version && datagram.len() > 5 {
            datagram[0] |= LONG;
            datagram[1..5].copy_from_slice(&VERSION.to_be_bytes());
        }
        if let Ok(header) = ProtectedHeader::decode(&datagram, local_id_bytes) {
            prop_assert!(header.packet_bytes <= datagram.len());
            let _ = header.unprotect(&mut datagram, uncover);
        }
    }

    #[test]
    fn version_negotiation_names_our_version(ids in (bytes(255), bytes(255)), random: u8) {
        let mut datagram = Vec::new();
        write_version_negotiation(&mut datagram, &ids.0, &ids.1, random);
        let header = ProtectedHeader::decode(&datagram, 8).unwrap();
        prop_assert_eq!((header.kind, header.version), (PacketKind::VersionNegotiation, 0));
        prop_assert_eq!(&datagram[header.destination.clone()], &ids.0[..]);
        prop_assert!(offers_our_version(&header, &datagram));
        prop_assert!(!offers_our_version(&header, &datagram[..datagram.len() - 1]));
    }

    #[test]
    fn retry_comes_back_and_a_changed_one_does_not(
        ids in (bytes(20), bytes(20), bytes(20)),
        token in prop::collection::vec(any::<u8>(), 1..99),
        flip in any::<prop::sample::Index>(),
    ) {
        let (destination, source, original) = (id(&ids.0), id(&ids.1), id(&ids.2));
        let mut datagram = Vec::new();
        write_retry(&mut datagram, &destination, &source, &original, &token);
        let header = ProtectedHeader::decode(&datagram, 8).unwrap();
        prop_assert_eq!(header.kind, PacketKind::Retry);
        let retry = Retry::decode(&header, &datagram, &original).unwrap();
        prop_assert_eq!((retry.source, retry.token), (source, &token[..]));

        let bit = flip.index(datagram.len() * 8);
        datagram[bit / 8] ^= 1 << (bit % 8);
        if let Ok(header) = ProtectedHeader::decode(&datagram, 8) {
            prop_assert!(Retry::decode(&header, &datagram, &original).is_none());
        }
    }
}

/// RFC 9001 appendix A.5, a short header with an empty connection id.
#[test]
fn the_header_of_rfc_9001_appendix_a5_is_uncovered() {
    let mut datagram = [
        0x4c, 0xfe, 0x41, 0x89, 0x65, 0x5e, 0x5c, 0xd5, 0x5c, 0x41, 0xf6, 0x90, 0x80, 0x57, 0x5d,
        0x79, 0x99, 0xc2, 0x5a, 0x5b, 0xfb,
    ];
    let header = ProtectedHeader::decode(&datagram, 0).unwrap();
    let plain = header.unprotect(&mut datagram, |sample, first, number| {
        assert_eq!(sample[..4], [0x5e, 0x5c, 0xd5, 0x5c]);
        assert_eq!(sample.len(), SAMPLE_BYTES);
        *first ^= 0xae & 0x1f;
        for (byte, mask) in number.iter_mut().zip([0xfe, 0xfe, 0x7d]) {
            *byte ^= mask;
        }
        true
    });
    assert_eq!(datagram[..4], [0x42, 0x00, 0xbf, 0xf4]);
    let plain = plain.unwrap();
    assert_eq!(plain.payload_start(), 4);
    assert_eq!(plain.number(654_360_564), 654_360_564);
}

#[test]
fn reserved_bits_are_seen_in_both_headers() {
    for (first, reserved) in [
        (0x40, 0),
        (0x48, 0x08),
        (0x50, 0x10),
        (0x67, 0),
        (0xc0, 0),
        (0xc4, 0x04),
        (0xc8, 0x08),
        (0xf3, 0),
    ] {
        let mut datagram = [0x40; 30];
        let header = ProtectedHeader::decode(&datagram, 0).unwrap();
        let plain = header.unprotect(&mut datagram, |_, byte, _| {
            *byte = first;
            true
        });
        assert_eq!(plain.unwrap().reserved_bits(), reserved, "{first:#x}");
    }
}

/// A long header of this version up to the second connection id.
fn long_start(kind_bits: u8) -> Vec<u8> {
    let mut datagram = vec![LONG | kind_bits];
    datagram.extend_from_slice(&VERSION.to_be_bytes());
    datagram.extend_from_slice(&[1, 0xaa, 1, 0xbb]);
    datagram
}

#[test]
fn malformed_packets_are_refused() {
    let mut beyond = long_start(0x20);
    write_varint(&mut beyond, 41);
    beyond.extend_from_slice(&[0; 40]);
    let mut no_sample = long_start(0x20);
    write_varint(&mut no_sample, 19);
    no_sample.extend_from_slice(&[0; 40]);
    let mut long_id = long_start(0x20);
    long_id[5] = 21;
    long_id.resize(100, 0);
    let mut not_fixed = long_start(0x20);
    not_fixed[0] &= !0x40;
    not_fixed.resize(100, 0);
    let mut endless_token = long_start(0);
    endless_token.extend_from_slice(&[0xff; 40]);
    for datagram in [
        vec![],
        vec![0x3f; 40],
        vec![0x40; 28],
        long_start(0x20)[..6].to_vec(),
        beyond,
        no_sample,
        long_id,
        not_fixed,
        endless_token,
    ] {
        let outcome = ProtectedHeader::decode(&datagram, 8);
        assert_eq!(outcome, Err(InvalidPacket), "{datagram:02x?}");
    }
}

#[test]
fn a_retry_without_a_token_is_refused() {
    let (destination, original) = (id(&[1]), id(&[2]));
    let mut datagram = Vec::new();
    write_retry(&mut datagram, &destination, &destination, &original, &[]);
    let header = ProtectedHeader::decode(&datagram, 8).unwrap();
    assert!(Retry::decode(&header, &datagram, &original).is_none());
}

#[test]
fn other_versions_keep_their_long_ids() {
    let mut datagram = vec![LONG, 0, 0, 0, 1, 255];
    datagram.resize(datagram.len() + 255, 1);
    datagram.extend_from_slice(&[2, 7, 7, 9]);
    let header = ProtectedHeader::decode(&datagram, 8).unwrap();
    assert_eq!(header.version, 1);
    assert_eq!(header.destination, 6..261);
}
