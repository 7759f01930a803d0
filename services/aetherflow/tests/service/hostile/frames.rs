//! Frames that no editor would send.

use futures::SinkExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::Scene;
use crate::editor::Editor;
use crate::server::Setup;
use crate::socket::{Knock, close_code, send};
use crate::wire;

const MALFORMED: u16 = 4400;

impl Scene {
    /// The code with which a socket is closed after it has sent this frame.
    async fn answer_to(&self, frame: &[u8]) -> u16 {
        let mut socket = Knock::by(&self.owner, &self.document).open().await;
        send(&mut socket, frame.to_vec()).await;
        close_code(&mut socket).await
    }
}

/// The update of a small edit.
fn small_update() -> Vec<u8> {
    Editor::default().replace(0, 0, "harmless")
}

#[tokio::test]
async fn every_truncation_of_a_message_is_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    let whole = [
        wire::update(&small_update()),
        wire::step_1(&[1, 7, 3]),
        wire::presence(7, 1, r#"{"user":{"name":"Mallory"}}"#),
    ];
    for message in whole {
        for length in 1..message.len() {
            let code = scene.answer_to(&message[..length]).await;
            assert_eq!(code, MALFORMED, "{length} bytes of {message:?}");
        }
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn every_truncation_of_an_update_is_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    let update = small_update();
    for length in 0..update.len() {
        for message in [
            wire::update(&update[..length]),
            wire::step_2(&update[..length]),
        ] {
            assert_eq!(
                scene.answer_to(&message).await,
                MALFORMED,
                "{length} bytes of {update:?}"
            );
        }
    }
    assert_eq!(
        scene
            .answer_to(&wire::update(&[&update[..], &[0]].concat()))
            .await,
        MALFORMED
    );
    scene.goes_on().await;
}

#[tokio::test]
async fn unknown_and_impossible_messages_are_refused() {
    /// As many as fit into a number: 2^63.
    const MANY: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    /// A number without end.
    const ENDLESS: &[u8] = &[0xff; 11];
    let mut scene = Scene::set(Setup::default()).await;
    let unknown = [2_u8, 4, 5, 99, 100, 127].map(|kind| vec![kind, 0]);
    let others = [
        ("sync of type 3", vec![0, 3, 0]),
        ("type 2^63", MANY.to_vec()),
        ("type without end", ENDLESS.to_vec()),
        ("body of 2^63 bytes", [&[0, 2], MANY].concat()),
        ("2^63 clients in a state vector", wire::step_1(MANY)),
        ("2^63 clients in an update", wire::update(MANY)),
        (
            "2^63 deletions in an update",
            wire::update(&[&[0], MANY].concat()),
        ),
        ("2^63 states", [&[1, 10], MANY].concat()),
        ("a state that is no text", vec![1, 5, 1, 7, 1, 1, 0xff]),
        ("a state that is no JSON", wire::presence(7, 1, "{nonsense")),
        (
            "a state too deep to read",
            wire::presence(7, 1, &"[".repeat(5_000)),
        ),
        (
            "a client that is no JavaScript number",
            wire::presence(1 << 53, 1, "{}"),
        ),
        (
            "a clock of 33 bits",
            vec![1, 10, 1, 7, 0xff, 0xff, 0xff, 0xff, 0x1f, 2, b'{', b'}'],
        ),
    ];
    let unknown = unknown.into_iter().map(|frame| ("unknown type", frame));
    for (what, frame) in unknown.chain(others) {
        assert_eq!(
            scene.answer_to(&frame).await,
            MALFORMED,
            "{what}: {frame:?}"
        );
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn random_bytes_end_nobody_elses_session() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::set(Setup::default()).await;
    for _ in 0..200 {
        let mut frame = vec![0_u8; random.random_range(1..200)];
        random.fill(&mut frame[..]);
        // Most as the body of a message, where they come further.
        let frame = match random.random_range(0..5) {
            0 => frame,
            1 => wire::step_1(&frame),
            2 => wire::step_2(&frame),
            3 => wire::update(&frame),
            _ => [&[1, frame.len() as u8 & 0x7f], &frame[..]].concat(),
        };
        let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
        send(&mut socket, frame).await;
        // Whatever it was taken for, this one is refused.
        send(&mut socket, vec![99]).await;
        assert_eq!(close_code(&mut socket).await, MALFORMED);
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn text_frames_are_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
    socket
        .send(Message::Text(r#"{"type":"auth"}"#.into()))
        .await
        .unwrap();
    assert_eq!(close_code(&mut socket).await, MALFORMED);
    scene.goes_on().await;
}

#[tokio::test]
async fn violations_of_the_websocket_protocol_are_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    let frame = |opcode, last| Frame::message(vec![3], opcode, last);
    let mut reserved_bit = frame(OpCode::Data(Data::Binary), true);
    reserved_bit.header_mut().rsv1 = true;
    let mut reserved_type = frame(OpCode::Data(Data::Binary), true);
    reserved_type.header_mut().opcode = OpCode::Data(Data::Reserved(5));
    let mut ping = Frame::ping(vec![3]);
    ping.header_mut().is_final = false;
    let violations = [
        (
            "a continuation of nothing",
            frame(OpCode::Data(Data::Continue), true),
        ),
        ("a ping in fragments", ping),
        ("a reserved type", reserved_type),
        ("a reserved bit", reserved_bit),
    ];
    for (what, violation) in violations {
        let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
        socket.send(Message::Frame(violation)).await.unwrap();
        assert_eq!(close_code(&mut socket).await, MALFORMED, "{what}");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn nothing_is_unpacked_that_could_be_a_bomb() {
    let mut scene = Scene::set(Setup::default()).await;
    let offer = "permessage-deflate; client_max_window_bits, deflate-frame";
    let door = Knock::by(&scene.owner, &scene.document);
    let door = door.header("sec-websocket-extensions", offer);
    let (_socket, response) = door.try_open().await.unwrap();
    assert_eq!(response.headers().get("sec-websocket-extensions"), None);
    scene.goes_on().await;
}

#[tokio::test]
async fn a_message_may_come_in_fragments() {
    let mut scene = Scene::set(Setup::default()).await;
    let message = wire::update(&small_update());
    let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
    let last = message.len() - 1;
    for (index, byte) in message.into_iter().enumerate() {
        let data = if index == 0 {
            Data::Binary
        } else {
            Data::Continue
        };
        let fragment = Frame::message(vec![byte], OpCode::Data(data), index == last);
        socket.send(Message::Frame(fragment)).await.unwrap();
    }
    scene
        .reader
        .until("the edit", |editor| editor.text().contains("harmless"))
        .await;
    scene.goes_on().await;
}

#[tokio::test]
async fn a_frame_may_hold_64_messages_and_no_more() {
    let mut scene = Scene::set(Setup::default()).await;
    let mut author = Editor::default();
    let updates: Vec<_> = (0..65)
        .map(|_| wire::update(&author.replace(0, 0, "x")))
        .collect();
    assert_eq!(scene.answer_to(&updates.concat()).await, MALFORMED);
    let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
    send(&mut socket, updates[..64].concat()).await;
    let all = "x".repeat(64);
    scene
        .reader
        .until("all 64 edits", |editor| editor.text() == all)
        .await;
    // A frame with nothing in it is none too many either.
    send(&mut socket, Vec::new()).await;
    send(&mut socket, updates[64].clone()).await;
    scene
        .reader
        .until("one more", |editor| editor.text().len() == 65)
        .await;
    scene.goes_on().await;
}
