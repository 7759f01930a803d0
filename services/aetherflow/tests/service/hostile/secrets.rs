//! What must not be found by somebody who gets hold of the files or the log.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::Scene;
use crate::editor::Editor;
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::{Knock, PLAIN};

/// All files below a directory, each with its path.
fn files(directory: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn no_token_is_in_a_file_or_in_the_log() {
    let setup = Setup::default().environment("RUST_LOG", "trace");
    let mut scene = Scene::set(setup).await;
    let guest = Person::log_in(&scene.server, "Guest").await;
    let door = Knock::at(scene.server.gateway, &scene.document);
    let door = door.offer(&format!("{PLAIN}, bearer.{}", guest.access_token));
    let mut editor = Editor::open(&door).await;
    editor.type_over(0, 0, "findable").await;
    editor.caught_up().await;
    let refresh = json!({ "refresh_token": guest.refresh_token });
    let answer = guest.call("POST", "/auth/refresh", refresh).await;
    let renewed = answer.expect(200);
    scene.goes_on().await;
    let mut secrets = vec![guest.access_token, guest.refresh_token];
    secrets.extend(["access_token", "refresh_token"].map(|name| text(&renewed[name])));
    // What comes after the prefix that all of them have: the log may shorten.
    let secrets = secrets.iter().map(|token| &token[token.len() - 20..]);
    let secrets: Vec<_> = secrets.collect();
    let (ending, setup) = scene.server.stop(Signal::TERM).await;
    let mut found = vec![("the log".to_owned(), ending.stderr.into_bytes())];
    files(&setup.data(), &mut found);
    let contains = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(found.iter().any(|(_, bytes)| contains(bytes, "findable")));
    for (path, bytes) in &found {
        for secret in &secrets {
            assert!(!contains(bytes, secret), "{path} has {secret}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::set(Setup::default()).await;
    let key = scene.server.setup().data().join("token.key");
    let mode = fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_users_call_themselves_does_not_forge_lines_of_the_log() {
    let setup = Setup::default().environment("RUST_LOG", "trace");
    let mut scene = Scene::set(setup).await;
    let forged = "\u{1b}[2K2026-01-01 INFO forged";
    let answer = scene
        .owner
        .call("POST", "/auth/login", json!({ "name": forged }))
        .await;
    assert_eq!(answer.problem(400), "invalid_request");
    let path = "/documents/%0a2026-01-01%20INFO%20forged%1b%5b2K";
    assert_eq!(
        scene.owner.get(path).await.problem(404),
        "document_not_found"
    );
    let knock = Knock::by(&scene.owner, "%0a2026-01-01%20INFO%20forged");
    assert_eq!(knock.refused().await, 4404);
    scene.goes_on().await;
    let log = scene.server.logged();
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(
        !log.lines().any(|line| line.starts_with("2026-01-01")),
        "{log}"
    );
}
