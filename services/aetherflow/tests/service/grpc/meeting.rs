//! Browsers and programs in one document.

use crate::editor::Editor;
use crate::grpc::{Reader, apply, connect, content, token, type_in};
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::{Knock, SAVED};

#[tokio::test]
async fn a_browser_and_a_program_see_each_others_edits_at_once() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create_public("Notes", "edit").await;
    let bob = Person::log_in(&server, "Bob").await;
    let mut program = connect(&server, token(&bob)).await;
    let mut reader = Reader::begin(&mut program, &document).await;
    let mut editor = Editor::open(&Knock::by(&ada, &document).offer(SAVED)).await;

    editor.type_over(0, 0, "from a browser").await;
    reader.until("from a browser").await;

    let typed = type_in(&document, 0, "A word ");
    apply(&mut program, typed).await.unwrap();
    let both = "A word from a browser";
    editor
        .until("the program's edit arrives", |editor| editor.text() == both)
        .await;
    reader.until(both).await;
    assert_eq!(content(&mut program, &document).await.unwrap().text, both);
    assert_eq!(ada.text(&document).await, both);
}

#[tokio::test]
async fn edits_of_both_kinds_at_the_same_time_all_end_in_the_document() {
    const EACH: usize = 60;
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create("Notes").await;
    let mut program = connect(&server, token(&ada)).await;
    let mut reader = Reader::begin(&mut program, &document).await;
    let mut editor = Editor::open(&Knock::by(&ada, &document)).await;
    let id = document.clone();
    let typing = tokio::spawn(async move {
        for _ in 0..EACH {
            apply(&mut program, type_in(&id, 0, "p")).await.unwrap();
        }
        program
    });
    for _ in 0..EACH {
        editor.type_over(0, 0, "b").await;
    }
    let mut program = typing.await.unwrap();
    editor
        .until("every edit arrives", |editor| {
            editor.text().len() == 2 * EACH
        })
        .await;
    editor.caught_up().await;
    let text = editor.text();
    assert_eq!(text.matches('b').count(), EACH);
    reader.until(&text).await;
    assert_eq!(content(&mut program, &document).await.unwrap().text, text);
}
