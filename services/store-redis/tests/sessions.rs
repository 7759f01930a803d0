//! Sessions on a real Redis server, which this test starts itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use guuid::{Guuid, SeededEntropy};
use redis::aio::MultiplexedConnection;
use session_core::testkit::{T0, record, sampled_user, strict, touched};
use session_core::{
    Created, Filter, Page, Record, Revision, SessionStore, StoreError, Token, testkit,
};
use store_redis::testkit::{Server, free_port};
use store_redis::{RedisSessions, SessionOptions, SessionsError};

/// The one key that is there without sessions.
const PLACES: &str = "aetherflow:sessions:places";

async fn started() -> (Server, RedisSessions) {
    let server = Server::start(free_port());
    server.answers().await;
    let sessions = connected(&server).await;
    (server, sessions)
}

async fn connected(server: &Server) -> RedisSessions {
    RedisSessions::connect(&SessionOptions::new(server.url()))
        .await
        .unwrap()
}

async fn keys(connection: &mut MultiplexedConnection) -> Vec<String> {
    let mut keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(connection)
        .await
        .unwrap();
    keys.retain(|key| key != PLACES);
    keys.sort();
    keys
}

/// The key of a session, by what it ends with.
async fn key_of(connection: &mut MultiplexedConnection, record: &Record) -> String {
    let end = format!("session:{}", record.session.session_id);
    let keys = keys(connection).await;
    keys.into_iter()
        .find(|key| key.ends_with(&end))
        .expect("it is stored")
}

async fn delete(connection: &mut MultiplexedConnection, key: &str) {
    let deleted: u64 = redis::cmd("DEL")
        .arg(key)
        .query_async(connection)
        .await
        .unwrap();
    assert_eq!(deleted, 1, "{key}");
}

