//! Peers that break the rules, or keep to them to do harm (T9, T10).

use super::*;
use crate::error::TransportErrorCode;
use crate::stream::counts::STREAMS_MAX;

fn server() -> Streams {
    pair(&config()).1
}

fn client_stream(direction: Direction, index: u64) -> StreamId {
    StreamId::new(Side::Client, direction, index)
}

#[track_caller]
fn assert_code<T: std::fmt::Debug>(result: Result<T, TransportError>, code: TransportErrorCode) {
    assert_eq!(result.unwrap_err().code, code);
}

#[test]
fn streams_that_do_not_permit_a_frame_are_state_errors() {
    let mut server = server();
    let code = TransportErrorCode::STREAM_STATE_ERROR;
    let ours = StreamId::new(Side::Server, UNI, 0);
    assert_code(server.on_stream(&stream(ours, 0, &[1], false)), code);
    assert_code(server.on_reset_stream(ours, 0, 0), code);
    assert_code(server.on_stream_data_blocked(ours), code);
    assert_code(server.on_stop_sending(ours, 0), code);
    assert_code(server.on_max_stream_data(ours, 9), code);
    let unopened = StreamId::new(Side::Server, BIDI, 0);
    assert_code(server.on_stream(&stream(unopened, 0, &[1], false)), code);
    let theirs = client_stream(UNI, 0);
    assert_code(server.on_stop_sending(theirs, 0), code);
    assert_code(server.on_max_stream_data(theirs, 9), code);
}

#[test]
fn too_many_streams_are_a_stream_limit_error() {
    let mut server = server();
    let max = config().bidirectional_streams_max;
    let last = client_stream(BIDI, max - 1);
    server.on_stream(&stream(last, 0, &[1], false)).unwrap();
    let code = TransportErrorCode::STREAM_LIMIT_ERROR;
    let beyond = client_stream(BIDI, max);
    assert_code(server.on_stream(&stream(beyond, 0, &[1], false)), code);
    let far = StreamId(client_stream(BIDI, STREAMS_MAX - 1).value());
    assert_code(server.on_stop_sending(far, 0), code);
}

#[test]
fn opening_the_last_of_many_streams_makes_state_for_one() {
    let config = TransportConfig {
        bidirectional_streams_max: STREAMS_MAX,
        ..config()
    };
    let mut server = Streams::new(Side::Server, &config);
    let far = client_stream(BIDI, STREAMS_MAX - 1);
    server.on_stream(&stream(far, 0, &[1], false)).unwrap();
    assert_eq!((server.receiving.len(), server.sending.len()), (1, 1));
    assert_eq!(server.accept(BIDI), Some(client_stream(BIDI, 0)));
    assert_eq!(server.accept(BIDI), Some(client_stream(BIDI, 1)));
    assert_eq!(server.receiving.len(), 3);
}

#[test]
fn more_than_a_limit_is_a_flow_control_error() {
    let config = TransportConfig {
        receive_window: 1500,
        stream_receive_window: 1000,
        ..config()
    };
    let code = TransportErrorCode::FLOW_CONTROL_ERROR;
    let server = || Streams::new(Side::Server, &config);
    let id = client_stream(UNI, 0);
    server().on_stream(&stream(id, 999, &[1], false)).unwrap();
    assert_code(server().on_stream(&stream(id, 1000, &[1], false)), code);
    assert_code(server().on_reset_stream(id, 0, 1001), code);
    assert_code(
        server().on_stream(&stream(id, u64::MAX, &[1; 9], true)),
        code,
    );
    let mut server = server();
    server.on_stream(&stream(id, 999, &[1], false)).unwrap();
    let other = client_stream(UNI, 1);
    server.on_stream(&stream(other, 499, &[1], false)).unwrap();
    assert_code(server.on_stream(&stream(other, 500, &[1], false)), code);
}

