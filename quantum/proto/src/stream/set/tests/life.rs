//! The life of streams without loss.

use bytes::Bytes;

use super::*;
use crate::stream::{ReadError, WriteError};

#[test]
fn a_request_and_its_response() {
    let (mut client, mut server) = pair(&config());
    let id = client.open(BIDI).unwrap();
    assert_eq!(client.write(id, b"request"), Ok(7));
    client.finish(id).unwrap();
    assert!(!client.all_delivered());
    transfer(&mut client, &mut server);
    assert_eq!(
        events(&mut server),
        [StreamEvent::Opened(BIDI), StreamEvent::Readable(id)]
    );
    assert_eq!(server.accept(BIDI), Some(id));
    assert_eq!(server.accept(BIDI), None);
    let mut buffer = [0; 100];
    assert_eq!(server.read(id, &mut buffer), Ok(7));
    assert_eq!(server.read(id, &mut buffer), Ok(0));
    let mut response = Bytes::from_static(b"response");
    assert_eq!(server.write_chunk(id, &mut response), Ok(8));
    server.finish(id).unwrap();
    transfer(&mut server, &mut client);
    assert_eq!(
        client.read_chunk(id, 100),
        Ok(Some(Bytes::from_static(b"response")))
    );
    assert_eq!(client.read_chunk(id, 100), Ok(None));
    assert_eq!(
        events(&mut client),
        [StreamEvent::Finished(id), StreamEvent::Readable(id)]
    );
    assert!(client.all_delivered() && server.all_delivered());
    assert_eq!(client.sending.len() + client.receiving.len(), 0);
    assert_eq!(server.sending.len() + server.receiving.len(), 0);
}

#[test]
fn a_reset_reaches_the_reader_once() {
    let (mut client, mut server) = pair(&config());
    let id = client.open(UNI).unwrap();
    client.write(id, &[1; 5000]).unwrap();
    transfer(&mut client, &mut server);
    client.write(id, &[1; 5000]).unwrap();
    client.reset(id, 42).unwrap();
    assert_eq!(client.buffered_bytes(), 0);
    assert_eq!(client.write(id, &[1]), Err(WriteError::Closed));
    transfer(&mut client, &mut server);
    assert!(client.all_delivered());
    let mut buffer = [0; 10];
    assert_eq!(server.read(id, &mut buffer), Err(ReadError::Reset(42)));
    assert_eq!(server.read(id, &mut buffer), Err(ReadError::Closed));
    assert_eq!(server.accept(UNI), None, "it ended before it was accepted");
}

#[test]
fn a_stop_is_answered_by_a_reset() {
    let (mut client, mut server) = pair(&config());
    let id = client.open(UNI).unwrap();
    client.write(id, &[1; 5000]).unwrap();
    transfer(&mut client, &mut server);
    server.stop(id, 7).unwrap();
    assert_eq!(server.read(id, &mut [0; 10]), Err(ReadError::Closed));
    client.write(id, &[1; 5000]).unwrap();
    transfer(&mut server, &mut client);
    assert_eq!(events(&mut client), [StreamEvent::Stopped(id, 7)]);
    assert_eq!(client.write(id, &[1]), Err(WriteError::Stopped(7)));
    transfer(&mut client, &mut server);
    assert_eq!(client.write(id, &[1]), Err(WriteError::Closed));
    assert_eq!(client.sending.len() + server.receiving.len(), 0);
}

#[test]
fn readers_are_told_once_until_they_find_nothing() {
    let (mut client, mut server) = pair(&config());
    let id = client.open(UNI).unwrap();
    let send = |client: &mut Streams, server: &mut Streams| {
        client.write(id, &[1; 10]).unwrap();
        transfer(client, server);
        let told = |event: &StreamEvent| *event == StreamEvent::Readable(id);
        events(server).iter().filter(|event| told(event)).count()
    };
    assert_eq!(send(&mut client, &mut server), 1);
    assert_eq!(send(&mut client, &mut server), 0);
    assert_eq!(server.read(id, &mut [0; 100]), Ok(20));
    assert_eq!(send(&mut client, &mut server), 0);
    assert_eq!(server.read(id, &mut [0; 100]), Ok(10));
    assert_eq!(server.read(id, &mut [0; 100]), Err(ReadError::Blocked));
    assert_eq!(send(&mut client, &mut server), 1);
}

