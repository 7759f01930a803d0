//! People who are let in, and do more than they may; and those whose rights change meanwhile.

use serde_json::{Value, json};

use super::Scene;
use crate::editor::Editor;
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::{Knock, close_code, send};
use crate::wire;

const FORBIDDEN: u16 = 4403;
const NOT_FOUND: u16 = 4404;

/// The owner's document, with a guest who is one of its `"editors"` or `"viewers"`.
async fn shared_with(scene: &Scene, role: &str) -> (Person, String) {
    let guest = Person::log_in(&scene.server, "Guest").await;
    let document = scene.owner.create("shared").await;
    scene
        .owner
        .change(&document, json!({ role: [guest.id.clone()] }))
        .await;
    (guest, document)
}

/// An editor that has what there is, without uploading anything.
async fn looking(door: &Knock) -> Editor {
    let mut editor = Editor::default();
    editor.connect(door).await;
    editor.caught_up().await;
    editor
}

#[tokio::test]
async fn a_viewer_reads_along_and_is_closed_on_writing() {
    let mut scene = Scene::set(Setup::default()).await;
    let (guest, document) = shared_with(&scene, "viewers").await;
    let mut author = Editor::open(&Knock::by(&scene.owner, &document)).await;
    let door = Knock::by(&guest, &document);
    let mut viewer = looking(&door).await;
    // What providers send by themselves is no offence: an empty step 2, presence.
    viewer.send(wire::step_2(&[0, 0])).await;
    viewer
        .announce(1, &json!({ "user": { "name": "Guest" } }))
        .await;
    author.type_over(0, 0, "for all to read").await;
    viewer
        .until("the owner's text", |editor| {
            editor.text() == "for all to read"
        })
        .await;
    author
        .until("the viewer's presence", |editor| editor.present.len() == 1)
        .await;
    viewer.type_over(0, 0, "not ").await;
    assert_eq!(viewer.ended().await, Some(FORBIDDEN));
    let mut offline = Editor::default();
    let written = offline.replace(0, 0, "offline");
    let mut socket = door.open().await;
    send(&mut socket, wire::step_2(&written)).await;
    assert_eq!(close_code(&mut socket).await, FORBIDDEN);
    author.caught_up().await;
    assert_eq!(scene.owner.text(&document).await, "for all to read");
    scene.goes_on().await;
}

#[tokio::test]
async fn an_archived_document_can_be_read_and_not_written() {
    let mut scene = Scene::set(Setup::default()).await;
    let document = scene.owner.create("old").await;
    let door = Knock::by(&scene.owner, &document);
    let mut before = Editor::open(&door).await;
    before.type_over(0, 0, "as it was").await;
    before.caught_up().await;
    scene
        .owner
        .change(&document, json!({ "state": "archived" }))
        .await;
    before.type_over(0, 0, "not ").await;
    assert_eq!(before.ended().await, Some(FORBIDDEN));
    let mut after = looking(&door).await;
    assert_eq!(after.text(), "as it was");
    after.type_over(0, 0, "not ").await;
    assert_eq!(after.ended().await, Some(FORBIDDEN));
    assert_eq!(scene.owner.text(&document).await, "as it was");
    scene
        .owner
        .change(&document, json!({ "state": "active" }))
        .await;
    let mut again = Editor::open(&door).await;
    again.type_over(0, 0, "again ").await;
    again.caught_up().await;
    assert_eq!(scene.owner.text(&document).await, "again as it was");
    scene.goes_on().await;
}

#[tokio::test]
async fn a_permission_that_is_taken_away_ends_the_connection() {
    let mut scene = Scene::set(Setup::default()).await;
    let (guest, document) = shared_with(&scene, "editors").await;
    let door = Knock::by(&guest, &document);
    let mut editor = Editor::open(&door).await;
    scene
        .owner
        .change(&document, json!({ "editors": [] }))
        .await;
    assert_eq!(editor.ended().await, Some(NOT_FOUND));
    assert_eq!(door.refused().await, NOT_FOUND);
    scene.goes_on().await;
}

#[tokio::test]
async fn an_editor_who_became_a_viewer_is_closed_on_writing() {
    let mut scene = Scene::set(Setup::default()).await;
    let (guest, document) = shared_with(&scene, "editors").await;
    let mut editor = Editor::open(&Knock::by(&guest, &document)).await;
    let change = json!({ "editors": [], "viewers": [guest.id.clone()] });
    scene.owner.change(&document, change).await;
    editor.caught_up().await;
    editor.type_over(0, 0, "not ").await;
    assert_eq!(editor.ended().await, Some(FORBIDDEN));
    assert_eq!(scene.owner.text(&document).await, "");
    scene.goes_on().await;
}

#[tokio::test]
async fn deleting_a_document_ends_its_connections() {
    let mut scene = Scene::set(Setup::default()).await;
    let (guest, document) = shared_with(&scene, "editors").await;
    let doors = [
        Knock::by(&guest, &document),
        Knock::by(&scene.owner, &document),
    ];
    let mut editors = [Editor::open(&doors[0]).await, Editor::open(&doors[1]).await];
    let path = format!("/documents/{document}");
    let answer = guest.call("DELETE", &path, Value::Null).await;
    assert_eq!(answer.problem(403), "forbidden");
    scene
        .owner
        .call("DELETE", &path, Value::Null)
        .await
        .expect(204);
    for editor in &mut editors {
        assert_eq!(editor.ended().await, Some(NOT_FOUND));
    }
    for (person, door) in [&guest, &scene.owner].into_iter().zip(&doors) {
        assert_eq!(door.refused().await, NOT_FOUND);
        assert_eq!(person.get(&path).await.problem(404), "document_not_found");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn each_role_may_change_what_it_may_and_nothing_else() {
    let mut scene = Scene::set(Setup::default()).await;
    let guest = Person::log_in(&scene.server, "Guest").await;
    let document = scene.owner.create("mine").await;
    let path = format!("/documents/{document}");
    for (role, renaming) in [("viewers", 403), ("editors", 200)] {
        let change = json!({ "viewers": [], "editors": [], "name": "mine" });
        scene.owner.change(&document, change).await;
        scene
            .owner
            .change(&document, json!({ role: [guest.id.clone()] }))
            .await;
        let renamed = guest.call("PATCH", &path, json!({ "name": "ours" })).await;
        assert_eq!(renamed.status, renaming);
        for change in [
            json!({ "editors": ["guest"] }),
            json!({ "viewers": [] }),
            json!({ "public": "edit" }),
            json!({ "state": "archived" }),
        ] {
            let answer = guest.call("PATCH", &path, change).await;
            assert_eq!(answer.problem(403), "forbidden", "{role}");
        }
    }
    scene.goes_on().await;
}
