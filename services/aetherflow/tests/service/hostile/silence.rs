//! The watchdog of y-websocket, which takes 30 s without a message for the end.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use super::Scene;
use crate::server::Setup;
use crate::socket::Knock;

#[tokio::test]
async fn a_silent_client_hears_from_the_server_all_the_time() {
    let mut scene = Scene::set(Setup::default()).await;
    let quiet = scene.owner.create("quiet").await;
    let mut socket = Knock::by(&scene.owner, &quiet).open().await;
    // A message every 20 s at least makes two in 45 s, besides those of the welcome.
    let until = Instant::now() + Duration::from_secs(45);
    let mut frames = 0;
    while let Ok(message) = timeout_at(until, socket.next()).await {
        // Control frames are not messages to a page.
        frames += usize::from(matches!(message, Some(Ok(Message::Binary(_)))));
    }
    assert!(frames >= 3, "{frames} frames in 45 s");
    scene.goes_on().await;
}
