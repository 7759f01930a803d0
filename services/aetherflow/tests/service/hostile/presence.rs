//! Presence: nobody speaks for somebody else, and whoever is gone is gone.

use serde_json::json;

use super::Scene;
use crate::editor::Editor;
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::{Knock, send};
use crate::wire;

#[tokio::test]
async fn nobody_takes_over_somebody_elses_presence() {
    let mut scene = Scene::set(Setup::default()).await;
    let alice = json!({ "user": { "name": "Alice" } });
    scene.writer.announce(1, &alice).await;
    let victim = scene.writer.client();
    scene
        .reader
        .until("Alice", |editor| {
            editor.present.get(&victim) == Some(&alice)
        })
        .await;
    let mallory = Person::log_in(&scene.server, "Mallory").await;
    let mut socket = Knock::by(&mallory, &scene.document).open().await;
    send(
        &mut socket,
        wire::presence(victim, 9, r#"{"user":{"name":"Mallory"}}"#),
    )
    .await;
    send(&mut socket, wire::presence(victim, 9, "null")).await;
    // The one after is no news to anybody before the ones before.
    send(
        &mut socket,
        wire::presence(666, 1, r#"{"user":{"name":"Mallory"}}"#),
    )
    .await;
    scene
        .reader
        .until("Mallory", |editor| editor.present.contains_key(&666))
        .await;
    assert_eq!(scene.reader.present.get(&victim), Some(&alice));
    let latecomer = Editor::open(&Knock::by(&scene.owner, &scene.document)).await;
    let mut latecomer = latecomer;
    latecomer
        .until("both", |editor| editor.present.len() == 2)
        .await;
    assert_eq!(latecomer.present.get(&victim), Some(&alice));
    // Its owner can still change it.
    let moved = json!({ "user": { "name": "Alice" }, "cursor": 5 });
    scene.writer.announce(2, &moved).await;
    scene
        .reader
        .until("Alice's cursor", |editor| editor.present[&victim] == moved)
        .await;
    scene.goes_on().await;
}

#[tokio::test]
async fn presence_ends_with_its_socket() {
    let mut scene = Scene::set(Setup::default()).await;
    let guest = Person::log_in(&scene.server, "Guest").await;
    let mut visitor = Editor::open(&Knock::by(&guest, &scene.document)).await;
    visitor
        .announce(1, &json!({ "user": { "name": "Guest" } }))
        .await;
    let client = visitor.client();
    scene
        .reader
        .until("the visitor", |editor| editor.present.contains_key(&client))
        .await;
    let names = |document: serde_json::Value| document["active_users"].clone();
    let guest_and_owner =
        json!([{ "id": "guest", "name": "Guest" }, { "id": "owner", "name": "Owner" }]);
    assert_eq!(
        names(scene.owner.document(&scene.document).await),
        guest_and_owner
    );
    visitor.disconnect();
    scene
        .reader
        .until("nobody", |editor| !editor.present.contains_key(&client))
        .await;
    let owner = json!([{ "id": "owner", "name": "Owner" }]);
    assert_eq!(names(scene.owner.document(&scene.document).await), owner);
    scene.goes_on().await;
}

#[tokio::test]
async fn a_connection_speaks_for_a_few_clients_only() {
    /// Of the default limits.
    const CLIENTS_MAX: usize = 16;
    let mut scene = Scene::set(Setup::default()).await;
    let mut socket = Knock::by(&scene.owner, &scene.document).open().await;
    for client in 1..=1_000 {
        send(&mut socket, wire::presence(client, 1, "{}")).await;
    }
    // The answer to an edit comes after all of them.
    send(
        &mut socket,
        wire::update(&Editor::default().replace(0, 0, "end")),
    )
    .await;
    scene
        .reader
        .until("the edit", |editor| editor.text().contains("end"))
        .await;
    scene.goes_on().await;
    assert!(
        scene.reader.present.len() <= CLIENTS_MAX,
        "{:?}",
        scene.reader.present
    );
}
