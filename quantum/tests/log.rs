//! What the log tells of a connection.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "transport/fixture.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod fixture;

use std::io::{self, Write};
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

/// Lines of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_when_a_connection_begins_moves_and_ends() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let pair = fixture::pair().await;
    let name = format!("{:?}", pair.client.guuid());
    let socket = UdpSocket::bind(fixture::loopback()).unwrap();
    pair.client_endpoint.rebind(socket).unwrap();
    pair.client.send_message(&b"moved"[..]).await.unwrap();
    pair.server.receive_message().await.unwrap();
    pair.client.close(7, b"enough");
    pair.server.closed().await;
    pair.client_endpoint.wait_idle().await;
    drop(guard);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // The application's own calls are outside of the endpoint's span.
    let span = "quantum{address=";
    for parts in [
        [span, "connected", "Client"],
        [span, "connected", "Server"],
        [span, "the path changed", "127.0.0.1"],
        ["closed", "Client", "closed by this end"],
        [
            span,
            "Server",
            "closed by the peer's application: code 7 (enough)",
        ],
    ] {
        let told = |line: &str| parts.iter().all(|part| line.contains(part));
        let line = log.lines().find(|line| told(line));
        assert!(line.is_some(), "{parts:?} are missing in\n{log}");
        assert!(line.unwrap().contains(&name), "{line:?} does not say which");
    }
}