async fn stored(sessions: &RedisSessions, record: &Record) {
    let created = sessions.create(record, strict(10_000)).await.unwrap();
    assert_eq!(
        created,
        Created::Stored {
            evicted: Vec::new()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_what_every_store_promises() {
    let server = Server::start(free_port());
    server.answers().await;
    let new_store = || async {
        let mut connection = server.connection().await;
        redis::cmd("FLUSHALL")
            .query_async::<()>(&mut connection)
            .await
            .unwrap();
        Arc::new(connected(&server).await) as Arc<dyn SessionStore>
    };
    testkit::run_all(new_store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_sessions_that_ended_however_many_processes_ended_them() {
    const USERS: [&str; 3] = ["alice", "bob", "{carol}"];
    let (server, first) = started().await;
    let processes = [first, connected(&server).await, connected(&server).await];
    let lives = (0..300_u64).map(|number| {
        let sessions = &processes[number as usize % processes.len()];
        async move {
            let first = record(USERS[number as usize % USERS.len()], number);
            stored(sessions, &first).await;
            let mut second = touched(&first);
            second.session.connection_id = Some(first.session.session_id.guuid().into());
            sessions.replace_if(&second, Revision::FIRST).await.unwrap();
            let mut third = touched(&second);
            third.session.connection_id = Some(Guuid::now().into());
            let replaced = sessions.replace_if(&third, second.session.revision).await;
            replaced.unwrap();
            sessions
                .remove(first.session.session_id, None)
                .await
                .unwrap()
        }
    });
    join_all(lives).await;
    let left = keys(&mut server.connection().await).await;
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_can_be_found_in_redis() {
    let (server, sessions) = started().await;
    let mut record = record("alice", 1);
    let token = Token::mint(record.session.session_id, &SeededEntropy::new(9));
    record.credential = token.credential();
    stored(&sessions, &record).await;
    let mut connection = server.connection().await;
    let key = key_of(&mut connection, &record).await;
    let fields: Vec<Vec<u8>> = redis::cmd("HGETALL")
        .arg(&key)
        .query_async(&mut connection)
        .await
        .unwrap();
    let exposed = token.expose();
    // Of the token's text, the session's id is no secret: the first 21 characters of its base64.
    let secret = &exposed["afs_".len() + 22..];
    for field in &fields {
        let text = String::from_utf8_lossy(field);
        assert!(!text.contains(secret) && !text.contains(&exposed), "{text}");
    }
    let told = fields
        .iter()
        .any(|field| String::from_utf8_lossy(field).contains("alice"));
    assert!(told, "that was the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_for_ten_minutes_after_its_end_and_then_goes_by_itself() {
    let (server, sessions) = started().await;
    let record = record("alice", 0);
    stored(&sessions, &record).await;
    let mut connection = server.connection().await;
    let left = async |connection: &mut MultiplexedConnection| {
        let mut all = Vec::new();
        for key in keys(connection).await {
            let left: i64 = redis::cmd("PTTL")
                .arg(&key)
                .query_async(connection)
                .await
                .unwrap();
            all.push((key, left));
        }
        all
    };
    // An hour, by the testkit, and ten minutes.
    let most = Duration::from_secs(70 * 60).as_millis() as i64;
    for (key, left) in left(&mut connection).await {
        let is_of_place = key.ends_with(":all") || key.ends_with(":expiry");
        let is_right = left > most - 60_000 && left <= most;
        assert!(is_right || (is_of_place && left == -1), "{key}: {left}");
    }
    // One that is extended is kept for longer, and so is the index that leads there.
    let mut longer = touched(&record);
    longer.session.expires_at = T0.plus(Duration::from_secs(100 * 60 * 60));
    sessions.replace_if(&longer, Revision::FIRST).await.unwrap();
    for (key, left) in left(&mut connection).await {
        assert!(left == -1 || left > 100 * 60 * 60 * 1_000, "{key}: {left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_redis_dropped_by_itself_are_in_nobodys_way() {
    let (server, sessions) = started().await;
    let mut connection = server.connection().await;
    let user = Filter::User(sampled_user("alice"));
    let dropped = record("alice", 1);
    for filter in [user.clone(), Filter::All] {
        stored(&sessions, &dropped).await;
        let key = key_of(&mut connection, &dropped).await;
        delete(&mut connection, &key).await;
        let loaded = sessions.load(dropped.session.session_id).await;
        assert!(matches!(loaded, Err(StoreError::NotFound)), "{loaded:?}");
        let listed = sessions.list(&filter, Page::first(10)).await.unwrap();
        assert_eq!((listed.records, listed.next), (Vec::new(), None));
    }
    // It does not count as one of the user's.
    stored(&sessions, &dropped).await;
    let key = key_of(&mut connection, &dropped).await;
    delete(&mut connection, &key).await;
    let next = record("alice", 2);
    let created = sessions.create(&next, strict(1)).await.unwrap();
    assert_eq!(
        created,
        Created::Stored {
            evicted: Vec::new()
        }
    );
    sessions
        .remove(next.session.session_id, None)
        .await
        .unwrap();
    assert_eq!(keys(&mut connection).await, Vec::<String>::new());
    // Nor does it hide one that expired after it.
    for record in [&dropped, &next] {
        stored(&sessions, record).await;
    }
    let key = key_of(&mut connection, &dropped).await;
    delete(&mut connection, &key).await;
    let expired = sessions.expired(next.session.expires_at, 1).await.unwrap();
    assert_eq!(expired, [next]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_damaged_is_said_to_be_damaged() {
    let (server, sessions) = started().await;
    let (one, other) = (record("alice", 1), record("alice", 2));
    stored(&sessions, &one).await;
    stored(&sessions, &other).await;
    let mut connection = server.connection().await;
    let key = key_of(&mut connection, &one).await;
    let another: Vec<u8> = {
        let key = key_of(&mut connection, &other).await;
        let mut get = redis::cmd("HGET");
        get.arg(&key)
            .arg("record")
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    for damage in [b"{".to_vec(), another] {
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg("record").arg(damage);
        set.query_async::<()>(&mut connection).await.unwrap();
        let loaded = sessions.load(one.session.session_id).await;
        assert!(matches!(loaded, Err(StoreError::Corrupt(_))), "{loaded:?}");
    }
    let kept = sessions.load(other.session.session_id).await.unwrap();
    assert_eq!(kept, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_is_used_again_without_anybody_doing_anything() {
    let (server, sessions) = started().await;
    let record = record("alice", 1);
    stored(&sessions, &record).await;
    let port = server.port;
    drop(server);
    for _ in 0..5 {
        let loaded = sessions.load(record.session.session_id).await;
        assert!(
            matches!(loaded, Err(StoreError::Unavailable(_))),
            "{loaded:?}"
        );
    }
    let again = Server::start(port);
    again.answers().await;
    // It forgot everything, the scripts too.
    let missing = loop {
        match sessions.remove(record.session.session_id, None).await {
            Err(StoreError::Unavailable(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
    stored(&sessions, &record).await;
    assert_eq!(
        sessions.load(record.session.session_id).await.unwrap(),
        record
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::start(free_port());
    server.answers().await;
    let options = SessionOptions::new(server.url()).patience(Duration::from_millis(200));
    let sessions = RedisSessions::connect(&options).await.unwrap();
    let record = record("alice", 1);
    stored(&sessions, &record).await;
    server.signal("STOP");
    let calls = (0..50).map(|_| sessions.load(record.session.session_id));
    for loaded in join_all(calls).await {
        assert!(
            matches!(loaded, Err(StoreError::Unavailable(_))),
            "{loaded:?}"
        );
    }
    server.signal("CONT");
    let loaded = loop {
        match sessions.load(record.session.session_id).await {
            Err(StoreError::Unavailable(_)) => {}
            other => break other,
        }
    };
    assert_eq!(loaded.unwrap(), record);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_spread_otherwise_are_not_touched() {
    let (server, sessions) = started().await;
    drop(sessions);
    let mut connection = server.connection().await;
    let mut set = redis::cmd("SET");
    set.arg(PLACES)
        .arg(7)
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
    let refused = RedisSessions::connect(&SessionOptions::new(server.url())).await;
    let Err(SessionsError::Places {
        found,
        expected: 16,
    }) = refused
    else {
        panic!("it was used");
    };
    assert_eq!(found, "7");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_and_one_where_nobody_is_says_so() {
    let refused = RedisSessions::connect(&SessionOptions::new("http://localhost")).await;
    assert!(matches!(refused, Err(SessionsError::Address(_))));
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    let refused = RedisSessions::connect(&SessionOptions::new(nobody)).await;
    assert!(matches!(refused, Err(SessionsError::Unavailable(_))));
}
