//! What a store keeps survives being written and read.

use futures::executor::block_on;
use session_core::{Record, Session, UserId};

use crate::world::{World, connection};

#[test]
fn record_survives_json() {
    let world = World::new();
    let (session, token) = world.open("alice");
    block_on(world.sessions.rotate(&token)).unwrap();
    let mut here = connection(1);
    here.client_ip = Some("2001:db8::1".parse().unwrap());
    block_on(world.sessions.attach(session.session_id, here)).unwrap();
    let record = world.record(session.session_id);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}

#[test]
fn session_in_json_has_the_names_of_the_documentation() {
    let (session, _) = World::new().open("alice");
    let json = serde_json::to_value(&session).unwrap();
    assert_eq!(json["session_id"], session.session_id.to_string());
    assert_eq!(json["user_id"], "alice");
    assert_eq!(json["state"], "connecting");
    assert_eq!(json["created_at"], session.created_at.unix_ms());
    assert_eq!(json["stats"]["current_rtt_ms"], 0);
    assert_eq!(json["revision"], 1);
    assert_eq!(serde_json::from_value::<Session>(json).unwrap(), session);
}

#[test]
fn invalid_user_id_is_not_read() {
    assert!(serde_json::from_str::<UserId>("\"\"").is_err());
    assert!(serde_json::from_str::<UserId>("\"a\\nb\"").is_err());
}
