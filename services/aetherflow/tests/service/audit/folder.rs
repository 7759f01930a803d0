//! Documents in a data directory.

use std::fs;
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Signal;
use store_embedded::{EmbeddedStore, Options};

use super::{typed, verify};
use crate::rest::Person;
use crate::server::Setup;

fn data_dir(setup: &Setup) -> String {
    setup.data().into_os_string().into_string().unwrap()
}

#[tokio::test]
async fn whole_logs_are_said_to_be_so_and_a_hash_can_be_kept() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let documents = [
        ada.create("Empty").await,
        typed(&ada, &["a", "b", "c"]).await,
        typed(&ada, &["d"]).await,
    ];
    let (_, setup) = server.stop(Signal::TERM).await;
    let folder = data_dir(&setup);
    let all = verify(&["--data-dir", &folder]).await;
    all.expect(0, "documents as they were written: 3, broken: 0");
    let one = ["--data-dir", &folder, "--document", &documents[1]];
    let found = verify(&one).await;
    let kept = found.to_keep(&documents[1]);
    assert!(kept.starts_with("3:"), "{kept}");

    // More is written; what was kept is still in it.
    let server = setup.start().await;
    let ada = Person::log_in(&server, "Ada").await;
    ada.change(&documents[1], serde_json::json!({ "name": "Other" }))
        .await;
    let (_, setup) = server.stop(Signal::TERM).await;
    let found = verify(&[&one[..], &["--expect", &kept]].concat()).await;
    let later = found.to_keep(&documents[1]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(later.starts_with("4:"), "{later}");
    let other = kept.replacen("3:", "2:", 1);
    let found = verify(&[&one[..], &["--expect", &later, "--expect", &other]].concat()).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let about = found.about(&documents[1]);
    assert!(
        about.starts_with("broken: version 2: the hash is "),
        "{about}"
    );
    // As an option of the store by itself.
    let store = format!("embedded:{}", setup.data().join("store").display());
    let all = verify(&["--document-store", &store]).await;
    all.expect(0, "documents as they were written: 3, broken: 0");
}

#[tokio::test]
async fn what_cannot_be_verified_is_said_in_one_line_and_nothing_is_made() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    ada.create("Notes").await;
    let folder = data_dir(server.setup());
    let in_use = verify(&["--data-dir", &folder]).await;
    let reason = in_use.refused();
    assert!(
        reason.contains("in use by a server: stop it first"),
        "{reason}"
    );
    assert!(reason.contains(&folder), "{reason}");

    let elsewhere = server.setup().beside("elsewhere");
    let missing = elsewhere.to_str().unwrap();
    let unknown = guuid::Guuid::now().to_string();
    let (_, setup) = server.stop(Signal::TERM).await;
    for (arguments, expected) in [
        (vec!["--data-dir", missing], "there are no AetherFlow data"),
        (
            vec!["--document-store", "memory"],
            "documents in memory are gone",
        ),
        (
            vec!["--document-store", "postgres://127.0.0.1:1/x"],
            "cannot connect to PostgreSQL",
        ),
        (
            vec!["--data-dir", &folder, "--document", &unknown],
            "no document",
        ),
        (vec!["--config", missing], "cannot be read"),
    ] {
        let verdict = verify(&arguments).await;
        let reason = verdict.refused();
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(verdict.lines, [""; 0]);
    }
    assert!(!elsewhere.exists());
    for arguments in [["--document", "7"], ["--expect", "1:00"], ["--data", "x"]] {
        assert_eq!(verify(&arguments).await.code, Some(2), "{arguments:?}");
    }
    drop(setup);
}

/// The files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Flips one bit of a text where it is on the disk. Here and there it may be written in a shorter way.
fn spoil(directory: &Path, text: &str) {
    const PIECE: usize = 16;
    for path in files(directory) {
        let mut content = fs::read(&path).unwrap();
        for piece in text.as_bytes().chunks_exact(PIECE) {
            let found = content.windows(PIECE).position(|bytes| bytes == piece);
            if let Some(at) = found {
                content[at] ^= 1;
                fs::write(&path, content).unwrap();
                return;
            }
        }
    }
    panic!("the text is nowhere");
}

#[tokio::test]
async fn a_damaged_document_is_reported_and_the_others_are_verified_all_the_same() {
    // Long enough for a place of its own on the disk, and not to be made shorter. Others around it keep it
    // apart from the heads and from the last document: what shares a block shares its damage.
    let mut random = rand::rng();
    let [apart, long] = [(); 2].map(|()| Alphanumeric.sample_string(&mut random, 40_000));
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let before = typed(&ada, &[&apart]).await;
    let damaged = typed(&ada, &[&apart, "c", &long, &apart]).await;
    let after = typed(&ada, &["e"]).await;
    let (_, setup) = server.stop(Signal::TERM).await;
    let store = setup.data().join("store");
    // From the log into tables, where damage is found by whoever reads.
    let engine = EmbeddedStore::open(&Options::new(&store)).unwrap();
    engine.flush().unwrap();
    engine.close();
    drop(engine);
    // In its middle, far from what belongs to others.
    spoil(&store.join("tables"), &long[20_000..22_000]);

    let folder = data_dir(&setup);
    let verdict = verify(&["--data-dir", &folder]).await;
    verdict.expect(1, "documents as they were written: 2, broken: 1");
    let about = verdict.about(&damaged);
    assert!(
        about.starts_with("broken: damaged in the store: "),
        "{about}"
    );
    assert!(about.contains("version"), "{about}");
    for (document, code) in [(&before, 0), (&damaged, 1), (&after, 0)] {
        let one = verify(&["--data-dir", &folder, "--document", document]).await;
        assert_eq!(one.code, Some(code), "{one:?}");
    }
}
