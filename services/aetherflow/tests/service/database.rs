//! Documents in a database: they outlive a server, and several servers have the same ones.

use store_postgres::testkit::Cluster;

use crate::editor::Editor;
use crate::grpc::{Reader, apply, connect, content, token, type_in};
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::{Knock, SAVED};

/// A server with its documents in this database.
fn on(database: &str) -> Setup {
    Setup::default().flags(["--document-store", database])
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    const WRITTEN: usize = 40;
    let cluster = Cluster::shared();
    let database = cluster.database("kill").await;
    let server = on(&database).start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let (typed, called) = (ada.create("Typed").await, ada.create("Called").await);
    let mut editor = Editor::open(&Knock::by(&ada, &typed).offer(SAVED)).await;
    editor.type_over(0, 0, "saved").await;
    editor
        .until("it is saved", |editor| editor.saved() == editor.sent())
        .await;
    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut program = connect(&server, token(&ada)).await;
    let id = called.clone();
    let writing = tokio::spawn(async move {
        while let Ok(answer) = apply(&mut program, type_in(&id, 0, "x")).await {
            acknowledged.send(answer.version).unwrap();
        }
    });
    let mut last = 0;
    while last < WRITTEN as u64 {
        last = heard.recv().await.expect("operations go on");
    }
    let setup = server.kill().await;
    writing.await.unwrap();
    while let Some(version) = heard.recv().await {
        last = version;
    }

    let server = setup.start().await;
    let ada = Person::log_in(&server, "Ada").await;
    assert_eq!(ada.text(&typed).await, "saved");
    let mut program = connect(&server, token(&ada)).await;
    let content = content(&mut program, &called).await.unwrap();
    // The last one may have been written without a word.
    assert!(
        (last..=last + 1).contains(&content.version),
        "{}",
        content.version
    );
    assert_eq!(content.text, "x".repeat(content.text.len()));
    assert_eq!(content.text.len() as u64, content.version);
    apply(&mut program, type_in(&typed, 5, "!")).await.unwrap();
    assert_eq!(ada.text(&typed).await, "saved!");
}

#[tokio::test]
async fn two_servers_on_one_database_show_each_others_edits() {
    let cluster = Cluster::shared();
    let database = cluster.database("two").await;
    let (one, other) = (on(&database).start().await, on(&database).start().await);
    let ada = Person::log_in(&one, "Ada").await;
    let document = ada.create_public("Notes", "edit").await;
    let bob = Person::log_in(&other, "Bob").await;
    let mut editor = Editor::open(&Knock::by(&ada, &document)).await;
    let mut program = connect(&other, token(&bob)).await;
    let mut reader = Reader::begin(&mut program, &document).await;
    editor.type_over(0, 0, "here").await;
    reader.until("here").await;
    apply(&mut program, type_in(&document, 4, " and there"))
        .await
        .unwrap();
    let both = "here and there";
    editor
        .until("the other server's edit", |editor| editor.text() == both)
        .await;
    let mut second = Editor::open(&Knock::by(&bob, &document)).await;
    second.type_over(0, 0, "now ").await;
    let all = "now here and there";
    editor
        .until("the other editor's edit", |editor| editor.text() == all)
        .await;
}
