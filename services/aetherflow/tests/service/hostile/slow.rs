//! Readers who do not read.

use rustix::process::Signal;

use super::Scene;
use crate::editor::Editor;
use crate::server::Setup;
use crate::socket::Knock;

const MIB: usize = 1024 * 1024;

/// Writes a lot that does not stay: so many times 64 KiB.
async fn churn(editor: &mut Editor, times: usize) {
    const BYTES: u32 = 64 * 1024;
    let text = "x".repeat(BYTES as usize);
    for _ in 0..times {
        editor.type_over(0, 0, &text).await;
        editor.type_over(0, BYTES, "").await;
    }
    editor.caught_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_do_not_read_cost_no_memory_and_catch_up_when_they_do() {
    let mut scene = Scene::set(Setup::default()).await;
    let door = Knock::by(&scene.owner, &scene.document);
    // What the store keeps in memory for itself is there before it is counted.
    churn(&mut scene.writer, 512).await;
    let before = scene.server.resident_bytes();
    let mut slow = Vec::new();
    for _ in 0..32 {
        slow.push(door.open().await);
    }
    churn(&mut scene.writer, 512).await;
    scene.goes_on().await;
    let most = scene.server.resident_bytes();
    // 32 readers have missed 32 MiB each.
    assert!(most < before + 256 * MIB, "from {before} to {most} bytes");
    for socket in slow.drain(..4) {
        let mut late = Editor::over(socket);
        late.caught_up().await;
        assert!(late.text() == scene.writer.text(), "it missed something");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_do_not_read_do_not_hold_up_the_end() {
    let mut scene = Scene::set(Setup::default()).await;
    let door = Knock::by(&scene.owner, &scene.document);
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(door.open().await);
    }
    churn(&mut scene.writer, 256).await;
    let (ending, _) = scene.server.stop(Signal::TERM).await;
    assert_eq!(ending.status.code(), Some(0), "{}", ending.stderr);
    assert!(!ending.stderr.contains("in time"), "{}", ending.stderr);
}
