use std::time::Duration;

use futures::FutureExt;
use quantum::error::SendMessageError;
use quantum::{MessageOptions, Urgency};

use crate::fixture::pair;

#[tokio::test]
async fn messages_arrive_whole() {
    let pair = pair().await;
    for index in 0..500_u32 {
        let message = index.to_be_bytes().repeat(10);
        pair.client.send_message(message).await.unwrap();
    }
    let mut seen = vec![false; 500];
    for _ in 0..500 {
        let message = pair.server.receive_message().await.unwrap();
        let index = u32::from_be_bytes(message[..4].try_into().unwrap());
        assert_eq!(message, index.to_be_bytes().repeat(10));
        seen[index as usize] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[tokio::test]
async fn unreliable_messages_arrive_when_nothing_is_lost() {
    let pair = pair().await;
    pair.server
        .send_unreliable_message(&b"tick"[..])
        .await
        .unwrap();
    assert_eq!(&pair.client.receive_message().await.unwrap()[..], b"tick");
}

#[tokio::test]
async fn a_message_too_large_is_the_callers_fault() {
    let pair = pair().await;
    let outcome = pair.client.send_message(vec![0; 2 << 20]).await;
    assert!(matches!(
        outcome,
        Err(SendMessageError::TooLarge {
            bytes: 2_097_152,
            ..
        })
    ));
}

#[tokio::test]
async fn two_readers_share_the_messages() {
    let pair = pair().await;
    let readers = [pair.server.clone(), pair.server.clone()].map(|connection| {
        tokio::spawn(async move {
            let mut count = 0;
            while connection.receive_message().await.is_ok() {
                count += 1;
            }
            count
        })
    });
    for _ in 0..100 {
        pair.client.send_message(&b"one"[..]).await.unwrap();
    }
    pair.client.shut_down(0, b"");
    let mut total = 0;
    for reader in readers {
        total += reader.await.unwrap();
    }
    assert_eq!(total, 100);
}

fn within(deadline: Duration) -> MessageOptions {
    MessageOptions::reliable().with_deadline(deadline)
}

#[tokio::test]
async fn messages_with_options_are_counted_and_arrive() {
    let pair = pair().await;
    let urgent = MessageOptions::unreliable().with_urgency(Urgency::HIGHEST);
    let patient = within(Duration::from_secs(60)).with_urgency(Urgency::LOWEST);
    for (number, options) in (0..).zip([urgent, patient]) {
        let sent = pair.client.send_message_with(&b"tick"[..], options).await;
        assert_eq!(sent.unwrap(), number);
        assert_eq!(pair.server.receive_message().await.unwrap(), "tick");
    }
}

#[tokio::test]
async fn a_message_that_expires_is_named_to_its_sender() {
    let pair = pair().await;
    let client = pair.client.clone();
    let waiting = tokio::spawn(async move { client.expired_message().await.unwrap() });
    pair.client.send_message(&b"first"[..]).await.unwrap();
    let hopeless = within(Duration::ZERO);
    let number = pair.client.send_message_with(&b"late"[..], hopeless).await;
    assert_eq!(waiting.await.unwrap(), number.unwrap());
    assert_eq!(pair.server.receive_message().await.unwrap(), "first");
    pair.client.send_message(&b"last"[..]).await.unwrap();
    assert_eq!(pair.server.receive_message().await.unwrap(), "last");
    assert_eq!(pair.client.statistics().messages_expired, 1);
    pair.client.close(0, b"");
    assert!(pair.client.expired_message().await.is_err());
}

#[tokio::test]
async fn a_deadline_also_ends_the_wait_for_room() {
    let pair = pair().await;
    // Nobody takes them: credit and send window are used up.
    let pause = Duration::from_millis(200);
    let send = || tokio::time::timeout(pause, pair.client.send_message(vec![0; 1 << 20]));
    while let Ok(sent) = send().await {
        sent.unwrap();
    }
    let options = within(Duration::from_millis(10));
    let message = vec![0; 1_000_000];
    let sent = pair.client.send_message_with(message.clone(), options);
    assert!(matches!(sent.await, Err(SendMessageError::Expired)));
    // For what is more urgent there is room.
    let urgent = MessageOptions::reliable().with_urgency(Urgency::HIGHEST);
    let sent = pair
        .client
        .send_message_with(message, urgent)
        .now_or_never();
    assert!(matches!(sent, Some(Ok(_))));
}
