//! More than anybody needs: frames, edits, bodies.

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::Scene;
use crate::editor::Editor;
use crate::patience::in_time;
use crate::server::Setup;
use crate::socket::{Knock, close_code, send};
use crate::wire;

const TOO_LARGE: u16 = 4413;
const MIB: usize = 1024 * 1024;

/// Largest edit of the default limits.
const EDIT_BYTES_MAX: usize = MIB;

/// An update of exactly so many bytes, which inserts text.
fn update_of(bytes: usize) -> Vec<u8> {
    let around = Editor::default().replace(0, 0, &"x".repeat(bytes)).len() - bytes;
    let update = Editor::default().replace(0, 0, &"x".repeat(bytes - around));
    // Client ids are random and not all of one length.
    if update.len() == bytes {
        update
    } else {
        update_of(bytes)
    }
}

#[tokio::test]
async fn the_largest_edit_is_accepted_and_one_byte_more_is_not() {
    let mut scene = Scene::set(Setup::default()).await;
    let door = Knock::by(&scene.owner, &scene.document);
    let mut socket = door.open().await;
    send(&mut socket, wire::update(&update_of(EDIT_BYTES_MAX + 1))).await;
    assert_eq!(close_code(&mut socket).await, TOO_LARGE);
    let mut socket = door.open().await;
    send(&mut socket, wire::update(&update_of(EDIT_BYTES_MAX))).await;
    scene
        .reader
        .until("the edit", |editor| editor.text().len() > MIB / 2)
        .await;
    scene.goes_on().await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_answered_with_the_reason() {
    let mut scene = Scene::set(Setup::default()).await;
    // Just above the limit, above what is read at all, and far above.
    for bytes in [MIB + 65, 2 * MIB + 200, 64 * MIB] {
        let socket = Knock::by(&scene.owner, &scene.document).open().await;
        // As a browser does: it goes on writing while it already reads.
        let (mut sender, mut receiver) = socket.split();
        let frame = Message::Binary(vec![0; bytes].into());
        let sending = tokio::spawn(async move { sender.send(frame).await });
        assert_eq!(close_code(&mut receiver).await, TOO_LARGE, "{bytes} bytes");
        let _cut_off = sending.await;
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn fragments_do_not_add_up_to_more_than_a_frame() {
    let mut scene = Scene::set(Setup::default()).await;
    let socket = Knock::by(&scene.owner, &scene.document).open().await;
    let (mut sender, mut receiver) = socket.split();
    let sending = tokio::spawn(async move {
        let mut data = Data::Binary;
        loop {
            let fragment = Frame::message(vec![0; 64 * 1024], OpCode::Data(data), false);
            if sender.send(Message::Frame(fragment)).await.is_err() {
                return;
            }
            data = Data::Continue;
        }
    });
    assert_eq!(close_code(&mut receiver).await, TOO_LARGE);
    in_time("the sender is cut off", sending).await.unwrap();
    scene.goes_on().await;
}

#[tokio::test]
async fn a_presence_state_has_a_limit() {
    let mut scene = Scene::set(Setup::default()).await;
    let state = json!({ "user": { "name": "x".repeat(16 * 1024) } }).to_string();
    let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
    send(&mut socket, wire::presence(7, 1, &state)).await;
    assert_eq!(close_code(&mut socket).await, TOO_LARGE);
    scene.goes_on().await;
}
