use quantum::Urgency;
use quantum::error::{ReadError, ReadToEndError, WriteError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{client, connect, echo, echo_streams, pair, pattern, server};

#[tokio::test]
async fn a_stream_carries_bytes_both_ways() {
    let pair = pair().await;
    tokio::spawn(echo_streams(pair.server.clone()));
    let mut stream = pair.client.open_bi().await.unwrap();
    stream.send.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

#[tokio::test]
async fn ten_megabytes_arrive_as_they_were_sent() {
    let pair = pair().await;
    let sent = pattern(10 << 20, 1);
    let copy = sent.clone();
    tokio::spawn(async move {
        let mut stream = pair.client.open_uni().await.unwrap();
        stream.write_all(&copy).await.unwrap();
        stream.finish().unwrap();
        stream.finished().await.unwrap();
    });
    let mut stream = pair.server.accept_uni().await.unwrap();
    let received = stream.read_to_end(11 << 20).await.unwrap();
    assert!(received == sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_share_a_connection_between_threads() {
    let (client, server) = (client(), server());
    tokio::spawn(echo(server.clone()));
    let address = server.local_addr();
    let connection = client.connect(address, "localhost").await.unwrap();
    let tasks = (0..200_u8).map(|seed| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let sent = pattern(20_000, seed);
            let mut stream = connection.open_bi().await.unwrap();
            stream.send.write_all(&sent).await.unwrap();
            stream.send.finish().unwrap();
            let received = stream.receive.read_to_end(sent.len()).await.unwrap();
            assert!(received == sent);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn tokios_own_reader_and_writer_run_on_a_stream() {
    let pair = pair().await;
    tokio::spawn(echo_streams(pair.server.clone()));
    let mut stream = pair.client.open_bi().await.unwrap();
    stream.write_all(&pattern(100_000, 3)).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received == pattern(100_000, 3));
}

#[tokio::test]
async fn a_dropped_stream_is_finished() {
    let pair = pair().await;
    let mut stream = pair.client.open_uni().await.unwrap();
    stream.write_all(b"all of it").await.unwrap();
    drop(stream);
    let mut stream = pair.server.accept_uni().await.unwrap();
    assert_eq!(&stream.read_to_end(100).await.unwrap()[..], b"all of it");
}

#[tokio::test]
async fn a_reset_reaches_the_reader_with_its_code() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.write_all(b"some").await.unwrap();
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert_eq!(receive.read(&mut [0; 10]).await.unwrap(), 4);
    send.reset(7).unwrap();
    for _ in 0..2 {
        let outcome = receive.read(&mut [0; 10]).await;
        assert!(matches!(outcome, Err(ReadError::Reset(7))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_stop_reaches_the_writer_with_its_code() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.write_all(b"some").await.unwrap();
    let mut receive = pair.server.accept_uni().await.unwrap();
    receive.stop(9).unwrap();
    assert_eq!(send.stopped().await.unwrap(), Some(9));
    let outcome = send.write(b"more").await;
    assert!(matches!(outcome, Err(WriteError::Stopped(9))));
}

#[tokio::test]
async fn a_stream_longer_than_its_reader_wants_is_an_error() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.write_all(&pattern(5_000, 0)).await.unwrap();
    send.finish().unwrap();
    let mut receive = pair.server.accept_uni().await.unwrap();
    let outcome = receive.read_to_end(4_999).await;
    assert!(matches!(
        outcome,
        Err(ReadToEndError::TooLong { limit: 4_999 })
    ));
}

#[tokio::test]
async fn a_finished_stream_takes_no_more() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.finish().unwrap();
    assert!(send.finish().is_err());
    assert!(matches!(send.write(b"more").await, Err(WriteError::Closed)));
}

#[tokio::test]
async fn a_slow_reader_holds_the_writer_back() {
    let (client, server) = (client(), server());
    let (client, server) = connect(&client, &server).await;
    let mut send = client.open_uni().await.unwrap();
    let chunk = pattern(1 << 20, 0);
    let blocked = async {
        loop {
            send.write_all(&chunk).await.unwrap();
        }
    };
    let pause = std::time::Duration::from_millis(500);
    assert!(tokio::time::timeout(pause, blocked).await.is_err());
    let mut receive = server.accept_uni().await.unwrap();
    let mut read = 0;
    while read < 1 << 20 {
        read += receive.read_chunk(usize::MAX).await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_stream_has_an_urgency_until_it_has_been_delivered() {
    let pair = pair().await;
    let mut send = pair.client.open_uni().await.unwrap();
    send.set_urgency(Urgency::HIGHEST).unwrap();
    send.write_all(b"soon").await.unwrap();
    send.set_urgency(Urgency::LOWEST).unwrap();
    send.finish().unwrap();
    let mut receive = pair.server.accept_uni().await.unwrap();
    assert_eq!(receive.read_to_end(10).await.unwrap(), "soon");
    send.finished().await.unwrap();
    assert!(send.set_urgency(Urgency::DEFAULT).is_err());
}