#[test]
fn ended_streams_make_room_for_new_ones() {
    let config = TransportConfig {
        bidirectional_streams_max: 4,
        ..config()
    };
    let (mut client, mut server) = pair(&config);
    for round in 0..100 {
        let id = client.open(BIDI).unwrap();
        assert_eq!(id.index(), round);
        client.write(id, b"x").unwrap();
        client.finish(id).unwrap();
        transfer(&mut client, &mut server);
        assert_eq!(server.accept(BIDI), Some(id));
        assert_eq!(server.read(id, &mut [0; 2]), Ok(1));
        assert_eq!(server.read(id, &mut [0; 2]), Ok(0));
        server.finish(id).unwrap();
        transfer(&mut server, &mut client);
        assert_eq!(client.read(id, &mut [0; 2]), Ok(0));
        transfer(&mut client, &mut server);
    }
    assert_eq!(server.admitted[0].announce(), 104);
}

#[test]
fn whoever_could_not_open_hears_when_it_can() {
    let config = TransportConfig {
        unidirectional_streams_max: 1,
        ..config()
    };
    let (mut client, mut server) = pair(&config);
    let id = client.open(UNI).unwrap();
    assert_eq!(client.open(UNI), None);
    client.finish(id).unwrap();
    transfer(&mut client, &mut server);
    assert_eq!(server.read(id, &mut [0; 2]), Ok(0));
    transfer(&mut server, &mut client);
    let heard = events(&mut client);
    assert!(heard.contains(&StreamEvent::Available(UNI)), "{heard:?}");
    assert!(client.open(UNI).is_some());
}

#[test]
fn streams_take_turns() {
    let (mut client, _) = pair(&config());
    let ids: Vec<_> = (0..3).map(|_| client.open(UNI).unwrap()).collect();
    for &id in &ids {
        client.write(id, &[0; 10_000]).unwrap();
    }
    let mut senders = Vec::new();
    for _ in 0..6 {
        for carried in packet(&mut client, 1200).unwrap().contents {
            if let Carried::Stream { id, .. } = carried {
                senders.push(id);
            }
        }
    }
    assert_eq!(senders, [&ids[..], &ids[..]].concat());
}

#[test]
fn lost_bytes_go_before_new_ones() {
    let (mut client, _) = pair(&config());
    let id = client.open(UNI).unwrap();
    client.write(id, &[0; 10_000]).unwrap();
    let first = packet(&mut client, 1200).unwrap();
    packet(&mut client, 1200).unwrap();
    lose(&mut client, &first.contents);
    let again = packet(&mut client, 1200).unwrap();
    assert_eq!(again.contents, first.contents);
    assert_eq!(again.payload, first.payload);
}

#[test]
fn a_frame_that_fills_the_packet_states_no_length() {
    let (mut client, _) = pair(&config());
    let id = client.open(UNI).unwrap();
    client.write(id, &[0; 10_000]).unwrap();
    assert_eq!(packet(&mut client, 1200).unwrap().payload.len(), 1200);
    let payload = packet(&mut client, 1200).unwrap().payload;
    // Type with the offset bit alone, an id of one byte and an offset of two.
    assert_eq!((payload.len(), payload[0]), (1200, 0x0c));
}

