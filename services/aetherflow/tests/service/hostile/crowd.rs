//! More connections than anybody needs.

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use super::Scene;
use super::flood::ELSEWHERE;
use crate::editor::Editor;
use crate::patience::until;
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::Knock;

const TRY_AGAIN_LATER: u16 = 1013;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_address_leave_room_for_others() {
    /// Of the default limits.
    const ADDRESS_CONNECTIONS_MAX: usize = 1_000;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut scene = Scene::set(Setup::default()).await;
    let mut idle = Vec::new();
    for _ in 0..=ADDRESS_CONNECTIONS_MAX {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ELSEWHERE, 0).into()).unwrap();
        idle.push(socket.connect(scene.server.gateway).await.unwrap());
    }
    let (first, one_too_many) = idle.split_at_mut(ADDRESS_CONNECTIONS_MAX);
    // The others get the time that every connection has for its first request.
    tokio::select! {
        _ = one_too_many[0].read_u8() => {}
        _ = first[ADDRESS_CONNECTIONS_MAX - 1].read_u8() => panic!("a place was taken away"),
    }
    scene.goes_on().await;
    assert_eq!(scene.owner.get("/auth/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_so_many_sockets_and_others_have_theirs() {
    /// Of the default limits.
    const USER_SOCKETS_MAX: usize = 256;
    let mut scene = Scene::set(Setup::default()).await;
    let guest = Person::log_in(&scene.server, "Guest").await;
    let door = Knock::by(&guest, &scene.document);
    let mut sockets = Vec::new();
    for _ in 0..USER_SOCKETS_MAX {
        sockets.push(door.open().await);
    }
    assert_eq!(door.refused().await, TRY_AGAIN_LATER);
    scene.goes_on().await;
    // One that is closed makes room, as soon as the server has noticed.
    sockets.pop().unwrap().close(None).await.unwrap();
    until("room for one more", async || {
        let mut editor = Editor::over(door.open().await);
        editor.receive().await.is_ok()
    })
    .await;
}
