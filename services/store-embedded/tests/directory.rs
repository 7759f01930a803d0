//! The data directory: whose it is, what may be in it, what cannot be one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;

use store_embedded::{EmbeddedStore, OpenError, Options};

#[test]
fn a_second_instance_on_the_same_data_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path());
    let store = EmbeddedStore::open(&options).unwrap();
    let refused = EmbeddedStore::open(&options).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("in use by another process"),
        "{refused}"
    );
    drop(store);
    EmbeddedStore::open(&options).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_one_clear_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = EmbeddedStore::open(&Options::new(file.join("data"))).unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
    assert!(
        text.contains("data directory") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn a_directory_with_something_else_in_it_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let photograph = directory.path().join("holiday.jpeg");
    fs::write(&photograph, b"beach").unwrap();
    let refused = EmbeddedStore::open(&Options::new(directory.path())).unwrap_err();
    assert!(
        matches!(refused, OpenError::NotAStore { .. }),
        "{refused:?}"
    );
    assert_eq!(fs::read(&photograph).unwrap(), b"beach");
    assert!(!directory.path().join("log").exists());
}

#[test]
fn a_store_that_was_half_made_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["log", "tables"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    fs::write(directory.path().join("WITNESS"), b"").unwrap();
    fs::write(directory.path().join("tables").join("v0"), b"half").unwrap();
    EmbeddedStore::open(&Options::new(directory.path())).unwrap();
}

#[test]
fn a_store_without_its_marker_is_not_made_anew_over_its_data() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(&Options::new(directory.path())).unwrap());
    fs::remove_file(directory.path().join("FORMAT")).unwrap();
    let refused = EmbeddedStore::open(&Options::new(directory.path())).unwrap_err();
    assert!(
        matches!(refused, OpenError::NotAStore { .. }),
        "{refused:?}"
    );
}
