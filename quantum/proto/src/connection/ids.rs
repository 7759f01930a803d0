//! The names of a connection: those under which we are reached, and those of the peer.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::connection_id::{ConnectionId, ResetToken};
use crate::error::{TransportError, TransportErrorCode};
use crate::frame::NewConnectionId;

/// Ids under which the peer reaches us.
#[derive(Debug)]
pub(super) struct LocalIds {
    first: ConnectionId,
    id_bytes: usize,
    active: SmallVec<[LocalId; LOCAL_IDS]>,
    next_sequence: u64,
    /// Sequence numbers whose NEW_CONNECTION_ID has to be sent.
    unannounced: SmallVec<[u64; 2]>,
    /// How many ids were asked for and have not come.
    requested: u64,
}

#[derive(Clone, Copy, Debug)]
struct LocalId {
    sequence: u64,
    id: ConnectionId,
    reset_token: ResetToken,
}

impl LocalIds {
    /// The first id is known to the peer from the handshake.
    pub(super) fn new(first: ConnectionId, reset_token: ResetToken) -> Self {
        let id_bytes = first.len();
        Self {
            first,
            id_bytes,
            active: SmallVec::from_iter([LocalId {
                sequence: 0,
                id: first,
                reset_token,
            }]),
            next_sequence: 1,
            unannounced: SmallVec::new(),
            requested: 0,
        }
    }

    /// Length of the ids, the same for all.
    pub(super) fn id_bytes(&self) -> usize {
        self.id_bytes
    }

    /// An id to name ourselves by in long headers.
    pub(super) fn first(&self) -> ConnectionId {
        self.first
    }

    /// The sequence number of an id.
    pub(super) fn sequence(&self, id: &[u8]) -> Option<u64> {
        self.active
            .iter()
            .find(|local| *local.id == *id)
            .map(|local| local.sequence)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.active.len(), self.next_sequence)
    }

    /// How many more ids the peer could be given; counts as asked for.
    pub(super) fn request_missing(&mut self, peer_limit: u64) -> u64 {
        let wanted = peer_limit.min(LOCAL_IDS as u64);
        let missing = wanted.saturating_sub(self.active.len() as u64 + self.requested);
        self.requested += missing;
        missing
    }

    /// An id was made for us.
    pub(super) fn add(&mut self, sequence: u64, id: ConnectionId, reset_token: ResetToken) {
        self.requested = self.requested.saturating_sub(1);
        self.next_sequence = self.next_sequence.max(sequence + 1);
        self.active.push(LocalId {
            sequence,
            id,
            reset_token,
        });
        self.unannounced.push(sequence);
    }

    /// Ids that are known, and those that are to be announced.
    pub(super) fn count(&self) -> usize {
        self.active.len() + self.unannounced.len()
    }

    pub(super) fn has_unannounced(&self) -> bool {
        !self.unannounced.is_empty()
    }

    /// The next frame to send, if there is one.
    pub(super) fn take_unannounced(&mut self) -> Option<NewConnectionId> {
        while let Some(sequence) = self.unannounced.pop() {
            // Retired in the meantime: the peer knew it from an earlier copy of the frame.
            if let Some(local) = self.active.iter().find(|local| local.sequence == sequence) {
                return Some(NewConnectionId {
                    sequence,
                    retire_prior_to: 0,
                    id: local.id,
                    reset_token: local.reset_token,
                });
            }
        }
        None
    }

    /// The frame that announced `sequence` was lost.
    pub(super) fn announce_again(&mut self, sequence: u64) {
        if !self.unannounced.contains(&sequence) {
            self.unannounced.push(sequence);
        }
    }

    /// The peer will no longer use `sequence`. Says whether that was news.
    ///
    /// # Errors
    ///
    /// If the peer retires an id that it was never given, or the one that it has just used
    /// (RFC 9000 section 19.16).
    pub(super) fn retire(&mut self, sequence: u64, used: &[u8]) -> Result<bool, TransportError> {
        if sequence >= self.next_sequence {
            return Err(TransportError::violation(
                "retired a connection id that does not exist",
            ));
        }
        let Some(position) = self
            .active
            .iter()
            .position(|local| local.sequence == sequence)
        else {
            return Ok(false);
        };
        if *self.active[position].id == *used {
            return Err(TransportError::violation(
                "retired the connection id it was using",
            ));
        }
        self.active.remove(position);
        Ok(true)
    }
}

/// Ids under which we reach the peer.
#[derive(Debug)]
pub(super) struct RemoteIds {
    active: RemoteId,
    spare: SmallVec<[RemoteId; 2]>,
    /// Everything below was retired, at the peer's wish.
    retire_prior_to: u64,
    /// Sequence numbers whose RETIRE_CONNECTION_ID has to be sent.
    unannounced: VecDeque<u64>,
    /// Sent and not acknowledged.
    unacknowledged: u64,
}

#[derive(Clone, Copy, Debug)]
struct RemoteId {
    sequence: u64,
    id: ConnectionId,
    reset_token: Option<ResetToken>,
}

