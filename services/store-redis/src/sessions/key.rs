//! Where sessions are: see `lua/common.lua`.

use session_core::{ConnectionId, SessionId, UserId};

/// How many places the sessions of one Redis are spread over: as many as a cluster can have slots of them
/// on different nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(pub(super) u16);

impl Places {
    pub(super) fn of_session(self, id: SessionId) -> Place {
        Place(id.placement() % self.0)
    }

    pub(super) fn of_user(self, user: &UserId) -> Place {
        Place(user.placement() % self.0)
    }

    pub(super) fn all(self) -> impl Iterator<Item = Place> {
        (0..self.0).map(Place)
    }
}

/// Everything of a user is in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    /// The place after this one.
    pub(super) fn next(self, places: Places) -> Option<Self> {
        let next = self.0 + 1;
        (next < places.0).then_some(Self(next))
    }

    /// What all keys of the place begin with. What is in braces decides about the slot of a cluster.
    pub(super) fn prefix(self) -> String {
        format!("aetherflow:sessions:{{{:04x}}}:", self.0)
    }

    pub(super) fn session(self, id: SessionId) -> String {
        format!("{}session:{id}", self.prefix())
    }

    pub(super) fn user(self, user: &UserId) -> String {
        format!("{}user:{user}", self.prefix())
    }

    pub(super) fn connection(self, connection: ConnectionId) -> String {
        format!("{}connection:{connection}", self.prefix())
    }

    pub(super) fn all(self) -> String {
        format!("{}all", self.prefix())
    }

    pub(super) fn expiry(self) -> String {
        format!("{}expiry", self.prefix())
    }
}

/// Says how many places there are.
pub(super) const PLACES: &str = "aetherflow:sessions:places";
