//! Address tokens: proof that a client receives what is sent to its address (Q-ADR-1).
//!
//! A token is sealed by a key that only this server has, so the server needs to remember nothing
//! but which NEW_TOKEN tokens were used.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::connection_id::ConnectionId;
use crate::time::Instant;
use crate::wire::{Reader, write_prefixed};

/// Seals and opens tokens, and remembers those that may be used once. Its time counts from the Unix
/// epoch, so that tokens outlive a restart.
pub(crate) struct TokenKeeper {
    key: Option<LessSafeKey>,
    used: UsedTokens,
}

/// What a token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The client answered a Retry; it first sent to this id.
    Retry { original: ConnectionId },
    /// The client was here before.
    Returning,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Not sealed by us: it may be another server's. To be treated as if there were none.
    Unknown,
    /// It is a Retry token, and a bad one: nobody honest sends it (RFC 9000 section 8.1.3).
    BadRetry,
}

impl TokenKeeper {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .ok()
            .map(LessSafeKey::new);
        Self {
            key,
            used: UsedTokens::default(),
        }
    }

    /// A token that answers a first packet which was sent from `remote` to `original`.
    pub(crate) fn seal_retry(
        &self,
        now: Instant,
        remote: SocketAddr,
        original: &ConnectionId,
        rng: &mut StdRng,
    ) -> Option<Vec<u8>> {
        let mut plain = vec![RETRY];
        plain.extend_from_slice(&now.as_nanos().to_be_bytes());
        write_prefixed(&mut plain, original);
        self.seal(plain, &address_and_port(remote), rng)
    }

    /// A token for the next connection from this address.
    pub(crate) fn seal_returning(
        &self,
        now: Instant,
        remote: IpAddr,
        rng: &mut StdRng,
    ) -> Option<Vec<u8>> {
        let mut plain = vec![RETURNING];
        plain.extend_from_slice(&now.as_nanos().to_be_bytes());
        self.seal(plain, &address(remote), rng)
    }

    /// Nonce, kind in clear (bound by the seal), sealed rest.
    fn seal(&self, mut plain: Vec<u8>, bound_to: &[u8], rng: &mut StdRng) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rng.random();
        let kind = plain.remove(0);
        let associated = [&[kind], bound_to].concat();
        self.key
            .as_ref()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                &mut plain,
            )
            .ok()?;
        Some([&nonce[..], &[kind], &plain].concat())
    }

    /// Looks at the token of a client at `remote`.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        token: &[u8],
    ) -> Result<Proof, TokenError> {
        let (nonce, rest) = token
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(TokenError::Unknown)?;
        let (&kind, sealed) = rest.split_first().ok_or(TokenError::Unknown)?;
        match kind {
            RETRY => {
                let plain = self.unseal(nonce, kind, &address_and_port(remote), sealed);
                plain
                    .and_then(|plain| read_retry(now, &plain))
                    .ok_or(TokenError::BadRetry)
            }
            RETURNING => {
                let plain = self
                    .unseal(nonce, kind, &address(remote.ip()), sealed)
                    .ok_or(TokenError::Unknown)?;
                issued(&mut Reader::new(&plain))
                    .filter(|&at| is_alive(now, at, RETURNING_LIFETIME))
                    .filter(|&at| self.used.insert(at, *nonce))
                    .map(|_| Proof::Returning)
                    .ok_or(TokenError::Unknown)
            }
            _ => Err(TokenError::Unknown),
        }
    }

    fn unseal(
        &self,
        nonce: &[u8; NONCE_LEN],
        kind: u8,
        bound_to: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let associated = [&[kind], bound_to].concat();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.key.as_ref()?;
        let length = key
            .open_in_place(nonce, Aad::from(associated), &mut bytes)
            .ok()?
            .len();
        bytes.truncate(length);
        Some(bytes)
    }
}

fn read_retry(now: Instant, plain: &[u8]) -> Option<Proof> {
    let mut reader = Reader::new(plain);
    let at = issued(&mut reader)?;
    let original = ConnectionId::new(reader.prefixed().ok()?)?;
    is_alive(now, at, RETRY_LIFETIME).then_some(Proof::Retry { original })
}

fn issued(reader: &mut Reader<'_>) -> Option<Instant> {
    let bytes = reader.array().ok()?;
    Some(Instant::from_nanos(u64::from_be_bytes(bytes)))
}

/// A token of another server with the same key may come a little from the future.
fn is_alive(now: Instant, issued: Instant, lifetime: Duration) -> bool {
    issued <= now + CLOCK_SKEW && now.since(issued) <= lifetime
}

fn address(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address_and_port(remote: SocketAddr) -> Vec<u8> {
    let mut bytes = address(remote.ip());
    bytes.extend_from_slice(&remote.port().to_be_bytes());
    bytes
}

/// Tokens that were used, by the time of their issue: as many as fit. When one is forgotten, it is
/// the oldest, and whatever was issued no later does not count any more: none is taken twice.
#[derive(Debug, Default)]
struct UsedTokens {
    known: BTreeSet<(Instant, [u8; NONCE_LEN])>,
    forgotten_to: Option<Instant>,
}

impl UsedTokens {
    /// Says whether it was new.
    fn insert(&mut self, issued: Instant, nonce: [u8; NONCE_LEN]) -> bool {
        if self.forgotten_to.is_some_and(|time| issued <= time) {
            return false;
        }
        let new = self.known.insert((issued, nonce));
        if self.known.len() > USED_MAX {
            self.forgotten_to = self.known.pop_first().map(|(issued, _)| issued);
        }
        new
    }
}

const RETRY: u8 = 1;
const RETURNING: u8 = 2;

/// Time for one round trip, and not for passing the token on (RFC 9000 section 8.1.3).
const RETRY_LIFETIME: Duration = Duration::from_secs(15);

const RETURNING_LIFETIME: Duration = Duration::from_secs(24 * 3600);

const CLOCK_SKEW: Duration = Duration::from_secs(1);

/// 64 Ki tokens: about 2 MiB.
const USED_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests;
