//! Sessions on Redis: several servers have the same ones, and each does without Redis for a while.

use serde_json::{Value, json};
use store_redis::testkit::{Server as Redis, free_port};
use tempfile::TempDir;

use crate::patience::in_time;
use crate::rest::{Person, request, send};
use crate::server::{Server, Setup};

/// A Redis that answers.
async fn redis_at(port: u16) -> Redis {
    let redis = Redis::start(port);
    redis.answers().await;
    redis
}

/// Servers that let in whoever another one has let in, with a key from this folder.
async fn servers(redis: &Redis, folder: &TempDir) -> [Server; 2] {
    let key = folder.path().join("key");
    std::fs::write(&key, [7; 32]).unwrap();
    let start = || {
        let flags = ["--session-store".to_owned(), redis.url()];
        let key = ["--token-key-file".into(), key.clone().into_os_string()];
        Setup::default().flags(flags).flags(key).start()
    };
    [start().await, start().await]
}

/// The same person at another server.
fn at(server: &Server, person: &Person) -> Person {
    Person {
        gateway: server.gateway,
        ..person.clone()
    }
}

async fn refresh(person: &Person) -> crate::rest::Answer {
    let body = json!({ "refresh_token": person.refresh_token }).to_string();
    let request = request(person.gateway, "POST", "/api/v1/auth/refresh")
        .header("content-type", "application/json")
        .body(body.into());
    send(person.gateway, request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn who_logs_in_at_one_server_is_logged_in_at_the_other_and_so_is_who_logs_out() {
    let folder = tempfile::tempdir().unwrap();
    let redis = redis_at(free_port()).await;
    let [one, other] = servers(&redis, &folder).await;
    let ada = Person::log_in(&one, "Ada").await;
    let there = at(&other, &ada);
    let me = there.get("/auth/me").await.expect(200);
    assert_eq!(me["user"]["name"], "Ada");
    // Either of them gives new tokens for it.
    let tokens = refresh(&there).await.expect(200);
    assert_ne!(
        tokens["refresh_token"],
        Value::from(ada.refresh_token.as_str())
    );
    // A session outlives a server.
    let one = one.kill().await.start().await;
    let here = at(&one, &ada);
    here.get("/auth/me").await.expect(200);
    here.call("POST", "/auth/logout", Value::Null)
        .await
        .expect(204);
    assert_eq!(there.get("/auth/me").await.problem(401), "unauthenticated");
    assert_eq!(refresh(&there).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn while_redis_is_away_that_is_said_and_afterwards_people_log_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let redis = redis_at(free_port()).await;
    let [one, _] = servers(&redis, &folder).await;
    let ada = Person::log_in(&one, "Ada").await;
    let port = redis.port;
    drop(redis);
    assert_eq!(ada.get("/auth/me").await.problem(503), "unavailable");
    let refused = Person::try_log_in(one.gateway, "Ada").await;
    assert_eq!(refused.problem(503), "unavailable");
    let _redis = redis_at(port).await;
    // It forgot the session.
    let refused = in_time("Redis is found again", async {
        loop {
            let answer = ada.get("/auth/me").await;
            if answer.status != 503 {
                return answer;
            }
        }
    });
    assert_eq!(refused.await.problem(401), "unauthenticated");
    let again = Person::log_in(&one, "Ada").await;
    again.get("/auth/me").await.expect(200);
}
