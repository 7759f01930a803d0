//! What a dropped future leaves behind: nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::fixture::{client, connect, pair, pattern, server};

/// Polls `future` once and drops it.
async fn give_up<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_dropped_read_takes_no_bytes() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.write_all(b"a").await.unwrap();
    let mut receive = pair.server.accept_uni().await.unwrap();
    receive.read(&mut [0; 1]).await.unwrap();
    for round in 0..100_u8 {
        assert!(give_up(receive.read(&mut [0; 10])).await.is_none());
        send.write_all(&[round]).await.unwrap();
        let mut byte = [0];
        assert_eq!(receive.read(&mut byte).await.unwrap(), 1);
        assert_eq!(byte[0], round);
    }
}

#[tokio::test]
async fn a_dropped_accept_takes_no_stream() {
    let pair = pair().await;
    for round in 0..50_u8 {
        assert!(give_up(pair.server.accept_uni()).await.is_none());
        let mut send = pair.client.open_uni().await.unwrap();
        send.write_all(&[round]).await.unwrap();
        send.finish().unwrap();
        let mut receive = pair.server.accept_uni().await.unwrap();
        assert_eq!(receive.read_to_end(10).await.unwrap()[..], [round]);
    }
}

#[tokio::test]
async fn a_dropped_receive_takes_no_message() {
    let pair = pair().await;
    for round in 0..50_u8 {
        assert!(give_up(pair.server.receive_message()).await.is_none());
        pair.client.send_message(vec![round]).await.unwrap();
        assert_eq!(pair.server.receive_message().await.unwrap()[..], [round]);
    }
}

#[tokio::test]
async fn a_dropped_write_accepts_nothing() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    let chunk = pattern(1 << 16, 0);
    let mut accepted = 0;
    let deadline = Duration::from_millis(100);
    while let Ok(count) = tokio::time::timeout(deadline, send.write(&chunk)).await {
        accepted += count.unwrap();
    }
    drop(send);
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert_eq!(receive.read_to_end(1 << 30).await.unwrap().len(), accepted);
}

#[tokio::test]
async fn who_gives_up_waiting_takes_no_wake_up_from_others() {
    let pair = pair().await;
    let waiter = tokio::spawn({
        let connection = pair.server.clone();
        async move { connection.receive_message().await }
    });
    tokio::task::yield_now().await;
    for _ in 0..10 {
        assert!(give_up(pair.server.receive_message()).await.is_none());
    }
    pair.client
        .send_message(&b"for the waiter"[..])
        .await
        .unwrap();
    assert_eq!(&waiter.await.unwrap().unwrap()[..], b"for the waiter");
}

#[tokio::test]
async fn a_dropped_accept_of_connections_takes_none() {
    let (client, server) = (client(), server());
    assert!(give_up(server.accept()).await.is_none());
    let (_client, _server) = connect(&client, &server).await;
}

#[tokio::test]
async fn a_dropped_handshake_is_given_up() {
    let (client, server) = (client(), server());
    drop(client.connect(server.local_addr(), "localhost"));
    client.wait_idle().await;
    assert_eq!(client.statistics().connections, 0);
}
