//! gRPC over Quantum: tonic's own client and server, an HTTP/2 connection on a stream.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "../transport/fixture.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod fixture;
mod relay;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream;
use hyper_util::rt::TokioIo;
use quantum::{BidirectionalStream, Endpoint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::{Connected, Server};
use tonic::transport::{Channel, Uri};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Answer;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;

use relay::Relay;

/// A stream as tonic's server wants it.
struct Transport(BidirectionalStream);

impl Connected for Transport {
    type ConnectInfo = SocketAddr;

    fn connect_info(&self) -> SocketAddr {
        self.0.send.connection().remote_address()
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Serves health checks on the first connection that is made to `endpoint`.
async fn serve(endpoint: Endpoint, reporter: HealthReporter) {
    let connection = endpoint.accept().await.unwrap();
    let streams = stream::try_unfold(connection, |connection| async {
        let stream = connection.accept_bi().await?;
        Ok::<_, quantum::error::ConnectionError>(Some((Transport(stream), connection)))
    });
    let health = tonic_health::server::HealthService::from_health_reporter(reporter);
    let service = tonic_health::pb::health_server::HealthServer::new(health);
    let server = Server::builder().add_service(service);
    // Ends when the connection does.
    let _ = server.serve_with_incoming(Box::pin(streams)).await;
}

/// A channel whose HTTP/2 connections are streams of one connection to `address`.
async fn channel(client: &Endpoint, address: SocketAddr) -> Channel {
    let connection = client.connect(address, "localhost").await.unwrap();
    let connector = tower::service_fn(move |_: Uri| {
        let connection = connection.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(open(&connection).await?)) }
    });
    let endpoint = tonic::transport::Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(connector).await.unwrap()
}

async fn open(connection: &quantum::Connection) -> io::Result<BidirectionalStream> {
    connection.open_bi().await.map_err(io::Error::other)
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn check(client: &mut HealthClient<Channel>) -> Answer {
    client
        .check(request("store"))
        .await
        .unwrap()
        .into_inner()
        .status()
}

async fn calls(address: SocketAddr, reporter: &HealthReporter, rounds: usize) {
    let client = fixture::client();
    let mut health = HealthClient::new(channel(&client, address).await);
    let mut changes = health
        .clone()
        .watch(request("store"))
        .await
        .unwrap()
        .into_inner();
    for round in 0..rounds {
        let (status, answer) = match round % 2 {
            0 => (ServingStatus::Serving, Answer::Serving),
            _ => (ServingStatus::NotServing, Answer::NotServing),
        };
        reporter.set_service_status("store", status).await;
        while changes.message().await.unwrap().unwrap().status() != answer {}
        assert_eq!(check(&mut health).await, answer);
    }
    let missing = health.check(request("no such service")).await;
    assert_eq!(missing.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_call_and_a_stream_of_answers_run_over_quantum() {
    let server = fixture::server();
    let reporter = HealthReporter::new();
    reporter
        .set_service_status("store", ServingStatus::Unknown)
        .await;
    let served = tokio::spawn(serve(server.clone(), reporter.clone()));
    calls(server.local_addr(), &reporter, 20).await;
    served.abort();
}

#[tokio::test]
async fn calls_survive_two_percent_loss_in_both_directions() {
    let server = fixture::server();
    let relay = Relay::start(server.local_addr(), 2).await;
    let reporter = HealthReporter::new();
    reporter
        .set_service_status("store", ServingStatus::Unknown)
        .await;
    let served = tokio::spawn(serve(server.clone(), reporter.clone()));
    calls(relay.address(), &reporter, 150).await;
    assert!(relay.dropped() > 0);
    served.abort();
}
