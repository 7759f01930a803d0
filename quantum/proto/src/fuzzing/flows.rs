//! Streams and messages of two ends, with packets that are lost, repeated and delayed between
//! them.

mod link;

use super::script::Script;
use crate::frame::Frames;
use crate::stream::{Direction, Side};
use link::{End, Link};

/// Rounds after which everything must have arrived.
const ROUNDS_MAX: usize = 2_000;
/// Operations after which a script is stopped.
const OPERATIONS_MAX: usize = 400;

/// Two honest ends: what one writes the other reads, byte for byte, whatever happens to packets;
/// and when packets arrive at last, so does everything.
pub(super) fn flows(input: &[u8]) {
    let mut script = Script::new(input);
    let mut link = Link::new();
    for _ in 0..OPERATIONS_MAX {
        let Some(operation) = script.operation() else {
            break;
        };
        step(&mut link, operation, &mut script);
    }
    let settled = (0..ROUNDS_MAX).any(|_| link.settle());
    assert!(settled, "something is never delivered: {link:?}");
    link.check_messages();
}

fn step(link: &mut Link, operation: u8, script: &mut Script<'_>) {
    let side = if operation & 0x80 == 0 {
        Side::Client
    } else {
        Side::Server
    };
    match operation & 0x0f {
        0 => link.open(side, Direction::Bidirectional),
        1 => link.open(side, Direction::Unidirectional),
        2 | 3 => link.write(side, script.byte(), script.short() % 3_000),
        4 if operation & 0x20 != 0 => link.set_urgency(side, script.byte(), script.byte()),
        4 => link.finish(side, script.byte()),
        5 => link.reset(side, script.byte()),
        6 => link.stop(side, script.byte()),
        7 => link.read(side, script.byte(), script.short()),
        8 | 9 => link.transmit(side, 40 + usize::from(script.short() % 1_200)),
        10 | 11 => link.deliver(side, script.byte(), operation & 0x10 == 0),
        12 => link.lose(side, script.byte()),
        13 if operation & 0x20 != 0 => link.send_urgent_message(side, script),
        13 => link.send_message(side, script.short() % 2_100, operation & 0x10 == 0),
        14 => link.receive_messages(side),
        _ if operation & 0x20 != 0 => link.pass_time(script.byte()),
        _ => link.acknowledge(side),
    }
}

/// One end and frames that nobody honest sends: errors, but neither panic nor growth without
/// bound.
pub(super) fn hostile(input: &[u8]) {
    let mut script = Script::new(input);
    let mut end = End::new(Side::Server);
    let mut packet = Vec::new();
    let mut written = 0;
    while let Some(operation) = script.operation() {
        match operation % 8 {
            0 => end.read_everything(),
            1 => {
                end.send_something(operation & 8 == 0, operation & 0x70);
                written += end.write_on_all(&[5; 300]);
            }
            2 => {
                end.pass_time(operation >> 4);
                packet.clear();
                let contents = end.transmit(1_200, &mut packet);
                end.give_up(&contents, operation & 8 == 0);
            }
            _ => {
                let payload = script.bytes(255);
                let frames = Frames::new(payload).map_while(Result::ok);
                if frames.map(|frame| end.apply(&frame)).any(|it| it.is_err()) {
                    return;
                }
            }
        }
        assert!(end.streams.buffered_bytes() <= written);
    }
}
