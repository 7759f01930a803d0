//! What a caller finds before the first call: health, the interfaces, and a service that stops in order.

use std::process::Stdio;

use aetherflow_api::statesync::v1 as wire;
use futures::stream;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use wire::DocumentType;

use crate::board::{apply, content, document, edit_text};
use crate::world::{Identity, World, connect, soon};

const NAME: &str = "aetherflow.statesync.v1.StateSyncService";

#[tokio::test]
async fn health_and_reflection_answer_without_credentials() {
    let world = World::new().await;
    let channel = world.channel().await;
    let mut health = HealthClient::new(channel.clone());
    for service in ["", NAME] {
        let asked = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    let mut reflection = ServerReflectionClient::new(channel);
    let asked = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(stream::iter([asked]));
    let mut answers = answers.await.unwrap().into_inner();
    let answer = soon(answers.message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        panic!("{answer:?}");
    };
    assert!(listed.service.iter().any(|service| service.name == NAME));
}

#[tokio::test]
async fn a_service_that_is_told_to_stop_ends_although_streams_are_open() {
    let mut world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let (asking, asked) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(asked);
    let answers = alice.apply_operations(requests).await.unwrap();
    let mut answers = answers.into_inner();
    world.stop.cancel();
    let end = soon(answers.message()).await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    drop((asking, doc_id));
    soon(&mut world.server).await.unwrap();
}

#[tokio::test]
async fn documents_are_listed_by_state_type_and_tag_page_by_page() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let mut ids = Vec::new();
    for kind in [DocumentType::Text, DocumentType::Sheet, DocumentType::Text] {
        ids.push(document(&mut alice, kind, "merge").await);
    }
    let tags = Some(wire::WordSet {
        words: vec!["red".to_owned()],
    });
    let tagged = wire::UpdateDocumentRequest {
        doc_id: ids[0].clone(),
        tags,
        ..Default::default()
    };
    alice.update_document(tagged).await.unwrap();
    let delete = wire::DeleteDocumentRequest {
        doc_id: ids[2].clone(),
    };
    alice.delete_document(delete).await.unwrap();
    for (asked, expected) in [
        (
            wire::ListDocumentsRequest::default(),
            vec![&ids[1], &ids[0]],
        ),
        (
            wire::ListDocumentsRequest {
                r#type: DocumentType::Sheet.into(),
                ..Default::default()
            },
            vec![&ids[1]],
        ),
        (
            wire::ListDocumentsRequest {
                tag: Some("red".to_owned()),
                ..Default::default()
            },
            vec![&ids[0]],
        ),
    ] {
        let mut asked = wire::ListDocumentsRequest {
            page_size: 1,
            ..asked
        };
        let mut found = Vec::new();
        loop {
            let page = alice
                .list_documents(asked.clone())
                .await
                .unwrap()
                .into_inner();
            found.extend(page.documents.into_iter().map(|document| document.id));
            if page.next_page_token.is_empty() {
                break;
            }
            asked.page_token = page.next_page_token;
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
    let mut bob = world.client("bob").await;
    let none = bob
        .list_documents(wire::ListDocumentsRequest::default())
        .await;
    assert_eq!(none.unwrap().into_inner().documents, []);
}

/// The program on a free port, and its address.
async fn program(folder: &std::path::Path) -> (Child, std::net::SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_statesync-service"))
        .args(["--listen", "127.0.0.1:0", "--document-store"])
        .arg(format!("embedded:{}", folder.display()))
        .env("RUST_LOG", "info")
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = soon(lines.next_line()).await.unwrap().expect("it serves");
        if let Some((_, rest)) = line.split_once("address=") {
            break rest.split(' ').next().unwrap().parse().unwrap();
        }
    };
    // What else it says is read, so that it can say it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}

#[tokio::test]
async fn the_program_stops_when_it_is_told_and_what_it_said_was_stored_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = program(folder.path()).await;
    let mut alice = connect(address, Identity::of("alice", "s")).await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "kept")).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(soon(child.wait()).await.unwrap().success());
    let (_child, address) = program(folder.path()).await;
    let mut alice = connect(address, Identity::of("alice", "s")).await;
    assert_eq!(content(&mut alice, &doc_id).await.text, "kept");
}

/// What comes back for `GET path`.
async fn got(address: &str, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn the_program_says_where_it_is_and_tells_its_figures_there() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_statesync-service"))
        .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    for start in ["statesync-service is ready: http://", "metrics: http://"] {
        let line = soon(lines.next_line()).await.unwrap().expect("it is ready");
        said.push(line.strip_prefix(start).expect("where").to_owned());
    }
    let service = said[0].parse().unwrap();
    let mut alice = connect(service, Identity::of("alice", "s")).await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    apply(&mut alice, &doc_id, None, edit_text(0, 0, "counted")).await;
    let figures = got(&said[1], "/metrics").await;
    assert!(figures.starts_with("HTTP/1.1 200 OK"), "{figures}");
    for expected in [
        "statesync_operations_total{type=\"text\",status=\"applied\"} 1",
        "statesync_open_documents 1",
        "statesync_call_duration_seconds_bucket{method=\"ApplyOperation\",code=\"Ok\",le=\"+Inf\"} 1",
    ] {
        assert!(figures.contains(expected), "no {expected} in {figures}");
    }
    assert!(got(&said[1], "/livez").await.ends_with("ok\n"));
    assert!(got(&said[1], "/x").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn the_program_does_not_start_open_to_others_or_on_what_it_does_not_have() {
    for (arguments, reason) in [
        (["--listen", "0.0.0.0:0"], "service secret"),
        (
            ["--document-store", "postgres://127.0.0.1:1/x"],
            "cannot connect to PostgreSQL",
        ),
        (["--metrics", "192.0.2.1:1"], "(--metrics)"),
        (
            ["--bus", "redis://not a host"],
            "the address of a Redis server",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_statesync-service"))
            .args(
                ["--listen", "127.0.0.1:0"]
                    .iter()
                    .filter(|_| arguments[0] != "--listen"),
            )
            .args(arguments)
            .output();
        let output = soon(output).await.unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(reason), "{said}");
    }
}