#[test]
fn the_send_window_holds_writers_up_and_wakes_them() {
    let config = TransportConfig {
        send_window: 10_000,
        ..config()
    };
    let (mut client, mut server) = pair(&config);
    let id = client.open(UNI).unwrap();
    let other = client.open(UNI).unwrap();
    assert_eq!(client.write(id, &[0; 20_000]), Ok(10_000));
    assert_eq!(client.write(id, &[0]), Err(WriteError::Blocked));
    assert_eq!(client.write(other, &[0]), Err(WriteError::Blocked));
    assert_eq!(events(&mut client), []);
    transfer(&mut client, &mut server);
    assert_eq!(
        events(&mut client),
        [StreamEvent::Writable(id), StreamEvent::Writable(other)]
    );
}

/// Windows of 1 MiB.
fn roomy() -> TransportConfig {
    TransportConfig {
        stream_receive_window: 1 << 20,
        receive_window: 1 << 20,
        send_window: 1 << 20,
        ..config()
    }
}

#[test]
fn copies_wait_to_be_made_until_they_can_be_sent() {
    let (mut client, _) = pair(&roomy());
    let id = client.open(UNI).unwrap();
    let data = vec![0; 1 << 20];
    assert_eq!(client.write(id, &data), Ok(256 << 10));
    assert_eq!(client.write(id, &data), Err(WriteError::Blocked));
    let mut sent = 0;
    while events(&mut client).is_empty() {
        sent += packet(&mut client, 1200).unwrap().payload.len();
    }
    assert!((128 << 10..132 << 10).contains(&sent), "{sent}");
    while packet(&mut client, 1200).is_some() {}
    assert_eq!(client.write(id, &data), Ok(256 << 10));
}

#[test]
fn what_is_handed_over_without_a_copy_is_taken_as_a_whole() {
    let (mut client, _) = pair(&roomy());
    let id = client.open(UNI).unwrap();
    let mut data = Bytes::from(vec![0; 1 << 20]);
    assert_eq!(client.write_chunk(id, &mut data), Ok(1 << 20));
}

#[test]
fn rejected_early_data_is_sent_again_within_the_new_limits() {
    let remembered = config();
    let real = TransportConfig {
        unidirectional_streams_max: 1,
        stream_receive_window: 8000,
        ..config()
    };
    let mut client = Streams::new(Side::Client, &remembered);
    client.set_peer_limits(limits(&remembered));
    let ids: Vec<_> = (0..3).map(|_| client.open(UNI).unwrap()).collect();
    for &id in &ids {
        client.write(id, &[id.index() as u8; 10_000]).unwrap();
        client.finish(id).unwrap();
    }
    let lost: Vec<_> = (0..15)
        .map(|_| packet(&mut client, 1200).unwrap())
        .collect();
    client.retransmit_all_for_early_data_rejected();
    client.set_peer_limits(limits(&real));
    for packet in &lost {
        lose(&mut client, &packet.contents);
    }
    let mut server = Streams::new(Side::Server, &real);
    let mut received = [0; 3];
    for _ in 0..100 {
        transfer(&mut client, &mut server);
        for &id in &ids {
            while let Ok(count @ 1..) = server.read(id, &mut [0; 1000]) {
                received[id.index() as usize] += count;
            }
        }
        transfer(&mut server, &mut client);
    }
    assert_eq!(received, [10_000; 3]);
    assert!(client.all_delivered());
}

#[test]
fn a_stream_beyond_the_limits_after_rejected_early_data_takes_no_room_of_others() {
    let remembered = TransportConfig {
        send_window: 5000,
        ..config()
    };
    let real = TransportConfig {
        unidirectional_streams_max: 1,
        ..config()
    };
    let mut client = Streams::new(Side::Client, &remembered);
    client.set_peer_limits(limits(&remembered));
    let [first, second] = [(); 2].map(|()| client.open(UNI).unwrap());
    assert_eq!(client.write(second, &[7; 9000]), Ok(5000));
    assert_eq!(client.write(first, &[7]), Err(WriteError::Blocked));
    client.retransmit_all_for_early_data_rejected();
    client.set_peer_limits(limits(&real));
    assert_eq!(events(&mut client), [StreamEvent::Writable(first)]);
    assert_eq!(client.write(first, &[7; 3000]), Ok(3000));
    assert_eq!(client.write(second, &[7; 9000]), Err(WriteError::Blocked));
    client.finish(first).unwrap();
    let mut server = Streams::new(Side::Server, &real);
    transfer(&mut client, &mut server);
    while matches!(server.read(first, &mut [0; 1000]), Ok(1..)) {}
    transfer(&mut server, &mut client);
    transfer(&mut client, &mut server);
    assert!(matches!(server.read(second, &mut [0; 1000]), Ok(1000)));
}

