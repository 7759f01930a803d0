//! Makes connection ids and their reset tokens.

use aws_lc_rs::hmac;
use rand::RngExt;
use rand::rngs::StdRng;
use rustc_hash::FxHashMap;

use crate::connection_id::{ConnectionId, ResetToken};

/// A name for a connection, made by its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedConnectionId {
    pub(crate) sequence: u64,
    pub(crate) id: ConnectionId,
    pub(crate) reset_token: ResetToken,
}

/// Makes ids that are not in use.
pub(super) struct IdFactory(hmac::Key);

impl IdFactory {
    pub(super) fn new(reset_key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, reset_key))
    }

    /// A random id of `bytes` bytes. `None` if all that were tried are in use.
    pub(super) fn make(
        &self,
        bytes: usize,
        used: &FxHashMap<ConnectionId, usize>,
        rng: &mut StdRng,
    ) -> Option<(ConnectionId, ResetToken)> {
        for _ in 0..TRIES_MAX {
            let random: [u8; ConnectionId::BYTES_MAX] = rng.random();
            let id = ConnectionId::new(random.get(..bytes)?)?;
            if !used.contains_key(&id) {
                return Some((id, self.reset_token(&id)));
            }
        }
        None
    }

    /// The reset token of an id, known again after a restart (Q-CID-4).
    pub(super) fn reset_token(&self, id: &[u8]) -> ResetToken {
        let mut token = [0; ResetToken::BYTES];
        let signed = hmac::sign(&self.0, id);
        token.copy_from_slice(&signed.as_ref()[..ResetToken::BYTES]);
        ResetToken(token)
    }
}

/// Half of all two-byte ids have to be in use before this fails once in a billion.
const TRIES_MAX: usize = 32;
