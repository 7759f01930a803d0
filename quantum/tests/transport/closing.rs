use quantum::error::{ConnectionError, ReadError, WriteError};

use crate::fixture::{client, connect, loopback, pair, pattern, server};

#[tokio::test]
async fn a_close_reaches_the_peers_application() {
    let pair = pair().await;
    pair.client.close(42, b"enough");
    let error = pair.server.closed().await;
    let ConnectionError::ClosedByApplication { code, reason } = error else {
        panic!("{error:?}");
    };
    assert_eq!((code, &reason[..]), (42, &b"enough"[..]));
    assert_eq!(pair.client.closed().await, ConnectionError::LocallyClosed);
}

#[tokio::test]
async fn a_close_wakes_everybody_who_waits() {
    let pair = pair().await;
    let connection = &pair.server;
    let mut send = connection.open_uni().await.unwrap();
    let mut receive = connection.open_bi().await.unwrap().receive;
    let waiters = async {
        tokio::join!(
            connection.accept_bi(),
            connection.accept_uni(),
            connection.receive_message(),
            receive.read_chunk(1),
            send.stopped(),
        )
    };
    let close = async { pair.client.close(1, b"") };
    let ((bi, uni, message, chunk, stopped), ()) = tokio::join!(waiters, close);
    assert!(bi.is_err() && uni.is_err() && message.is_err());
    assert!(matches!(chunk, Err(ReadError::ConnectionLost(_))));
    assert!(matches!(stopped, Err(WriteError::ConnectionLost(_))));
    assert!(matches!(
        send.write(b"x").await,
        Err(WriteError::ConnectionLost(_))
    ));
}

#[tokio::test]
async fn a_shut_down_delivers_everything_that_was_accepted() {
    let pair = pair().await;
    let sent = pattern(900_000, 5);
    let mut stream = pair.client.open_uni().await.unwrap();
    stream.write_all(&sent).await.unwrap();
    pair.client.send_message(&b"last words"[..]).await.unwrap();
    stream.finish().unwrap();
    pair.client.shut_down(3, b"done");
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert!(receive.read_to_end(1 << 20).await.unwrap() == sent);
    assert_eq!(
        &pair.server.receive_message().await.unwrap()[..],
        b"last words"
    );
    let error = pair.server.closed().await;
    assert!(matches!(
        error,
        ConnectionError::ClosedByApplication { code: 3, .. }
    ));
}

#[tokio::test]
async fn dropping_every_handle_still_delivers() {
    let pair = pair().await;
    let sent = pattern(300_000, 6);
    let mut stream = pair.client.open_uni().await.unwrap();
    stream.write_all(&sent).await.unwrap();
    drop((stream, pair.client, pair.client_endpoint));
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert!(receive.read_to_end(1 << 20).await.unwrap() == sent);
    pair.server.closed().await;
}

#[tokio::test]
async fn what_arrived_before_a_close_can_still_be_read() {
    let pair = pair().await;
    let mut stream = pair.client.open_uni().await.unwrap();
    stream.write_all(b"before").await.unwrap();
    stream.finish().unwrap();
    pair.client.shut_down(0, b"");
    pair.server.closed().await;
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert_eq!(&receive.read_to_end(100).await.unwrap()[..], b"before");
    assert!(pair.server.accept_uni().await.is_err());
}

#[tokio::test]
async fn a_closed_endpoint_accepts_and_connects_no_more() {
    let (client, server) = (client(), server());
    let (_connection, accepted) = connect(&client, &server).await;
    let waiting = tokio::spawn({
        let server = server.clone();
        async move { server.accept().await }
    });
    tokio::task::yield_now().await;
    server.close(5, b"going down");
    assert!(waiting.await.unwrap().is_none());
    assert_eq!(accepted.closed().await, ConnectionError::LocallyClosed);
    server.wait_idle().await;
    assert_eq!(server.statistics().connections, 0);
    assert!(server.connect(loopback(), "localhost").await.is_err());
}

#[tokio::test]
async fn the_driver_ends_with_the_last_handle() {
    let pair = pair().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    pair.client.close(0, b"");
    pair.server.closed().await;
    drop(pair);
    let ended = async {
        while metrics.num_alive_tasks() > before - 2 {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), ended).await;
    assert!(ended.is_ok(), "a driver is still alive");
}

#[test]
fn handles_outlive_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let pair = runtime.block_on(pair());
    drop(runtime);
    assert_eq!(
        pair.client.close_reason(),
        Some(ConnectionError::LocallyClosed)
    );
    drop(pair);
}
