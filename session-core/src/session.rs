//! What is known of a session: the data, with no behaviour beyond what is true of it at a moment.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::id::{ConnectionId, SessionId, UserId};
use crate::limits::Limits;
use crate::time::Timestamp;
use crate::token::Credential;

/// One user's presence at one client, from login to logout.
///
/// It holds nothing secret: hashes of tokens are kept beside it, in [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Session {
    /// Its name. Never changes.
    pub session_id: SessionId,
    /// Whose it is. Never changes.
    pub user_id: UserId,
    /// What to call the user on a screen.
    pub user_name: String,
    /// The connection through which the client is reached, if it is connected.
    pub connection_id: Option<ConnectionId>,
    /// The client's address, as the server that accepted it saw it.
    pub client_ip: Option<IpAddr>,
    /// The client's port, likewise.
    pub client_port: Option<u16>,
    /// The server that the client is connected to, in the words of the operator.
    pub server_addr: Option<String>,
    /// Where it stands. As stored; [`Session::as_of`] shows idleness too.
    pub state: SessionState,
    /// When it was opened. Never changes.
    pub created_at: Timestamp,
    /// When the client last did something.
    pub last_active_at: Timestamp,
    /// From this moment on it counts as gone, unless the client does something before.
    pub expires_at: Timestamp,
    /// What the application keeps with it. Bounded by [`Limits`].
    pub metadata: Metadata,
    /// What its connections carried.
    pub stats: Stats,
    /// Rises by one with each stored change.
    pub revision: Revision,
}

impl Session {
    /// Whether it has outlived itself at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The same session as it looks at `now`: an active one whose client has been silent for
    /// [`Limits::idle_after`] is idle. So idleness costs no write and no timer.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp, limits: &Limits) -> Self {
        let silence = now.since(self.last_active_at);
        if self.state == SessionState::Active && silence >= limits.idle_after {
            self.state = SessionState::Idle;
        }
        self
    }
}

/// What a store keeps: the session and the hashes by which its tokens are known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// The session.
    pub session: Session,
    /// How to recognise its tokens. Not for clients.
    pub credential: Credential,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum SessionState {
    /// Opened; the client has not been heard of since.
    Connecting,
    /// The client did something recently.
    Active,
    /// The client is silent or its connection is gone, and it may come back.
    Idle,
    /// It is ending: what is under way may finish, nothing new is let in.
    Disconnecting,
    /// It ended. Never stored (the record is removed); seen in answers and events only.
    Closed,
}

/// Names and values that the application keeps with a session.
pub type Metadata = BTreeMap<String, String>;

/// What the connections of a session carried, in total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stats {
    /// Packets sent to the client.
    pub packets_sent: u64,
    /// Packets received from the client.
    pub packets_received: u64,
    /// Bytes sent to the client.
    pub bytes_sent: u64,
    /// Bytes received from the client.
    pub bytes_received: u64,
    /// Packets that had to be sent again.
    pub retransmissions: u64,
    /// The latest round-trip time in milliseconds; zero when it was never measured.
    pub current_rtt_ms: u32,
}

impl Stats {
    /// Adds what happened since the last report. Counters stop at their maximum; the round-trip
    /// time is replaced when the report has one.
    pub fn add(&mut self, report: &Self) {
        self.packets_sent = self.packets_sent.saturating_add(report.packets_sent);
        self.packets_received = self
            .packets_received
            .saturating_add(report.packets_received);
        self.bytes_sent = self.bytes_sent.saturating_add(report.bytes_sent);
        self.bytes_received = self.bytes_received.saturating_add(report.bytes_received);
        self.retransmissions = self.retransmissions.saturating_add(report.retransmissions);
        if report.current_rtt_ms != 0 {
            self.current_rtt_ms = report.current_rtt_ms;
        }
    }

    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts the stored changes of a session, so that two writers cannot overwrite each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Revision(u64);

impl Revision {
    /// No record: what a creation expects to find.
    pub const NONE: Self = Self(0);

    /// The revision of a record just created.
    pub const FIRST: Self = Self(1);

    /// The revision with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Until when a session lives that was opened at `created_at` and active at `now`.
pub(crate) fn expiry(created_at: Timestamp, now: Timestamp, limits: &Limits) -> Timestamp {
    let absolute: Duration = limits.absolute_timeout;
    now.plus(limits.sliding_timeout)
        .min(created_at.plus(absolute))
}
