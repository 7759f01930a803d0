//! Endpoints on the loopback interface.

use std::net::SocketAddr;
use std::sync::OnceLock;

use quantum::{ClientConfig, Connection, Endpoint, Fingerprint, ServerConfig};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// The server's certificate and key, the same for every endpoint of the process.
fn identity() -> &'static CertifiedKey<KeyPair> {
    static IDENTITY: OnceLock<CertifiedKey<KeyPair>> = OnceLock::new();
    IDENTITY.get_or_init(|| generate_simple_self_signed(["localhost".to_owned()]).unwrap())
}

pub(crate) fn server_config() -> ServerConfig {
    let key = identity().signing_key.serialize_der().try_into().unwrap();
    ServerConfig::with_certificate(vec![identity().cert.der().clone()], key).unwrap()
}

pub(crate) fn client_config() -> ClientConfig {
    let pin = Fingerprint::of(identity().cert.der());
    ClientConfig::with_pinned_certificates(vec![pin]).unwrap()
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
