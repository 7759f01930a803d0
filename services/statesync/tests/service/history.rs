//! Earlier versions: listed, read, named, restored; and the audit log over all of them.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use statesync_core::{
    AuditEntry, Digest, DocumentId, OperationId, OperationKind, Timestamp, UserId, Version, genesis,
};
use tonic::Code;
use wire::DocumentType;
use wire::get_content_request::At;

use crate::board::{apply, content, document, edit_text};
use crate::world::{Client, World};

const LETTERS: u64 = 9;

/// A text of nine letters, one in each version from the second on.
async fn letters(client: &mut Client) -> String {
    let doc_id = document(client, DocumentType::Text, "merge").await;
    for count in 0..LETTERS {
        let letter = char::from(b'a' + u8::try_from(count).unwrap());
        let position = u32::try_from(count).unwrap();
        let typed = edit_text(position, 0, &letter.to_string());
        apply(client, &doc_id, None, typed).await;
    }
    doc_id
}

async fn text_at(client: &mut Client, doc_id: &str, at: At) -> Result<(u64, String), Code> {
    let asked = wire::GetContentRequest {
        doc_id: doc_id.to_owned(),
        at: Some(at),
        with_yjs_update: false,
    };
    let answer = client.get_content(asked).await.map_err(|it| it.code())?;
    let content = answer.into_inner().content.unwrap();
    Ok((content.version, content.text))
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = letters(&mut alice).await;
    let (mut versions, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let asked = wire::GetOperationHistoryRequest {
            doc_id: doc_id.clone(),
            from_version: 1,
            limit: 4,
            page_token: token,
        };
        let page = alice
            .get_operation_history(asked)
            .await
            .unwrap()
            .into_inner();
        versions.extend(page.operations.iter().map(|operation| operation.version));
        assert!(page.operations.iter().all(|it| it.user_id == "alice"));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(versions, (2..=1 + LETTERS).collect::<Vec<_>>());
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn an_earlier_version_is_read_named_and_restored() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = letters(&mut alice).await;
    let at = |version| At::Version(version);
    assert_eq!(
        text_at(&mut alice, &doc_id, at(4)).await,
        Ok((4, "abc".to_owned()))
    );
    assert_eq!(
        text_at(&mut alice, &doc_id, at(99)).await,
        Err(Code::OutOfRange)
    );
    let year = |seconds| At::Time(prost_types::Timestamp { seconds, nanos: 0 });
    let first = text_at(&mut alice, &doc_id, year(0)).await;
    assert_eq!(first, Ok((0, String::new())));
    let last = text_at(&mut alice, &doc_id, year(253_402_300_799)).await;
    assert_eq!(last, Ok((10, "abcdefghi".to_owned())));

    let name = wire::NameSnapshotRequest {
        doc_id: doc_id.clone(),
        name: "all letters".to_owned(),
    };
    let named = alice
        .name_snapshot(name.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(named.snapshot.as_ref().unwrap().version, 10);
    let taken = alice.name_snapshot(name).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
    let list = wire::ListSnapshotsRequest {
        doc_id: doc_id.clone(),
    };
    let listed = alice.list_snapshots(list).await.unwrap().into_inner();
    assert_eq!(listed.snapshots, [named.snapshot.unwrap()]);

    let restore = wire::RestoreVersionRequest {
        doc_id: doc_id.clone(),
        version: 4,
        operation_id: Some(Guuid::now().to_string()),
    };
    let restored = alice
        .restore_version(restore.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(restored.applied.as_ref().unwrap().version, 11);
    let again = alice.restore_version(restore).await.unwrap().into_inner();
    assert_eq!(again, restored);
    let now = content(&mut alice, &doc_id).await;
    assert_eq!((now.version, now.text.as_str()), (11, "abc"));
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(bytes.try_into().unwrap())
}

fn kind(of: wire::OperationType) -> OperationKind {
    match of {
        wire::OperationType::Text => OperationKind::Text,
        wire::OperationType::Properties => OperationKind::Properties,
        other => panic!("nobody did {other:?}"),
    }
}

#[tokio::test]
async fn the_audit_log_is_a_chain_that_ends_where_the_document_says() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = letters(&mut alice).await;
    let asked = wire::GetAuditRequest {
        doc_id: doc_id.clone(),
        from_version: 0,
        limit: 0,
    };
    let entries = alice.get_audit(asked).await.unwrap().into_inner().entries;
    assert_eq!(entries.len() as u64, 1 + LETTERS);
    let document = DocumentId(doc_id.parse().unwrap());
    let mut previous = genesis();
    for entry in &entries {
        let at = entry.timestamp.unwrap();
        let ms = at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000;
        let core = AuditEntry {
            version: Version(entry.version),
            operation_id: OperationId(entry.operation_id.parse().unwrap()),
            user_id: UserId::new(&entry.user_id).unwrap(),
            timestamp: Timestamp(u64::try_from(ms).unwrap()),
            kind: kind(entry.r#type()),
            digest: digest(&entry.digest),
            hash: digest(&entry.hash),
        };
        assert!(core.follows(document, previous));
        previous = core.hash;
    }
    let asked = wire::GetDocumentRequest {
        doc_id,
        with_content: true,
    };
    let head = alice.get_document(asked).await.unwrap().into_inner();
    let head = head.document.unwrap();
    assert_eq!(digest(&head.audit_hash), previous);
    assert_eq!(head.content.unwrap().text, "abcdefghi");
}