#[test]
fn a_stream_beyond_the_limits_after_rejected_early_data_says_nothing() {
    let remembered = TransportConfig {
        stream_receive_window: 1000,
        ..config()
    };
    let real = TransportConfig {
        unidirectional_streams_max: 1,
        ..config()
    };
    let mut client = Streams::new(Side::Client, &remembered);
    client.set_peer_limits(limits(&remembered));
    let ids: Vec<_> = (0..2).map(|_| client.open(UNI).unwrap()).collect();
    for &id in &ids {
        client.write(id, &[7; 1000]).unwrap();
        assert_eq!(client.write(id, &[7]), Err(WriteError::Blocked));
    }
    client.set_peer_limits(limits(&real));
    client.retransmit_all_for_early_data_rejected();
    let mut server = Streams::new(Side::Server, &real);
    while let Some(sent) = packet(&mut client, 1200) {
        assert_eq!(receive(&mut server, &sent.payload), Ok(()));
    }
}

#[test]
fn accepted_early_data_wakes_writers_at_the_new_limit() {
    let remembered = TransportConfig {
        stream_receive_window: 1000,
        ..config()
    };
    let mut client = Streams::new(Side::Client, &config());
    client.set_peer_limits(limits(&remembered));
    let id = client.open(UNI).unwrap();
    assert_eq!(client.write(id, &[0; 2000]), Ok(1000));
    assert_eq!(client.write(id, &[0; 1000]), Err(WriteError::Blocked));
    client.set_peer_limits(limits(&config()));
    assert_eq!(events(&mut client), [StreamEvent::Writable(id)]);
}

#[test]
fn no_streams_cost_no_memory() {
    assert!(size_of::<Streams>() <= 1200, "{}", size_of::<Streams>());
}

/// Frames in what is to be sent that say that something is blocked.
fn count_blocked(streams: &mut Streams) -> usize {
    let packets = std::iter::from_fn(|| packet(streams, 1200));
    let payloads: Vec<u8> = packets.flat_map(|packet| packet.payload).collect();
    let is_blocked = |frame: &Frame<'_>| {
        matches!(
            frame,
            Frame::StreamDataBlocked { .. } | Frame::StreamsBlocked { .. }
        )
    };
    let frames = Frames::new(&payloads).map(Result::unwrap);
    frames.filter(is_blocked).count()
}

#[test]
fn who_tries_again_and_again_tells_the_peer_once_for_each_limit() {
    let config = config()
        .with_stream_receive_window(1_000)
        .with_unidirectional_streams_max(1);
    let (mut client, _) = pair(&config);
    let id = client.open(UNI).unwrap();
    let attempt = |client: &mut Streams| {
        while client.write(id, &[1; 100]).is_ok() {}
        assert_eq!(client.open(UNI), None);
        count_blocked(client)
    };
    assert_eq!(attempt(&mut client), 2, "of bytes, and of streams");
    assert_eq!([0; 3].map(|_| attempt(&mut client)), [0; 3]);
    client.on_max_stream_data(id, 1_500).unwrap();
    assert_eq!(attempt(&mut client), 1);
    client.on_max_stream_data(id, 1_500).unwrap();
    assert_eq!(attempt(&mut client), 0);
}
