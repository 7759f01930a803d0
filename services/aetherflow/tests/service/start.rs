//! Starting, stopping, and being told clearly why it does not start.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::editor::Editor;
use crate::rest::{Person, ask};
use crate::server::{ANY_PORT, Ending, Setup};
use crate::socket::{Knock, SAVED};

/// The one line that says why it did not start: the last one, after warnings if there are any.
fn reason(ending: &Ending) -> &str {
    assert!(!ending.status.success(), "{}", ending.stderr);
    let mut lines: Vec<_> = ending.stderr.lines().collect();
    lines.retain(|line| !line.contains(" WARN "));
    assert_eq!(lines.len(), 1, "one line: {}", ending.stderr);
    lines[0]
        .strip_prefix("aetherflow: ")
        .expect("the line says who speaks")
}

#[tokio::test]
async fn a_server_that_is_ready_says_where_and_answers() {
    let server = Setup::default().start().await;
    let ready = format!("AetherFlow is ready: http://localhost:{}", server.ui.port());
    assert_eq!(server.announcement[0], ready);
    for address in [server.ui, server.gateway] {
        for path in ["/livez", "/readyz", "/version", "/metrics"] {
            assert_eq!(ask(address, "GET", path).await.status, 200, "{path}");
        }
    }
    let version = ask(server.ui, "GET", "/version").await.json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let person = Person::log_in(&server, "Ada").await;
    person.create("Notes").await;
    let metrics = ask(server.gateway, "GET", "/metrics").await.text();
    assert!(metrics.contains("statesync_open_documents"), "{metrics}");
}

#[tokio::test]
async fn a_server_takes_all_the_files_that_it_may_have() {
    let server = Setup::default().start().await;
    let limits = server.kernel_file("limits");
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files: Vec<_> = files.unwrap().split_whitespace().collect();
    assert_eq!(files[0], files[1], "soft and hard limit");
}

#[tokio::test]
async fn both_stop_signals_tell_clients_to_come_back_and_end_with_zero() {
    let mut setup = Setup::default();
    for signal in [Signal::TERM, Signal::INT] {
        let server = setup.start().await;
        let person = Person::log_in(&server, "Ada").await;
        let document = person.create("Notes").await;
        let knock = Knock::by(&person, &document).offer(SAVED);
        let mut editor = Editor::open(&knock).await;
        editor.type_over(0, 0, "kept").await;
        editor
            .until("it is saved", |editor| editor.saved() == editor.sent())
            .await;
        server.signal(signal);
        assert_eq!(editor.ended().await, Some(1012));
        let (ending, same) = server.stop(signal).await;
        assert_eq!(ending.status.code(), Some(0), "{}", ending.stderr);
        setup = same;
        let server = setup.start().await;
        let person = Person::log_in(&server, "Ada").await;
        assert_eq!(person.text(&document).await, "kept");
        setup = server.kill().await;
    }
}

