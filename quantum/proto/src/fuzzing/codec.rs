//! Everything that is read from datagrams.

use super::script::Script;
use crate::connection_id::ConnectionId;
use crate::frame::{Frame, Frames};
use crate::packet::{
    self, Header, PacketKind, PacketWriter, Plain, ProtectedHeader, Retry, SAMPLE_BYTES, VERSION,
};
use crate::parameters::TransportParameters;
use crate::stream::Side;
use crate::wire::varint_size;

/// Frames are read without panic, and written again they are the same.
pub(super) fn frames(input: &[u8]) {
    let read: Vec<Frame<'_>> = Frames::new(input).map_while(Result::ok).collect();
    let mut again = Vec::new();
    for frame in &read {
        frame.encode(&mut again);
        check_bounds(frame, input.len());
    }
    let read_again: Vec<_> = Frames::new(&again).map_while(Result::ok).collect();
    assert_eq!(read, read_again);
    assert!(Frames::new(input).filter(Result::is_err).count() <= 1);
}

fn check_bounds(frame: &Frame<'_>, most: usize) {
    match frame {
        Frame::Stream(stream) => assert!(stream.data.len() <= most),
        Frame::Ack(ack) => assert!(ack.ranges().count() <= 65),
        Frame::NewConnectionId(new) => assert!(!new.id.is_empty()),
        _ => {}
    }
}

/// Parameters are read without panic, and written again they are the same.
pub(super) fn parameters(input: &[u8]) {
    for sender in [Side::Client, Side::Server] {
        let Ok(read) = TransportParameters::decode(sender, input) else {
            continue;
        };
        let mut again = Vec::new();
        read.encode(&mut again);
        assert_eq!(TransportParameters::decode(sender, &again), Ok(read));
    }
}

/// A header stays within its datagram; Retry and Version Negotiation are looked at as a client
/// does.
pub(super) fn header(input: &[u8]) {
    let Some((&id_bytes, datagram)) = input.split_first() else {
        return;
    };
    let mut datagram = datagram.to_vec();
    let id_bytes = usize::from(id_bytes) % (ConnectionId::BYTES_MAX + 1);
    let Ok(header) = ProtectedHeader::decode(&datagram, id_bytes) else {
        return;
    };
    assert!(datagram.get(header.destination.clone()).is_some());
    assert!(datagram.get(header.token.clone()).is_some());
    assert!(header.number_offset <= header.packet_bytes);
    assert!(header.packet_bytes <= datagram.len());
    match header.kind {
        PacketKind::Retry => {
            if let Some(original) = ConnectionId::new(&[7; 8]) {
                let _ = Retry::decode(&header, &datagram, &original);
            }
        }
        PacketKind::VersionNegotiation => {
            let _ = packet::offers_our_version(&header, &datagram);
        }
        _ => {
            let plain = header.unprotect(&mut datagram, uncover);
            check_plain(&header, plain.as_ref());
        }
    }
}

fn check_plain(header: &ProtectedHeader, plain: Option<&Plain>) {
    assert!(plain.is_some(), "a header that was read has a sample");
    if let Some(plain) = plain {
        assert!(plain.payload_start() <= header.packet_bytes);
        for expected in [0, 1 << 20, (1 << 62) - 1] {
            assert!(plain.number(expected) < 1 << 62);
        }
    }
}

/// A mask that is its own inverse: the sample in place of its cipher text (RFC 9001
/// section 5.4.1).
fn uncover(sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
    *first ^= mask_of(sample, *first);
    let bytes = usize::from(*first & 3) + 1;
    cover_number(sample, number, bytes);
    true
}

fn cover(sample: &[u8], first: &mut u8, number: &mut [u8]) {
    cover_number(sample, number, usize::from(*first & 3) + 1);
    *first ^= mask_of(sample, *first);
}

fn mask_of(sample: &[u8], first: u8) -> u8 {
    let bits = if first & 0x80 == 0 { 0x1f } else { 0x0f };
    sample.first().map_or(0, |byte| byte & bits)
}

fn cover_number(sample: &[u8], number: &mut [u8], bytes: usize) {
    let mask = sample.iter().skip(1);
    for (byte, mask) in number.iter_mut().take(bytes).zip(mask) {
        *byte ^= mask;
    }
}

/// A packet that was written is read as it was meant.
pub(super) fn packet(input: &[u8]) {
    let mut script = Script::new(input);
    let kinds = [
        PacketKind::Initial,
        PacketKind::ZeroRtt,
        PacketKind::Handshake,
        PacketKind::Short,
    ];
    let kind = kinds[usize::from(script.byte()) % kinds.len()];
    let (number, key_phase) = (script.number(), script.byte() & 1 == 1);
    // More cannot be told apart by four bytes.
    let in_flight = script.number() & ((1 << 30) - 1);
    let ids = [(); 2].map(|()| ConnectionId::new(script.bytes(ConnectionId::BYTES_MAX)));
    let [Some(destination), Some(source)] = ids else {
        return;
    };
    let header = Header {
        kind,
        destination,
        source,
        token: script.bytes(200),
        number,
        acknowledged: number.checked_sub(in_flight + 1),
        key_phase,
    };
    let payload = script.bytes(255);
    read_back(&header, &write(&header, payload), payload);
}

fn write(header: &Header<'_>, payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    let packet = PacketWriter::start(header, &mut buffer);
    buffer.extend_from_slice(payload);
    let end = buffer.len().max(packet.shortest_payload_end(SAMPLE_BYTES));
    buffer.resize(end + SAMPLE_BYTES, 0);
    packet.finish_length(&mut buffer);
    packet.protect(&mut buffer, cover);
    buffer
}

fn read_back(written: &Header<'_>, datagram: &[u8], payload: &[u8]) {
    let mut datagram = datagram.to_vec();
    let read = ProtectedHeader::decode(&datagram, written.destination.len());
    let Ok(header) = read else {
        assert_eq!(read.err(), None, "a written header is read");
        return;
    };
    assert_eq!((header.kind, header.version), (written.kind, VERSION));
    assert_eq!(header.packet_bytes, datagram.len());
    if written.kind == PacketKind::Initial {
        assert_eq!(datagram.get(header.token.clone()), Some(written.token));
        let before = 7 + written.destination.len() + written.source.len();
        let start = before + varint_size(written.token.len() as u64);
        assert_eq!(header.token.start, start);
    }
    let plain = header.unprotect(&mut datagram, uncover);
    check_plain(&header, plain.as_ref());
    if let Some(plain) = plain {
        let expected = written
            .acknowledged
            .map_or(number_floor(written.number), |it| it + 1);
        assert_eq!(plain.number(expected), written.number);
        assert_eq!(plain.reserved_bits(), 0);
        let sealed = datagram.get(plain.payload_start()..);
        assert!(sealed.is_some_and(|sealed| sealed.starts_with(payload)));
    }
}

/// What a receiver expects that has received nothing, if the sender knows of nothing either: only
/// the first numbers are sent so.
fn number_floor(number: u64) -> u64 {
    number.saturating_sub(1 << 30)
}