impl RemoteIds {
    /// The id that the peer chose in the handshake, or that a client made up for it.
    pub(super) fn new(id: ConnectionId) -> Self {
        Self {
            active: RemoteId {
                sequence: 0,
                id,
                reset_token: None,
            },
            spare: SmallVec::new(),
            retire_prior_to: 0,
            unannounced: VecDeque::new(),
            unacknowledged: 0,
        }
    }

    pub(super) fn active(&self) -> ConnectionId {
        self.active.id
    }

    pub(super) fn reset_token(&self) -> Option<ResetToken> {
        self.active.reset_token
    }

    /// The peer chose its real id (first packet, or Retry).
    pub(super) fn replace_initial(&mut self, id: ConnectionId) {
        self.active.id = id;
    }

    /// The reset token of the first id, from the transport parameters.
    pub(super) fn set_initial_reset_token(&mut self, token: ResetToken) {
        if self.active.sequence == 0 {
            self.active.reset_token = Some(token);
        }
    }

    /// The peer gives us an id. Says whether the active id had to change.
    ///
    /// # Errors
    ///
    /// If the peer gives more ids than we allow, uses a number twice for different ids, or keeps
    /// us retiring (CVE-2024-22189).
    pub(super) fn add(&mut self, new: &NewConnectionId) -> Result<bool, TransportError> {
        if let Some(known) = self.known(new.sequence) {
            return if known.id == new.id && known.reset_token == Some(new.reset_token) {
                Ok(false)
            } else {
                Err(TransportError::violation(
                    "gave one number to two connection ids",
                ))
            };
        }
        if new.sequence < self.retire_prior_to {
            self.retire(new.sequence)?;
            return Ok(false);
        }
        if new.sequence > self.active.sequence || new.retire_prior_to > self.active.sequence {
            self.spare.push(RemoteId {
                sequence: new.sequence,
                id: new.id,
                reset_token: Some(new.reset_token),
            });
        } else {
            // Used and retired before: a late copy of the frame.
            return Ok(false);
        }
        let changed = self.retire_below(new.retire_prior_to)?;
        if self.spare.len() as u64 + 1 > REMOTE_IDS_MAX {
            return Err(TransportError::new(
                TransportErrorCode::CONNECTION_ID_LIMIT_ERROR,
                "gave more connection ids than allowed",
            ));
        }
        Ok(changed)
    }

    fn known(&self, sequence: u64) -> Option<&RemoteId> {
        std::iter::once(&self.active)
            .chain(&self.spare)
            .find(|known| known.sequence == sequence)
    }

    fn retire_below(&mut self, retire_prior_to: u64) -> Result<bool, TransportError> {
        if retire_prior_to <= self.retire_prior_to {
            return Ok(false);
        }
        self.retire_prior_to = retire_prior_to;
        let (old, kept) = self
            .spare
            .iter()
            .copied()
            .partition(|id| id.sequence < retire_prior_to);
        self.spare = kept;
        let old: SmallVec<[RemoteId; 2]> = old;
        for id in old {
            self.retire(id.sequence)?;
        }
        if self.active.sequence >= retire_prior_to {
            return Ok(false);
        }
        self.rotate()
    }

    /// Turns to a spare id. Says whether there was one.
    ///
    /// # Errors
    ///
    /// If the peer has us retire more than we keep account of.
    pub(super) fn rotate(&mut self) -> Result<bool, TransportError> {
        let Some(position) = (0..self.spare.len()).min_by_key(|&at| self.spare[at].sequence) else {
            return Ok(false);
        };
        let old = std::mem::replace(&mut self.active, self.spare.remove(position));
        self.retire(old.sequence)?;
        Ok(true)
    }

    fn retire(&mut self, sequence: u64) -> Result<(), TransportError> {
        if self.unannounced.contains(&sequence) {
            return Ok(());
        }
        if self.unannounced.len() as u64 + self.unacknowledged >= RETIREMENTS_MAX {
            return Err(TransportError::new(
                TransportErrorCode::CONNECTION_ID_LIMIT_ERROR,
                "has too many connection ids retired at once",
            ));
        }
        self.unannounced.push_back(sequence);
        Ok(())
    }

    /// Ids that are known, and those whose retirement is to be announced.
    pub(super) fn count(&self) -> usize {
        1 + self.spare.len() + self.unannounced.len()
    }

    pub(super) fn has_unannounced(&self) -> bool {
        !self.unannounced.is_empty()
    }

    /// The next sequence number to name in RETIRE_CONNECTION_ID.
    pub(super) fn take_unannounced(&mut self) -> Option<u64> {
        let sequence = self.unannounced.pop_front()?;
        self.unacknowledged += 1;
        Some(sequence)
    }

    pub(super) fn on_retirement_delivered(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    pub(super) fn on_retirement_lost(&mut self, sequence: u64) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        if !self.unannounced.contains(&sequence) {
            self.unannounced.push_back(sequence);
        }
    }
}

/// Ids that we give to a peer at a time: one in use, and enough to move twice.
const LOCAL_IDS: usize = 3;

/// `active_connection_id_limit` that we advertise.
pub(crate) const REMOTE_IDS_MAX: u64 = 4;

/// Retirements that are not acknowledged yet: more is an attack (CVE-2024-22189).
const RETIREMENTS_MAX: u64 = 16;
