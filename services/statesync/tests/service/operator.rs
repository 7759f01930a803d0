//! What an operator reads in the database is what clients were told.

use aetherflow_api::statesync::v1 as wire;
use store_postgres::testkit::client;
use wire::resolution::Choice;
use wire::{ConflictState, DocumentType};

use crate::board::{apply, conflicts, document, fill, rectangle};
use crate::places::{database, world};

const ACTIVE: &str = "SELECT id, name, type, version FROM documents WHERE state = 'active';";
const NEWEST: &str =
    "SELECT id, type, version, status FROM operations ORDER BY timestamp DESC LIMIT 10;";
const WAITING: &str =
    "SELECT id, resolution, resolved_at FROM conflicts WHERE resolved_at IS NULL;";

type Row = Vec<Option<String>>;

/// The answer as `psql` shows it: every column as text.
async fn ask(tables: &tokio_postgres::Client, query: &str) -> Vec<Row> {
    use tokio_postgres::SimpleQueryMessage as Message;
    let answer = tables.simple_query(query).await.unwrap();
    let rows = answer.iter().filter_map(|message| match message {
        Message::Row(row) => {
            let columns = 0..row.len();
            Some(
                columns
                    .map(|column| row.get(column).map(str::to_owned))
                    .collect(),
            )
        }
        _ => None,
    });
    rows.collect()
}

fn row<const N: usize>(columns: [&str; N]) -> Row {
    columns.map(|column| Some(column.to_owned())).to_vec()
}

#[tokio::test]
async fn the_questions_of_an_operator_have_the_answers_that_clients_were_given() {
    let (cluster, url) = database().await;
    let store = store_postgres::testkit::connect(&url).await;
    let world = world(std::sync::Arc::new(store), Default::default(), cluster).await;
    let (mut alice, mut bob) = (world.client("alice").await, world.client("bob").await);
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "manual").await;
    let archived = document(&mut alice, DocumentType::Sheet, "lww").await;
    let deleted = document(&mut alice, DocumentType::Text, "merge").await;
    let archive = wire::UpdateDocumentRequest {
        doc_id: archived,
        state: wire::DocumentState::Archived.into(),
        ..Default::default()
    };
    alice.update_document(archive).await.unwrap();
    let delete = wire::DeleteDocumentRequest { doc_id: deleted };
    alice.delete_document(delete).await.unwrap();
    let made = apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    let seen = Some(made.version);
    let blue = apply(&mut alice, &doc_id, seen, fill("box", "blue")).await;
    let red = apply(&mut bob, &doc_id, seen, fill("box", "red")).await;

    let tables = client(&url).await;
    assert_eq!(
        ask(&tables, ACTIVE).await,
        [row([&doc_id, "Notes", "whiteboard", "4"])]
    );
    let log = ask(&tables, NEWEST).await;
    let ids = [&red, &blue, &made].map(|it| it.operation_id.clone().unwrap());
    let expected = [
        row([&ids[0], "update", "4", "conflict"]),
        row([&ids[1], "update", "3", "applied"]),
        row([&ids[2], "create", "2", "applied"]),
    ];
    // Some may be of one moment.
    assert!(expected.iter().all(|row| log.contains(row)), "{log:?}");
    // The heads of three documents were changed as well: nothing is missing, nothing is there twice.
    assert_eq!(log.len(), 3 + 3 + 2);

    let waiting = conflicts(&mut alice, &doc_id, ConflictState::Open).await;
    assert_eq!(waiting.len(), 1);
    let expected = vec![Some(waiting[0].id.clone()), None, None];
    assert_eq!(ask(&tables, WAITING).await, [expected]);
    let resolution = wire::Resolution {
        conflict_id: waiting[0].id.clone(),
        choice: Some(Choice::ResolvedOp(ids[0].clone())),
    };
    let resolve = wire::ResolveConflictRequest {
        doc_id: doc_id.clone(),
        resolution: Some(resolution),
        operation_id: None,
    };
    alice.resolve_conflict(resolve).await.unwrap();
    assert_eq!(ask(&tables, WAITING).await, Vec::<Row>::new());
    assert_eq!(
        ask(&tables, ACTIVE).await,
        [row([&doc_id, "Notes", "whiteboard", "5"])]
    );
    let settled = "SELECT id, resolution FROM conflicts WHERE resolved_at IS NOT NULL";
    assert_eq!(
        ask(&tables, settled).await,
        [row([&waiting[0].id, "manual"])]
    );
}

#[tokio::test]
async fn the_newest_operations_are_the_last_ten() {
    let (cluster, url) = database().await;
    let store = store_postgres::testkit::connect(&url).await;
    let world = world(std::sync::Arc::new(store), Default::default(), cluster).await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Whiteboard, "lww").await;
    apply(&mut alice, &doc_id, None, rectangle("box", "white")).await;
    let mut colours = (0..20).map(|count| format!("colour{count}"));
    let tables = client(&url).await;
    for colour in &mut colours {
        apply(&mut alice, &doc_id, None, fill("box", &colour)).await;
        // Times are in whole milliseconds, and equal ones are in no order.
        let now = guuid::Clock::unix_ms(&guuid::SystemClock);
        while guuid::Clock::unix_ms(&guuid::SystemClock) == now {
            tokio::task::yield_now().await;
        }
    }
    let log = ask(&tables, NEWEST).await;
    let versions: Vec<_> = log.iter().map(|row| row[2].clone().unwrap()).collect();
    let expected: Vec<_> = (13..=22)
        .rev()
        .map(|version: u64| version.to_string())
        .collect();
    assert_eq!(versions, expected);
}
