//! Asked again under the same name, an operation is done once: over connections that break, one at a time
//! and as a stream.

use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use futures::stream;
use statesync::CallLimits;
use statesync_core::Limits;
use tonic::Code;
use tonic_types::StatusExt;
use wire::DocumentType;
use wire::apply_operations_response::Outcome;

use crate::board::{Replica, content, document, edit_text, operation};
use crate::world::{World, soon};

#[tokio::test]
async fn one_operation_asked_for_over_two_connections_is_done_once() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let asked = operation(&doc_id, None, edit_text(0, 0, "once"));
    let first = alice
        .apply_operation(asked.clone())
        .await
        .unwrap()
        .into_inner();
    drop(alice);
    let mut alice = world.client("alice").await;
    let again = alice
        .apply_operation(asked.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again);
    assert_eq!(first.operation_id, asked.operation_id);
    let mut other = operation(&doc_id, None, edit_text(0, 0, "other"));
    other.operation_id = asked.operation_id.clone();
    let refused = alice.apply_operation(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "OPERATION_REUSED");
    // Somebody else's name is not theirs either.
    let mut bob = world.client("bob").await;
    let refused = bob.apply_operation(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let content = content(&mut alice, &doc_id).await;
    assert_eq!((content.version, content.text.as_str()), (2, "once"));
}

#[tokio::test]
async fn a_stream_that_breaks_is_sent_again_and_everything_is_done_once() {
    const COUNT: usize = 300;
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let asked: Vec<_> = (0..COUNT)
        .map(|_| operation(&doc_id, None, edit_text(0, 0, "x")))
        .collect();
    for broken_after in [0, 1, 37, 150] {
        let mut alice = world.client("alice").await;
        let answers = alice.apply_operations(stream::iter(asked.clone())).await;
        let mut answers = answers.unwrap().into_inner();
        for _ in 0..broken_after {
            soon(answers.message()).await.unwrap().unwrap();
        }
        // Both end here, with operations on their way.
    }
    let answers = alice.apply_operations(stream::iter(asked.clone())).await;
    let mut answers = answers.unwrap().into_inner();
    for (index, asked) in asked.iter().enumerate() {
        let answer = soon(answers.message()).await.unwrap().unwrap();
        assert_eq!(answer.index, index as u64);
        let Some(Outcome::Applied(applied)) = answer.outcome else {
            panic!("{answer:?}");
        };
        assert_eq!(applied.operation_id, asked.operation_id);
        // The first stream handed in a beginning, and so did all others.
        assert_eq!(applied.version, 2 + index as u64);
    }
    assert_eq!(soon(answers.message()).await.unwrap(), None);
    let content = content(&mut alice, &doc_id).await;
    assert_eq!(content.version, 1 + COUNT as u64);
    assert_eq!(content.text, "x".repeat(COUNT));
}

#[tokio::test]
async fn a_refusal_in_a_stream_is_one_answer_among_others() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let asked = vec![
        operation(&doc_id, None, edit_text(0, 0, "a")),
        operation("nonsense", None, edit_text(0, 0, "b")),
        operation(&doc_id, Some(99), edit_text(0, 0, "c")),
        operation(&doc_id, None, edit_text(0, 0, "d")),
    ];
    let answers = alice.apply_operations(stream::iter(asked)).await;
    let mut answers = answers.unwrap().into_inner();
    let mut codes = Vec::new();
    while let Some(answer) = soon(answers.message()).await.unwrap() {
        assert_eq!(answer.index, codes.len() as u64);
        codes.push(match answer.outcome.unwrap() {
            Outcome::Applied(_) => Code::Ok,
            Outcome::Failed(failure) => {
                assert!(!failure.details.is_empty(), "{failure:?}");
                Code::from(failure.code)
            }
        });
    }
    let invalid = Code::InvalidArgument;
    assert_eq!(codes, [Code::Ok, invalid, invalid, Code::Ok]);
    assert_eq!(content(&mut alice, &doc_id).await.text, "da");
}

#[tokio::test]
async fn a_call_that_is_too_late_is_not_begun_and_a_crowd_is_turned_away() {
    let usual = CallLimits::default();
    let late = CallLimits {
        duration_max: Duration::ZERO,
        ..usual
    };
    let crowded = CallLimits {
        calls_max: 0,
        ..usual
    };
    for (calls, code) in [
        (late, Code::DeadlineExceeded),
        (crowded, Code::ResourceExhausted),
    ] {
        let world = World::bounded(Limits::default(), calls).await;
        let mut alice = world.client("alice").await;
        let refused = alice.get_stats(wire::GetStatsRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let full = CallLimits {
        streams_max: 1,
        ..usual
    };
    let world = World::bounded(Limits::default(), full).await;
    let mut alice = world.client("alice").await;
    let doc_id = document(&mut alice, DocumentType::Text, "merge").await;
    let first = Replica::new(&mut alice, &doc_id, None).await;
    let asked = wire::SubscribeDocumentRequest {
        doc_id,
        ..Default::default()
    };
    let refused = alice.subscribe_document(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(first);
}
