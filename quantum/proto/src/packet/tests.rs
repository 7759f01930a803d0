use proptest::prelude::*;

use super::header::HeaderError;
use super::*;
use crate::connection_id::ConnectionId;
use crate::wire::write_varint;

const TAG_BYTES: usize = 16;

fn id(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

/// The mask of RFC 9001 section 5.4.1, with a sample as its own cipher text.
fn mask(sample: &[u8], first: &mut u8, number: &mut [u8], protected: bool) {
    let bits = if *first & LONG_HEADER != 0 {
        0x0f
    } else {
        0x1f
    };
    let plain = if protected {
        *first ^ (sample[0] & bits)
    } else {
        *first
    };
    *first ^= sample[0] & bits;
    let size = usize::from(plain & 3) + 1;
    for (byte, mask) in number.iter_mut().take(size).zip(&sample[1..5]) {
        *byte ^= mask;
    }
}

fn cover(sample: &[u8], first: &mut u8, number: &mut [u8]) -> Result<(), HeaderError> {
    mask(sample, first, number, false);
    Ok(())
}

fn uncover(sample: &[u8], first: &mut u8, number: &mut [u8]) -> Result<(), HeaderError> {
    mask(sample, first, number, true);
    Ok(())
}

/// Writes a packet with the payload and a tag of 0xdd, both left plain.
fn write(buffer: &mut Vec<u8>, header: &OpenHeader<'_>, payload: &[u8]) {
    let start = buffer.len();
    let packet = OpenPacket::begin(buffer, header);
    assert_eq!(packet.payload_offset() - start, header.size());
    assert_eq!(packet.header(), start..packet.payload_offset());
    buffer.extend_from_slice(payload);
    packet.finish(buffer, TAG_BYTES);
    buffer.resize(buffer.len() + TAG_BYTES, 0xdd);
    packet.protect(buffer, cover).unwrap();
}

fn decode_protected(datagram: &[u8], local_id_bytes: usize) -> PartialHeader {
    match Header::decode(datagram, local_id_bytes) {
        Ok(Header::Protected(header)) => header,
        other => panic!("a packet with frames: {other:?}"),
    }
}

fn kind() -> impl Strategy<Value = PacketKind> {
    prop_oneof![
        Just(PacketKind::Initial),
        Just(PacketKind::ZeroRtt),
        Just(PacketKind::Handshake),
        Just(PacketKind::OneRtt),
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
        let (destination, source) = (id(&ids.0), id(&ids.1));
        // A packet with a short header has no length: it can only be the last.
        prop_assume!(kinds.0 != PacketKind::OneRtt);
        let mut datagram = Vec::new();
        let header = |kind| OpenHeader {
            kind,
            destination: &destination,
            source: &source,
            token: &token,
            number: EncodedNumber::new(number, number.checked_sub(9)),
            key_phase,
        };
        write(&mut datagram, &header(kinds.0), &payload);
        write(&mut datagram, &header(kinds.1), &payload);

        let mut rest = datagram.as_mut_slice();
        for kind in [kinds.0, kinds.1] {
            let partial = decode_protected(rest, destination.len());
            prop_assert_eq!(partial.kind, kind);
            prop_assert_eq!(partial.destination, destination);
            if kind != PacketKind::OneRtt {
                prop_assert_eq!(partial.source, source);
            }
            if kind == PacketKind::Initial {
                prop_assert_eq!(&rest[partial.token.clone()], &token[..]);
            }
            let plain = partial.unprotect(rest, uncover).unwrap();
            prop_assert_eq!(plain.number.expand(number), number);
            prop_assert!(!plain.has_reserved_bits());
            prop_assert_eq!(plain.key_phase(), kind == PacketKind::OneRtt && key_phase);
            let sealed = &rest[plain.header_bytes..partial.packet_bytes];
            prop_assert!(sealed.starts_with(&payload) && sealed.ends_with(&[0xdd; TAG_BYTES]));
            rest = &mut rest[partial.packet_bytes..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn junk_is_read_without_panic(
        mut datagram in bytes(80), own_version: bool, local_id_bytes in 0usize..=20,
    ) {
        if own_version && datagram.len() > 5 {
            datagram[0] |= LONG_HEADER | FIXED_BIT;
            datagram[1..5].copy_from_slice(&VERSION.to_be_bytes());
        }
        if let Ok(Header::Protected(partial)) = Header::decode(&datagram, local_id_bytes) {
            let bytes = partial.packet_bytes;
            prop_assert!(bytes <= datagram.len());
            let _ = partial.unprotect(&mut datagram, uncover);
        }
    }

    #[test]
    fn version_negotiation_comes_back_swapped(
        ids in (prop::collection::vec(any::<u8>(), 0..=255), bytes(255)),
        versions in prop::collection::vec(any::<u32>(), 1..5),
        random: u8,
    ) {
        let mut datagram = Vec::new();
        write_version_negotiation(&mut datagram, random, &ids.0, &ids.1, &versions);
        let Ok(Header::VersionNegotiation(packet)) = Header::decode(&datagram, 8) else {
            panic!("version negotiation");
        };
        prop_assert_eq!((packet.source, packet.destination), (&ids.0[..], &ids.1[..]));
        prop_assert_eq!(packet.versions().collect::<Vec<_>>(), versions);
    }

    #[test]
    fn retry_comes_back(
        ids in (bytes(20), bytes(20)), token in prop::collection::vec(any::<u8>(), 1..99), random: u8,
    ) {
        let mut datagram = Vec::new();
        write_retry(&mut datagram, random, &id(&ids.0), &id(&ids.1), &token);
        let without_tag = datagram.clone();
        datagram.extend_from_slice(&[7; Retry::TAG_BYTES]);
        prop_assert_eq!(
            Header::decode(&datagram, 8),
            Ok(Header::Retry(Retry {
                destination: id(&ids.0),
                source: id(&ids.1),
                token: &token,
                without_tag: &without_tag,
                tag: [7; Retry::TAG_BYTES],
            }))
        );
    }
}

/// RFC 9001 appendix A.5, a short header with an empty connection id.
#[test]
fn the_header_of_rfc_9001_appendix_a5_is_uncovered() {
    let mut datagram = [
        0x4c, 0xfe, 0x41, 0x89, 0x65, 0x5e, 0x5c, 0xd5, 0x5c, 0x41, 0xf6, 0x90, 0x80, 0x57, 0x5d,
        0x79, 0x99, 0xc2, 0x5a, 0x5b, 0xfb,
    ];
    let partial = decode_protected(&datagram, 0);
    let plain = partial
        .unprotect(&mut datagram, |sample, first, number| {
            assert_eq!(sample[..4], [0x5e, 0x5c, 0xd5, 0x5c]);
            assert_eq!(sample.len(), SAMPLE_BYTES);
            *first ^= 0xae & 0x1f;
            for (byte, mask) in number.iter_mut().zip([0xfe, 0xfe, 0x7d]) {
                *byte ^= mask;
            }
            Ok::<(), HeaderError>(())
        })
        .unwrap();
    assert_eq!(datagram[..4], [0x42, 0x00, 0xbf, 0xf4]);
    assert_eq!(plain.header_bytes, 4);
    assert_eq!(plain.number.expand(654_360_564), 654_360_564);
}

#[test]
fn reserved_bits_are_seen_in_both_headers() {
    for (first, reserved) in [
        (0x40, false),
        (0x48, true),
        (0x50, true),
        (0x60, false),
        (0xc0, false),
        (0xc4, true),
        (0xc8, true),
        (0xf3, false),
    ] {
        let partial = PartialHeader {
            kind: PacketKind::OneRtt,
            destination: id(&[]),
            source: id(&[]),
            token: 0..0,
            number_offset: 1,
            packet_bytes: 30,
        };
        let mut datagram = [0; 30];
        let plain = partial.unprotect(&mut datagram, |_, byte, _| {
            *byte = first;
            Ok::<(), HeaderError>(())
        });
        assert_eq!(plain.unwrap().has_reserved_bits(), reserved, "{first:#x}");
    }
}

/// A long header of this version up to the second connection id.
fn long_start(kind_bits: u8) -> Vec<u8> {
    let mut datagram = vec![LONG_HEADER | FIXED_BIT | kind_bits];
    datagram.extend_from_slice(&VERSION.to_be_bytes());
    datagram.extend_from_slice(&[1, 0xaa, 1, 0xbb]);
    datagram
}

#[test]
fn malformed_packets_are_refused() {
    let mut beyond = long_start(0x20);
    write_varint(&mut beyond, 9);
    beyond.extend_from_slice(&[0; 8]);
    let mut long_id = long_start(0x20);
    long_id[5] = 21;
    long_id.resize(100, 0);
    let mut not_fixed = long_start(0x20);
    not_fixed[0] &= !FIXED_BIT;
    let mut no_token = long_start(0x30);
    no_token.resize(no_token.len() + Retry::TAG_BYTES, 0);
    let no_versions = vec![LONG_HEADER, 0, 0, 0, 0, 0, 0];
    let mut half_a_version = no_versions.clone();
    half_a_version.extend_from_slice(&[1, 2, 3, 4, 5, 6]);

    for (datagram, error) in [
        (vec![], HeaderError::TooShort),
        (vec![0x3f; 40], HeaderError::FixedBitClear),
        (vec![0x40; 8], HeaderError::TooShort),
        (long_start(0x20)[..6].to_vec(), HeaderError::TooShort),
        (long_start(0x30), HeaderError::TooShort),
        (beyond, HeaderError::LongerThanDatagram),
        (long_id, HeaderError::ConnectionIdTooLong),
        (not_fixed, HeaderError::FixedBitClear),
        (no_token, HeaderError::Empty),
        (no_versions, HeaderError::Empty),
        (half_a_version, HeaderError::TooShort),
    ] {
        assert_eq!(Header::decode(&datagram, 8), Err(error), "{datagram:02x?}");
    }
}

#[test]
fn a_packet_without_room_for_a_sample_is_refused() {
    for bytes in 0..=29 {
        let mut datagram = vec![0x40; bytes];
        let outcome = Header::decode(&datagram.clone(), 8).and_then(|header| match header {
            Header::Protected(partial) => partial.unprotect(&mut datagram, uncover),
            other => panic!("a short header: {other:?}"),
        });
        assert_eq!(outcome.is_ok(), bytes == 29, "{bytes}");
    }
}

#[test]
fn other_versions_keep_their_long_ids() {
    let mut datagram = vec![LONG_HEADER, 0, 0, 0, 1, 255];
    datagram.resize(datagram.len() + 255, 1);
    datagram.extend_from_slice(&[2, 7, 7, 9]);
    assert_eq!(
        Header::decode(&datagram, 8),
        Ok(Header::UnknownVersion {
            version: 1,
            destination: &[1; 255],
            source: &[7, 7],
        })
    );
}
