//! Hints over a real Redis server, which this test starts itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use std::time::Duration;

use guuid::Guuid;
use statesync_core::{Bus, DocumentId, Hint, Version};
use store_redis::testkit::{Server, free_port};
use store_redis::{BusError, Hints, RedisBus};
use tokio::time::timeout;

/// Only for what would never come.
const LONGEST: Duration = Duration::from_secs(60);

fn hint(version: u64) -> Hint {
    Hint {
        document_id: DocumentId(Guuid::now()),
        version: Version(version),
    }
}

/// Announces until one is heard, and after each time until the server has answered somebody else: when it
/// is there, and when both of them have found it, nobody knows.
async fn heard(server: &Server, from: &RedisBus, hint: Hint, by: &mut Hints) {
    let announcing = async {
        loop {
            from.announce(hint);
            server.answers().await;
        }
    };
    let hearing = async { while by.next().await.expect("the listening goes on") != hint {} };
    tokio::select! {
        () = announcing => {}
        outcome = timeout(LONGEST, hearing) => outcome.expect("a hint arrives"),
    }
}

#[tokio::test]
async fn hints_reach_the_others_and_not_oneself_and_go_on_after_the_server_was_away() {
    let server = Server::start(free_port());
    let (one, mut at_one) = RedisBus::start(&server.url()).unwrap();
    let (other, mut at_other) = RedisBus::start(&server.url()).unwrap();
    heard(&server, &one, hint(1), &mut at_other).await;
    heard(&server, &other, hint(2), &mut at_one).await;
    // Its own are not among what the first one hears: only those of the other are.
    let last = hint(3);
    one.announce(hint(99));
    heard(&server, &other, last, &mut at_one).await;

    let port = server.port;
    drop(server);
    // While it is away nobody waits.
    (0..10_000).for_each(|version| one.announce(hint(version)));
    let again = Server::start(port);
    heard(&again, &one, hint(4), &mut at_other).await;
    heard(&again, &other, hint(5), &mut at_one).await;
}

#[tokio::test]
async fn what_others_put_on_the_channel_does_no_harm() {
    let server = Server::start(free_port());
    let (one, _at_one) = RedisBus::start(&server.url()).unwrap();
    let (_other, mut at_other) = RedisBus::start(&server.url()).unwrap();
    heard(&server, &one, hint(1), &mut at_other).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let large = vec![0; 1_000_000];
    for garbage in [&b""[..], b"nonsense", &[0xff; 32], &large] {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg("aetherflow:documents").arg(garbage);
        publish.query_async::<()>(&mut connection).await.unwrap();
    }
    heard(&server, &one, hint(2), &mut at_other).await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let refused = RedisBus::start("http://localhost");
    assert!(matches!(refused, Err(BusError::Address(_))));
}
