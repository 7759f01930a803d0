//! Endpoints on the loopback interface.

use std::net::SocketAddr;

use quantum::{ClientConfig, Connection, Endpoint, ServerConfig};

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) fn server_config() -> ServerConfig {
    ServerConfig::default()
}

pub(crate) fn client_config() -> ClientConfig {
    ClientConfig::default()
}

pub(crate) fn server() -> Endpoint {
    Endpoint::server(server_config(), loopback()).unwrap()
}

pub(crate) fn client() -> Endpoint {
    Endpoint::client(client_config(), loopback()).unwrap()
}

/// Two endpoints and a connection between them.
pub(crate) struct Pair {
    pub(crate) client_endpoint: Endpoint,
    pub(crate) server_endpoint: Endpoint,
    pub(crate) client: Connection,
    pub(crate) server: Connection,
}

pub(crate) async fn pair() -> Pair {
    let (client_endpoint, server_endpoint) = (client(), server());
    let (client, server) = connect(&client_endpoint, &server_endpoint).await;
    Pair {
        client_endpoint,
        server_endpoint,
        client,
        server,
    }
}

pub(crate) async fn connect(client: &Endpoint, server: &Endpoint) -> (Connection, Connection) {
    let connecting = client.connect(server.local_addr(), "localhost");
    let (client, server) = tokio::join!(connecting, server.accept());
    (client.unwrap(), server.unwrap())
}

/// Accepts connections and sends back what arrives on each of their streams.
pub(crate) async fn echo(endpoint: Endpoint) {
    while let Some(connection) = endpoint.accept().await {
        tokio::spawn(echo_streams(connection));
    }
}

pub(crate) async fn echo_streams(connection: Connection) {
    while let Ok(stream) = connection.accept_bi().await {
        tokio::spawn(async move {
            let (mut send, mut receive) = stream.split();
            while let Some(chunk) = receive.read_chunk(usize::MAX).await.unwrap() {
                send.write_chunk(chunk).await.unwrap();
            }
            send.finish().unwrap();
        });
    }
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(length: usize, seed: u8) -> Vec<u8> {
    let bytes = (0..length).map(|index| (index % 251) as u8 ^ (index >> 8) as u8 ^ seed);
    bytes.collect()
}
