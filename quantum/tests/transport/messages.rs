use quantum::error::SendMessageError;

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
