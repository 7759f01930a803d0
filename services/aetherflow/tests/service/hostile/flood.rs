//! More of everything than anybody needs, from people who are not let in, and from people who are.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scene;
use crate::editor::Editor;
use crate::patience::in_time;
use crate::server::Setup;
use crate::socket::{Knock, close_code, send};
use crate::wire;

const MIB: usize = 1024 * 1024;

/// Where the flood comes from: not from where everybody else works, whose rate is another one.
pub(super) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A frame as a client sends it (RFC 6455 section 5.2), with a mask of zeros.
fn masked_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_head(payload.len());
    frame.extend_from_slice(payload);
    frame
}

/// The beginning of a binary frame that will have so many bytes.
fn frame_head(bytes: usize) -> Vec<u8> {
    const BINARY: u8 = 0x82;
    const MASKED: u8 = 0x80;
    let mut head = vec![BINARY];
    if bytes < 126 {
        head.push(MASKED | bytes as u8);
    } else {
        head.push(MASKED | 127);
        head.extend_from_slice(&(bytes as u64).to_be_bytes());
    }
    head.extend_from_slice(&[0; 4]);
    head
}

/// Writes the same bytes again and again until the server has had enough of it.
async fn pour(mut stream: TcpStream, bytes: &[u8], messages: u64, poured: &AtomicU64) {
    while in_time("the server reads or closes", stream.write_all(bytes))
        .await
        .is_ok()
    {
        poured.fetch_add(messages, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_messages_without_a_token_are_nobodys_concern() {
    const MESSAGES: u64 = 1_000_000;
    const AT_ONCE: u64 = 1_000;
    let mut scene = Scene::set(Setup::default()).await;
    scene.goes_on().await;
    let before = scene.server.resident_bytes();
    let door = Knock::at(scene.server.gateway, &scene.document).from(ELSEWHERE);
    let frames = masked_frame(&wire::step_1(wire::NOTHING)).repeat(AT_ONCE as usize);
    let poured = Arc::new(AtomicU64::new(0));
    let mut floods = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (door, frames, poured) = (door.clone(), frames.clone(), Arc::clone(&poured));
        floods.spawn(async move {
            while poured.load(Ordering::Relaxed) < MESSAGES {
                let stream = door.open().await.into_inner();
                pour(stream, &frames, AT_ONCE, &poured).await;
            }
        });
    }
    let mut most = before;
    while floods.try_join_next().is_none() {
        scene.goes_on().await;
        most = most.max(scene.server.resident_bytes());
    }
    while let Some(ended) = in_time("the end of the flood", floods.join_next()).await {
        ended.unwrap();
        most = most.max(scene.server.resident_bytes());
    }
    scene.goes_on().await;
    assert!(most < before + 64 * MIB, "from {before} to {most} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_frames_without_a_token_are_not_kept() {
    let mut scene = Scene::set(Setup::default()).await;
    let before = scene.server.resident_bytes();
    let door = Knock::at(scene.server.gateway, &scene.document).from(ELSEWHERE);
    let mut half_sent = Vec::new();
    let almost = [frame_head(MIB), vec![0; MIB - 1]].concat();
    for _ in 0..200 {
        let Ok((socket, _)) = door.try_open().await else {
            continue;
        };
        let mut stream = socket.into_inner();
        let _cut_off = in_time("the server reads or closes", stream.write_all(&almost)).await;
        half_sent.push(stream);
    }
    let most = scene.server.resident_bytes();
    scene.goes_on().await;
    assert!(most < before + 64 * MIB, "from {before} to {most} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_sockets_are_told_why_also_when_there_are_many() {
    let mut scene = Scene::set(Setup::default()).await;
    let door = Knock::at(scene.server.gateway, &scene.document).from(ELSEWHERE);
    let mut sockets = Vec::new();
    let mut turned_away = 0;
    for _ in 0..600 {
        match door.try_open().await {
            Ok((socket, _)) => sockets.push(socket),
            Err(_) => turned_away += 1,
        }
    }
    println!("{} refused, {turned_away} turned away", sockets.len());
    assert!(sockets.len() >= 200);
    for socket in &mut sockets {
        assert_eq!(close_code(socket).await, 4401);
    }
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_does_not_come_is_not_waited_for() {
    let mut scene = Scene::set(Setup::default()).await;
    let beginnings: [&[u8]; 6] = [
        b"",
        b"G",
        b"GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bear",
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut waiting = tokio::task::JoinSet::new();
    for beginning in beginnings.into_iter().cycle().take(300) {
        let mut stream = TcpStream::connect(scene.server.gateway).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        waiting.spawn(async move {
            let mut answer = Vec::new();
            let end = stream.read_to_end(&mut answer);
            let what = format!("the end of {:?}", String::from_utf8_lossy(beginning));
            match in_time(&what, end).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        });
    }
    while let Some(ended) = waiting.join_next().await {
        ended.unwrap();
    }
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut scene = Scene::set(Setup::default()).await;
    let mut stream = TcpStream::connect(scene.server.gateway).await.unwrap();
    let head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
        Content-Length: 100\r\n\r\n{\"name\"";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    in_time("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_is_cut_off() {
    let mut scene = Scene::set(Setup::default()).await;
    let before = scene.server.resident_bytes();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(scene.server.gateway).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        let endless = vec![b'x'; MIB];
        let _cut_off = in_time("the server reads or closes", stream.write_all(&endless)).await;
        streams.push(stream);
    }
    let most = scene.server.resident_bytes();
    scene.goes_on().await;
    assert!(most < before + 16 * MIB, "from {before} to {most} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_somebody_who_was_let_in_harms_nobody_else() {
    /// Twice what a socket may spend at once.
    const FRAMES: usize = 40_000;
    let mut scene = Scene::set(Setup::default()).await;
    scene.goes_on().await;
    let before = scene.server.resident_bytes();
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let who_is_there = masked_frame(&[3]);
    let mut stream = Knock::by(&scene.owner, &scene.document)
        .open()
        .await
        .into_inner();
    let flood = tokio::spawn(async move {
        let frames = [&ping[..], &who_is_there].concat().repeat(FRAMES / 2);
        in_time("all is read", stream.write_all(&frames)).await
    });
    let mut most = before;
    while !flood.is_finished() {
        scene.goes_on().await;
        most = most.max(scene.server.resident_bytes());
    }
    flood.await.unwrap().unwrap();
    assert!(most < before + 16 * MIB, "from {before} to {most} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_everything_again_and_again_gets_it_once_at_a_time() {
    const SIZE: usize = 8 * MIB;
    let mut scene = Scene::set(Setup::default()).await;
    let large = scene.owner.create("large").await;
    let door = Knock::by(&scene.owner, &large);
    let mut author = Editor::open(&door).await;
    for _ in 0..SIZE / (MIB / 2) {
        author.type_over(0, 0, &"x".repeat(MIB / 2)).await;
    }
    author.caught_up().await;
    let before = scene.server.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut socket = door.open().await;
        send(&mut socket, wire::step_1(wire::NOTHING).repeat(64)).await;
        sockets.push(socket);
    }
    // The author's question is answered after all of theirs that have come as far.
    author.caught_up().await;
    author.caught_up().await;
    let most = scene.server.resident_bytes();
    scene.goes_on().await;
    assert!(most < before + 32 * SIZE, "from {before} to {most} bytes");
}