#[test]
fn a_size_that_changes_is_a_final_size_error() {
    let code = TransportErrorCode::FINAL_SIZE_ERROR;
    let id = client_stream(UNI, 0);
    let at_ten = || {
        let mut server = server();
        server.on_stream(&stream(id, 0, &[1; 10], true)).unwrap();
        server
    };
    at_ten().on_stream(&stream(id, 0, &[1; 10], true)).unwrap();
    assert_code(at_ten().on_stream(&stream(id, 10, &[1], false)), code);
    assert_code(at_ten().on_stream(&stream(id, 0, &[1], true)), code);
    assert_code(at_ten().on_stream(&stream(id, 11, &[], true)), code);
    assert_code(at_ten().on_reset_stream(id, 0, 11), code);
    let mut server = server();
    server.on_stream(&stream(id, 0, &[1; 10], false)).unwrap();
    assert_code(server.on_reset_stream(id, 0, 9), code);
}

#[test]
fn fragments_with_holes_end_the_connection_while_memory_is_small() {
    let mut server = server();
    let id = client_stream(UNI, 0);
    let mut send = |index: u64| server.on_stream(&stream(id, 2 * index + 1, &[1], false));
    let refused = (0..1000).find_map(|index| send(index).err());
    let code = TransportErrorCode::PROTOCOL_VIOLATION;
    assert_eq!(refused.map(|error| error.code), Some(code));
}

#[test]
fn streams_that_nobody_reads_hold_no_more_than_the_window() {
    let config = config();
    let mut server = Streams::new(Side::Server, &config);
    let block = [1; 1000];
    let mut total = 0;
    'filling: for round in 0..100_000 {
        for index in 0..config.unidirectional_streams_max {
            let id = client_stream(UNI, index);
            if server
                .on_stream(&stream(id, round * 1000, &block, false))
                .is_err()
            {
                break 'filling;
            }
            total += block.len() as u64;
        }
    }
    assert!(total <= config.receive_window);
    let memory: usize = server.receiving.values().map(|r| r.buffer.memory()).sum();
    assert!((memory as u64) < 2 * config.receive_window, "{memory}");
}

#[test]
fn late_frames_of_ended_streams_are_ignored() {
    let (mut client, mut server) = pair(&config());
    let id = client.open(BIDI).unwrap();
    client.finish(id).unwrap();
    let late = packet(&mut client, 1200).unwrap();
    receive(&mut server, &late.payload).unwrap();
    acknowledge(&mut client, &late.contents);
    assert_eq!(server.read(id, &mut [0; 1]), Ok(0));
    server.reset(id, 1).unwrap();
    transfer(&mut server, &mut client);
    events(&mut server);
    receive(&mut server, &late.payload).unwrap();
    server.on_stop_sending(id, 3).unwrap();
    server.on_reset_stream(id, 3, 0).unwrap();
    server.on_max_stream_data(id, 1 << 40).unwrap();
    acknowledge(&mut server, &late.contents);
    lose(&mut client, &late.contents);
    assert_eq!(events(&mut server), []);
    assert_eq!(server.receiving.len() + server.sending.len(), 0);
}

#[test]
fn raised_limits_do_not_pile_up_blocked_writers() {
    let config = TransportConfig {
        send_window: 1000,
        ..config()
    };
    let (mut client, _) = pair(&config);
    let id = client.open(UNI).unwrap();
    client.write(id, &[0; 1000]).unwrap();
    client.write(id, &[0; 1000]).unwrap_err();
    for bytes in 0..1000 {
        client.on_max_stream_data(id, (1 << 40) + bytes).unwrap();
    }
    assert_eq!(client.waiting.len(), 1);
}

#[test]
fn opened_streams_are_told_of_once() {
    let mut server = server();
    for index in 0..config().unidirectional_streams_max {
        let id = client_stream(UNI, index);
        server.on_reset_stream(id, 1, 0).unwrap();
        server.on_reset_stream(id, 1, 0).unwrap();
    }
    let opened = |event: &StreamEvent| *event == StreamEvent::Opened(UNI);
    assert_eq!(events(&mut server).iter().filter(|e| opened(e)).count(), 1);
}
