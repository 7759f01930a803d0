use std::net::UdpSocket;

use crate::fixture::{client, connect, echo, echo_streams, loopback, pair, server};

#[tokio::test]
async fn several_endpoints_live_in_one_process() {
    let server = server();
    for _ in 0..5 {
        let client = client();
        let (client, server) = connect(&client, &server).await;
        client.send_message(&b"hello"[..]).await.unwrap();
        assert_eq!(&server.receive_message().await.unwrap()[..], b"hello");
    }
}

#[tokio::test]
async fn one_socket_connects_and_accepts() {
    let (one, other) = (peer(), peer());
    let (_a, _b) = connect(&one, &other).await;
    let (_c, _d) = connect(&other, &one).await;
}

fn peer() -> quantum::Endpoint {
    let builder = quantum::Endpoint::builder();
    let builder = builder.with_client(crate::fixture::client_config());
    let builder = builder.with_server(crate::fixture::server_config());
    builder.bind(loopback()).unwrap()
}

#[tokio::test]
async fn an_ipv6_socket_reaches_an_ipv4_server() {
    let server = server();
    let any = std::net::SocketAddr::from(([0_u16; 8], 0));
    let client = quantum::Endpoint::client(crate::fixture::client_config(), any).unwrap();
    let (client, _server) = connect(&client, &server).await;
    assert_eq!(client.remote_address(), server.local_addr());
}

#[tokio::test]
async fn a_thousand_connections_live_on_two_sockets() {
    let (client, server) = (client(), server());
    tokio::spawn(echo(server.clone()));
    let mut connections = Vec::new();
    for _ in 0..50 {
        let connecting = client.connect(server.local_addr(), "localhost");
        connections.push(connecting.await.unwrap());
    }
    let tasks = connections.into_iter().map(|connection| {
        tokio::spawn(async move {
            let mut stream = connection.open_bi().await.unwrap();
            stream.send.write_all(b"hello").await.unwrap();
            stream.send.finish().unwrap();
            let answer = stream.receive.read_to_end(10).await.unwrap();
            assert_eq!(&answer[..], b"hello");
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    client.wait_idle().await;
    server.wait_idle().await;
}

#[tokio::test]
async fn a_connection_survives_a_new_socket() {
    let pair = pair().await;
    tokio::spawn(echo_streams(pair.server.clone()));
    let mut stream = pair.client.open_bi().await.unwrap();
    for round in 0..3_u8 {
        stream.send.write_all(&[round; 100]).await.unwrap();
        let mut answer = 0;
        while answer < 100 {
            answer += stream.receive.read(&mut [0; 100]).await.unwrap();
        }
        let socket = UdpSocket::bind(loopback()).unwrap();
        let address = socket.local_addr().unwrap();
        pair.client_endpoint.rebind(socket).unwrap();
        assert_eq!(pair.client_endpoint.local_addr(), address);
    }
}

#[tokio::test]
async fn an_idle_endpoint_does_not_spin() {
    let pair = pair().await;
    for end in [&pair.client_endpoint, &pair.server_endpoint] {
        // One that spins never rests, however long it is given.
        assert!(comes_to_rest(end).await, "{:?}", end.statistics());
    }
}

/// Whether there comes a time when nearly nothing happens although the runtime goes round and round:
/// a driver that woke itself would have a turn each time.
async fn comes_to_rest(endpoint: &quantum::Endpoint) -> bool {
    for _ in 0..1_000 {
        let before = endpoint.statistics().turns;
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
        if endpoint.statistics().turns - before <= 2 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn connections_between_two_sockets_share_system_calls() {
    let (client, server) = (client(), server());
    tokio::spawn(echo(server.clone()));
    let mut streams = Vec::new();
    for _ in 0..32 {
        let connecting = client.connect(server.local_addr(), "localhost");
        let mut stream = connecting.await.unwrap().open_bi().await.unwrap();
        // An answer: nothing of the handshake is left to be said.
        stream.send.write_all(&[1; 64]).await.unwrap();
        stream.receive.read(&mut [0; 64]).await.unwrap();
        streams.push(stream);
    }
    let before = client.statistics();
    for _ in 0..20 {
        for stream in &mut streams {
            stream.send.write_all(&[1; 64]).await.unwrap();
        }
        for stream in &mut streams {
            stream.receive.read(&mut [0; 64]).await.unwrap();
        }
    }
    let after = client.statistics();
    let datagrams = after.datagrams_sent - before.datagrams_sent;
    let calls = after.send_calls - before.send_calls;
    assert!(datagrams >= 640, "{datagrams}");
    assert!(
        calls * 4 <= datagrams,
        "{calls} system calls for {datagrams} datagrams"
    );
}

#[tokio::test]
async fn junk_costs_an_endpoint_nothing_but_the_reading() {
    let server = server();
    let socket = UdpSocket::bind(loopback()).unwrap();
    for length in 0..200 {
        socket
            .send_to(&vec![0xff; length], server.local_addr())
            .unwrap();
    }
    let (_client, _server) = connect(&client(), &server).await;
    assert_eq!(server.statistics().connections, 1);
    assert!(server.statistics().datagrams_dropped >= 100);
}

/// Whoever handed in a configuration with another origin is overruled: the clock is the endpoint's.
#[tokio::test]
async fn names_of_connections_tell_the_time_of_day() {
    let config = quantum::EndpointConfig::with_seed([7; 32]);
    let wrong = std::time::Duration::from_secs(1);
    let server = quantum::Endpoint::builder()
        .with_server(crate::fixture::server_config())
        .with_endpoint(config.with_origin(wrong));
    let unix_ms = || {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(time.unwrap().as_millis()).unwrap()
    };
    let before = unix_ms();
    let (client, _server) = connect(&client(), &server.bind(loopback()).unwrap()).await;
    let made = client.guuid().unwrap().unix_ms();
    assert!(made >= before, "made at {made}, after {before}");
    assert!(made <= unix_ms(), "made at {made}");
}
