//! Documents come into memory when somebody opens them, and go when nobody does.

use crate::editor::Editor;
use crate::patience::until;
use crate::rest::{Person, ask};
use crate::server::{Server, Setup};
use crate::socket::Knock;

/// How many documents are in memory, as `/metrics` says.
async fn open_documents(server: &Server) -> String {
    let metrics = ask(server.gateway, "GET", "/metrics").await.text();
    let figure = metrics
        .lines()
        .find_map(|line| line.strip_prefix("statesync_open_documents "));
    figure.expect("the figure").to_owned()
}

#[tokio::test]
async fn a_document_that_nobody_uses_is_put_away_and_comes_back_as_it_was() {
    let setup = Setup::default().flags(["--document-idle-seconds", "0"]);
    let server = setup.start().await;
    let owner = Person::log_in(&server, "Owner").await;
    let document = owner.create("put away").await;
    let door = Knock::by(&owner, &document);
    // More than what makes a snapshot worth while, and then less.
    for edits in [100, 3] {
        let mut editor = Editor::open(&door).await;
        for _ in 0..edits {
            editor.type_over(0, 0, "x").await;
        }
        editor.caught_up().await;
        assert_eq!(open_documents(&server).await, "1");
        editor.disconnect();
        until("the document is put away", async || {
            open_documents(&server).await == "0"
        })
        .await;
    }
    let editor = Editor::open(&door).await;
    assert_eq!(editor.text(), "x".repeat(103));
    assert_eq!(owner.document(&document).await["version"], 103);
}

#[tokio::test]
async fn when_memory_is_used_up_nothing_more_is_opened_and_what_is_open_goes_on() {
    const TRY_AGAIN_LATER: u16 = 1013;
    let server = Setup::default()
        .flags(["--document-memory-mib", "1"])
        .start()
        .await;
    let owner = Person::log_in(&server, "Owner").await;
    let (large, other) = (owner.create("large").await, owner.create("other").await);
    let mut editor = Editor::open(&Knock::by(&owner, &large)).await;
    editor.type_over(0, 0, &"x".repeat(512 * 1024)).await;
    editor.caught_up().await;
    let door = Knock::by(&owner, &other);
    assert_eq!(door.refused().await, TRY_AGAIN_LATER);
    let answer = owner.get(&format!("/documents/{other}/content")).await;
    assert_eq!(answer.problem(503), "unavailable");
    editor.type_over(0, 0, "still here ").await;
    editor.caught_up().await;
    editor.disconnect();
    until("the large one makes room", async || {
        let mut editor = Editor::over(door.open().await);
        editor.receive().await.is_ok()
    })
    .await;
    assert!(owner.text(&large).await.starts_with("still here "));
}
