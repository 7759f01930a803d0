//! Records to try a store with.

use core::net::{IpAddr, Ipv6Addr};
use core::num::NonZeroU32;
use core::time::Duration;

use guuid::{Entropy, Guuid, SeededEntropy, Tick};

use crate::error::StoreError;
use crate::id::{ConnectionId, SessionId, UserId};
use crate::limits::WhenFull;
use crate::session::{Metadata, Record, Revision, Session, SessionState, Stats};
use crate::store::{Admission, Created, SessionStore};
use crate::time::Timestamp;
use crate::token::{Nonce, PreviousToken, Token};

/// The time at which the promises begin: 2026-01-01T00:00:00Z. What a real clock says does not
/// matter to a store.
pub const T0: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

/// A user with this name.
///
/// # Panics
///
/// When it is no user id.
#[expect(clippy::expect_used, reason = "a test kit panics by design")]
pub fn sampled_user(name: &str) -> UserId {
    UserId::new(name).expect("the promises use valid user ids")
}

/// The record of a session of `user`, opened `age_ms` after [`T0`] and expiring an hour later. The
/// same numbers give the same record; another `age_ms` gives another id.
pub fn record(user: &str, age_ms: u64) -> Record {
    let user_id = sampled_user(user);
    let created_at = T0.plus(Duration::from_millis(age_ms));
    let entropy = SeededEntropy::new(age_ms);
    let tick = Tick::from_unix_time(Duration::from_millis(created_at.unix_ms()));
    let session_id = SessionId::mint(&user_id, Guuid::from_tick(tick, entropy.next_u64()));
    let credential = Token::mint(session_id, &entropy).credential();
    let session = Session {
        session_id,
        user_name: user.to_owned(),
        user_id,
        connection_id: None,
        client_ip: None,
        client_port: None,
        server_addr: None,
        state: SessionState::Connecting,
        created_at,
        last_active_at: created_at,
        expires_at: created_at.plus(HOUR),
        metadata: Metadata::new(),
        stats: Stats::default(),
        revision: Revision::FIRST,
    };
    Record {
        session,
        credential,
    }
}

/// The same session after a stored change.
#[must_use]
pub fn touched(record: &Record) -> Record {
    let mut next = record.clone();
    next.session.state = SessionState::Active;
    next.session.last_active_at = next.session.last_active_at.plus(Duration::from_secs(1));
    next.session.expires_at = next.session.expires_at.plus(Duration::from_secs(1));
    next.session.stats.packets_received += 1;
    next.session.revision = record.session.revision.next();
    next
}

/// At most `sessions_max` sessions at [`T0`], and no more.
pub fn strict(sessions_max: u32) -> Admission {
    let sessions_max = NonZeroU32::new(sessions_max).unwrap_or(NonZeroU32::MIN);
    Admission {
        now: T0,
        sessions_max,
        when_full: WhenFull::Reject,
    }
}

/// As [`strict`], but the oldest go.
pub(super) fn evicting(sessions_max: u32) -> Admission {
    Admission {
        when_full: WhenFull::EvictOldest,
        ..strict(sessions_max)
    }
}

/// A record in which every field has something in it, and much of it.
pub(super) fn full_record() -> Record {
    let mut record = record("Zo\u{eb} \u{2603} {user}:1/%", 7);
    let session = &mut record.session;
    session.user_name = "Zo\u{eb} 'quoted' \"twice\" \\ \u{1f980}".to_owned();
    session.connection_id = Some(connection(9));
    session.client_ip = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    session.client_port = Some(u16::MAX);
    session.server_addr = Some("gateway-1.example:8000".to_owned());
    session.state = SessionState::Disconnecting;
    for key in 0..32 {
        session
            .metadata
            .insert(format!("key {key}"), format!("\u{0}\n{key}").repeat(50));
    }
    session.stats = Stats {
        packets_sent: u64::MAX,
        packets_received: 1 << 63,
        bytes_sent: u64::from(u32::MAX) + 1,
        bytes_received: 3,
        retransmissions: 4,
        current_rtt_ms: u32::MAX,
    };
    let entropy = SeededEntropy::new(7);
    let older = Token::mint(session.session_id, &entropy);
    record.credential.previous = Some(PreviousToken {
        hash: older.hash(),
        nonce: Nonce::mint(&entropy),
        rotated_at: session.created_at,
    });
    record
}

pub(super) fn connection(number: u8) -> ConnectionId {
    Guuid::from_tick(Tick::ZERO, number.into()).into()
}

/// Stores a record for a user who may have many.
pub(super) async fn stored(store: &dyn SessionStore, record: &Record) {
    let created = store.create(record, strict(10_000)).await;
    assert!(
        matches!(&created, Ok(Created::Stored { evicted }) if evicted.is_empty()),
        "a session below the limit must be stored and evict nobody: {created:?}"
    );
}

pub(super) async fn loaded(store: &dyn SessionStore, session_id: SessionId) -> Record {
    kept(store.load(session_id).await)
}

/// The value of a call that must succeed.
#[expect(clippy::expect_used, reason = "a test kit panics by design")]
#[track_caller]
pub(super) fn kept<Value>(result: Result<Value, StoreError>) -> Value {
    result.expect("the store must carry this out")
}

#[track_caller]
pub(super) fn assert_not_found<Value: core::fmt::Debug>(result: &Result<Value, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::NotFound)),
        "expected NotFound: {result:?}"
    );
}

#[track_caller]
pub(super) fn assert_conflict<Value: core::fmt::Debug>(
    result: &Result<Value, StoreError>,
    revisions: (Revision, Revision),
) {
    let found = match result {
        Err(StoreError::Conflict { expected, actual }) => Some((*expected, *actual)),
        _ => None,
    };
    assert_eq!(
        found,
        Some(revisions),
        "expected Conflict of these revisions: {result:?}"
    );
}

const HOUR: Duration = Duration::from_secs(60 * 60);