#[tokio::test]
async fn a_restart_shows_every_document_with_name_and_state() {
    let server = Setup::default().start().await;
    let person = Person::log_in(&server, "Ada").await;
    let mut documents = Vec::new();
    for number in 0..20 {
        documents.push(person.create(&format!("Document {number}")).await);
    }
    person
        .change(
            &documents[3],
            json!({"name": "Renamed", "state": "archived"}),
        )
        .await;
    let (_, setup) = server.stop(Signal::TERM).await;
    let server = setup.start().await;
    // The session outlives the restart, too.
    let person = Person {
        gateway: server.gateway,
        ..person
    };
    for (number, id) in documents.iter().enumerate() {
        let document = person.document(id).await;
        let (name, state) = match number {
            3 => ("Renamed".to_owned(), "archived"),
            _ => (format!("Document {number}"), "active"),
        };
        assert_eq!(document["name"], name);
        assert_eq!(document["state"], state);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Setup::default().start().await;
    let taken = server.ui;
    let cases = [("--ui", taken, ANY_PORT), ("--gateway", ANY_PORT, taken)];
    for (option, ui, gateway) in cases {
        let ending = Setup::bare().fail_on(ui, gateway).await;
        let reason = reason(&ending);
        assert!(reason.contains(&taken.to_string()), "{reason}");
        assert!(reason.contains(option), "{reason}");
    }
    let ending = Setup::bare().statesync(taken).fail().await;
    let reason = reason(&ending);
    assert!(reason.contains("--statesync-grpc"), "{reason}");
}

#[tokio::test]
async fn a_second_instance_on_the_same_data_is_told_so() {
    let server = Setup::default().start().await;
    let ending = server.setup().fail_on(ANY_PORT, ANY_PORT).await;
    assert!(reason(&ending).contains("in use by another process"));
    let person = Person::log_in(&server, "Ada").await;
    person.create("The first one goes on").await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let setup = Setup::bare();
    fs::write(setup.data(), "a file").unwrap();
    let ending = setup.fail().await;
    assert!(reason(&ending).contains(setup.data().to_str().unwrap()));
}

#[tokio::test]
async fn bad_options_are_one_clear_line() {
    let setup = Setup::bare();
    let (config, key) = (setup.beside("config.toml"), setup.beside("key"));
    fs::write(&config, "dokument-store = 'memory'").unwrap();
    fs::write(&key, "too short").unwrap();
    let nowhere = setup.beside("nowhere.toml");
    let cases = [
        (
            vec!["--config".into(), config.into_os_string()],
            "dokument-store",
        ),
        (
            vec!["--config".into(), nowhere.into_os_string()],
            "nowhere.toml",
        ),
        (
            vec!["--token-key-file".into(), key.into_os_string()],
            "at least 32 bytes",
        ),
        (
            vec!["--allowed-origins".into(), "*".into()],
            "not an origin",
        ),
        (
            vec!["--document-store".into(), "postgres://127.0.0.1:1/x".into()],
            "cannot connect to PostgreSQL",
        ),
        (
            vec!["--document-store".into(), "postgres://host:port/x".into()],
            "the connection URL of PostgreSQL is not valid",
        ),
        (
            vec!["--bus".into(), "redis://not a host".into()],
            "the address of a Redis server",
        ),
        (
            vec!["--session-store".into(), "redis://127.0.0.1:1".into()],
            "the sessions on Redis are not available",
        ),
        (
            vec!["--service-secret".into(), "too short".into()],
            "the service secret needs at least 32",
        ),
        (
            vec!["--service-secret-file".into(), setup.beside("none").into()],
            "none cannot be read",
        ),
    ];
    for (flags, expected) in cases {
        let ending = Setup::bare().flags(flags).fail().await;
        assert!(reason(&ending).contains(expected), "{}", ending.stderr);
    }
    for flags in [
        ["--no-such-option", "1"],
        ["--document-store", "mysql"],
        ["--session-store", "postgres://host/database"],
        ["--bus", "kafka"],
    ] {
        let ending = Setup::bare().flags(flags).fail().await;
        assert_eq!(ending.status.code(), Some(2), "{}", ending.stderr);
        assert!(ending.stderr.contains(flags[0]), "{}", ending.stderr);
    }
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let setup = Setup::bare();
    let config = setup.beside("config.toml");
    fs::write(
        &config,
        "development-login = true\nsession-store = 'memory'",
    )
    .unwrap();
    let with_file = setup.flags(["--config".into(), config.into_os_string()]);
    let server = with_file.start().await;
    Person::log_in(&server, "Ada").await;
    let (_, setup) = server.stop(Signal::TERM).await;
    let setup = setup.environment("AETHERFLOW_DEVELOPMENT_LOGIN", "false");
    let server = setup.start().await;
    let login = Person::try_log_in(server.gateway, "Ada").await;
    assert_eq!(login.status, 404, "the environment switched it off");
    let (_, setup) = server.stop(Signal::TERM).await;
    let server = setup.flags(["--development-login"]).start().await;
    Person::log_in(&server, "Ada").await;
}

#[tokio::test]
async fn lost_edits_are_reported_and_not_served_until_somebody_accepts_it() {
    let server = Setup::default().start().await;
    let person = Person::log_in(&server, "Ada").await;
    let kept = person.create("Kept").await;
    person.change(&kept, json!({"name": "Lost"})).await;
    let setup = server.kill().await;
    // The end of the log is cut off, as a disk that lied would do.
    let logs = fs::read_dir(setup.data().join("store").join("log")).unwrap();
    let log = logs.map(|entry| entry.unwrap().path()).max().unwrap();
    let bytes = fs::read(&log).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&log, &bytes[..written - 20]).unwrap();
    let ending = setup.fail().await;
    assert!(
        reason(&ending).contains("acknowledged commits are lost"),
        "{}",
        ending.stderr
    );
    assert!(
        reason(&ending).contains("--accept-data-loss"),
        "{}",
        ending.stderr
    );
    let server = setup.flags(["--accept-data-loss"]).start().await;
    let person = Person::log_in(&server, "Ada").await;
    assert_eq!(person.document(&kept).await["name"], "Kept");
}
