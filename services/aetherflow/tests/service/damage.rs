//! Files of the store that are not what they were. Whatever happens to them, a document is served
//! as it was, or is said to be damaged, or the server says in one line why it does not start. It
//! never serves something else.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::editor::Editor;
use crate::rest::{Answer, Person};
use crate::server::{Server, Setup};
use crate::socket::Knock;

/// The files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is expected of each document: its head, its text.
type Contents = Vec<(Value, String)>;

/// Documents with a history: in snapshots, in tables, in the log.
async fn written(server: &Server) -> (Person, Contents) {
    let owner = Person::log_in(server, "Owner").await;
    let mut contents = Vec::new();
    for edits in [3, 80, 300] {
        let document = owner.create(&format!("{edits} edits")).await;
        let mut editor = Editor::open(&Knock::by(&owner, &document)).await;
        for edit in 0..edits {
            editor.type_over(0, 0, &format!("edit {edit} ")).await;
        }
        editor.caught_up().await;
        owner.change(&document, json!({ "tags": ["kept"] })).await;
        editor.disconnect();
        let text = owner.text(&document).await;
        contents.push((owner.document(&document).await, text));
    }
    (owner, contents)
}

/// The JSON of a success; `None` when the answer says that something is damaged.
fn unless_damaged(answer: &Answer) -> Option<Value> {
    if answer.status == 200 {
        return Some(answer.json());
    }
    assert_eq!(answer.problem(500), "corrupt");
    None
}

async fn check(owner: &Person, contents: &Contents) {
    for (document, text) in contents {
        let id = document["id"].as_str().unwrap();
        let path = format!("/documents/{id}");
        if let Some(mut found) = unless_damaged(&owner.get(&path).await) {
            found["active_users"] = json!([]);
            assert_eq!(&found, document);
        }
        if let Some(content) = unless_damaged(&owner.get(&format!("{path}/content")).await) {
            assert!(content["text"] == *text, "another text");
            let editor = Editor::open(&Knock::by(owner, id)).await;
            assert!(editor.text() == *text, "another text in an editor");
        } else {
            const SERVER_ERROR: u16 = 1011;
            assert_eq!(Knock::by(owner, id).refused().await, SERVER_ERROR);
        }
    }
}

/// Does something to a file.
fn spoil(path: &Path, random: &mut StdRng) -> String {
    let mut bytes = fs::read(path).unwrap();
    // The log is longer than what is written in it.
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let at = random.random_range(0..=written);
    match random.random_range(0..8) {
        0 => {
            fs::remove_file(path).unwrap();
            return "removed".to_owned();
        }
        1 => {
            fs::write(path, &bytes[..at.min(bytes.len())]).unwrap();
            return format!("cut at {at}");
        }
        _ => {}
    }
    let Some(byte) = bytes.get_mut(at) else {
        return "left empty".to_owned();
    };
    *byte ^= 1 << random.random_range(0..8);
    fs::write(path, &bytes).unwrap();
    format!("one bit at {at} of {}", bytes.len())
}

#[tokio::test]
async fn damaged_files_are_reported_and_never_served_as_something_else() {
    const TRIALS: usize = 25;
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let server = Setup::default().start().await;
    let (owner, contents) = written(&server).await;
    let (_, mut setup) = server.stop(Signal::TERM).await;
    let store = setup.data().join("store");
    let whole: Vec<_> = files(&store)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let mut refused = 0;
    for _ in 0..TRIALS {
        let (path, _) = whole.choose(&mut random).unwrap();
        println!("{}: {}", path.display(), spoil(path, &mut random));
        let logged = setup.logged().len();
        setup = match setup.try_start().await {
            Ok(server) => {
                // Sessions are in the store, too.
                if unless_damaged(&owner.get("/auth/me").await).is_some() {
                    check(&owner, &contents).await;
                }
                server.kill().await
            }
            Err((status, setup)) => {
                refused += 1;
                assert_eq!(status.code(), Some(1));
                let said = setup.logged().split_off(logged);
                // Warnings may lead up to it.
                let last = said.lines().last().unwrap_or_default();
                assert!(last.starts_with("aetherflow: "), "{said}");
                setup
            }
        };
        fs::remove_dir_all(&store).unwrap();
        for (path, bytes) in &whole {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    println!("{refused} of {TRIALS} were refused at the start");
    // As it was, it still is.
    let server = setup.start().await;
    check(&owner, &contents).await;
    drop(server);
}
