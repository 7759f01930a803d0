//! The secret that a client shows to be let in, and what is kept of it.
//!
//! A [`Token`] is `afs_` and 86 characters of URL-safe base64 (RFC 4648, section 5) over
//!
//! ```text
//! | session id: 16 bytes | lineage: 16 bytes | secret: 32 bytes |
//! ```
//!
//! without padding (90 characters in all). The session id says where to look, the 256-bit secret is
//! the proof, and the lineage is a second, smaller secret that all tokens of one session share. Of
//! both secrets only the SHA-256 is stored; they are uniformly random, so neither salt nor a slow
//! hash would add anything.
//!
//! # Rotation, reuse, and lost answers
//!
//! [Rotating](crate::Manager::rotate) replaces the secret. Whoever then shows an older token of the
//! session is either a thief or the victim of one, and the session ends (RFC 9700, section 4.14.2).
//! The lineage makes this work for *every* older token while one hash is stored, however often the
//! session was rotated; and somebody who merely knows a session's id cannot end it by guessing,
//! because a wrong lineage is just refused.
//!
//! One case is innocent: the answer to a rotation was lost, or two windows of one browser rotate at
//! once. So for [`Limits::rotation_grace`](crate::Limits::rotation_grace) the immediately previous
//! token still works, and rotating it again gives *the same* new token: the next secret is SHA-256
//! over the previous secret and a stored nonce, so the server can repeat an answer that it never
//! kept.
//!
//! The alternatives are worse. Issuing yet another token on each repetition splits the line of
//! descent: the window that got its answer first would be thrown out as a thief. Refusing the
//! repetition logs out everybody who enters a tunnel at the wrong moment. The price of repeating is
//! twofold. A thief who shows the previous token within the grace period shares the session until
//! the first rotation that one of the two does not follow within the grace period; each repetition
//! is [announced](crate::EventKind::RotationRepeated), so that it can be noticed before. And who
//! has *both* a rotated-away token and a copy of the store, taken before the first change of the
//! session after the grace period, can compute the token that was current then. Either alone is
//! worth nothing.

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use guuid::{Entropy, Guuid};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::TokenError;
use crate::id::SessionId;
use crate::time::Timestamp;

/// The secret of a session, as its client holds it.
///
/// It has no `Display`, and its `Debug` shows the session's id only: [`Token::expose`] is the one
/// way out.
#[derive(Clone)]
pub struct Token {
    session_id: SessionId,
    lineage: [u8; LINEAGE_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl Token {
    /// Makes the first token of a session.
    pub fn mint(session_id: SessionId, entropy: &dyn Entropy) -> Self {
        let mut token = Self {
            session_id,
            lineage: [0; LINEAGE_BYTES],
            secret: [0; SECRET_BYTES],
        };
        entropy.fill(&mut token.lineage);
        entropy.fill(&mut token.secret);
        token
    }

    /// The session that it claims to belong to; proves nothing.
    pub const fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// The text for the client. Keep it out of logs and URLs.
    pub fn expose(&self) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..16].copy_from_slice(self.session_id.as_bytes());
        bytes[16..32].copy_from_slice(&self.lineage);
        bytes[32..].copy_from_slice(&self.secret);
        format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes))
    }

    /// The token that follows this one in a rotation with this nonce.
    #[must_use]
    pub fn successor(&self, nonce: &Nonce) -> Self {
        let secret = Sha256::new()
            .chain_update(SUCCESSOR_LABEL)
            .chain_update(self.lineage)
            .chain_update(self.secret)
            .chain_update(nonce.0)
            .finalize();
        Self {
            session_id: self.session_id,
            lineage: self.lineage,
            secret: secret.into(),
        }
    }

    /// What a store keeps in order to recognise this token.
    pub fn credential(&self) -> Credential {
        Credential {
            lineage: self.lineage_hash(),
            current: self.hash(),
            previous: None,
        }
    }

    /// SHA-256 of the secret.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.secret).into())
    }

    fn lineage_hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.lineage).into())
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(TokenError::Malformed)?;
        let mut buffer = [0; TOKEN_BYTES];
        let bytes =
            Base64UrlUnpadded::decode(encoded, &mut buffer).map_err(|_| TokenError::Malformed)?;
        let (session_id, secrets) = bytes.split_first_chunk().ok_or(TokenError::Malformed)?;
        let (lineage, secret) = secrets.split_first_chunk().ok_or(TokenError::Malformed)?;
        let session_id = Guuid::from_bytes(*session_id).map_err(|_| TokenError::Malformed)?;
        Ok(Self {
            session_id: session_id.into(),
            lineage: *lineage,
            secret: secret.try_into().map_err(|_| TokenError::Malformed)?,
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({}, hidden)", self.session_id)
    }
}

/// SHA-256 of a secret. Compared in constant time; knowing it does not let anybody in.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// A hash that was stored earlier.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash(hidden)")
    }
}

/// The random part of one rotation; see the [module](self).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// Makes a new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// A nonce that was stored earlier.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Nonce(hidden)")
    }
}

/// By what the tokens of a session are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Credential {
    /// What all tokens of the session have in common, hashed.
    pub lineage: TokenHash,
    /// The hash of the one valid secret.
    pub current: TokenHash,
    /// The rotated-away token that may still ask for its answer again. Dropped by the first change
    /// of the session after the grace period.
    pub previous: Option<PreviousToken>,
}

/// The token before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PreviousToken {
    /// The hash of its secret.
    pub hash: TokenHash,
    /// With its secret, gives the current token.
    pub nonce: Nonce,
    /// When it was replaced.
    pub rotated_at: Timestamp,
}

impl Credential {
    /// What `token` is to this session. Takes the same time whichever it is.
    pub fn classify(&self, token: &Token) -> Presented {
        let hash = token.hash();
        let lineage = self.lineage == token.lineage_hash();
        let current = self.current == hash;
        let previous = self.previous.filter(|previous| previous.hash == hash);
        match (lineage, current, previous) {
            (false, ..) => Presented::Foreign,
            (true, true, _) => Presented::Current,
            (true, false, Some(previous)) => Presented::Previous(previous),
            (true, false, None) => Presented::Older,
        }
    }
}

/// What a presented token is to the session that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The valid one.
    Current,
    /// The one that the valid one replaced.
    Previous(PreviousToken),
    /// An earlier one, rotated away more than once ago or for longer than the grace period.
    Older,
    /// None of this session's.
    Foreign,
}

/// Bytes of the secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Bytes of the lineage: 128 bits, beyond guessing online.
const LINEAGE_BYTES: usize = 16;

/// Bytes of a token before encoding.
const TOKEN_BYTES: usize = 16 + LINEAGE_BYTES + SECRET_BYTES;

/// Lets scanners for leaked secrets, and people, recognise a token.
const PREFIX: &str = "afs_";

/// Keeps this use of SHA-256 apart from all others.
const SUCCESSOR_LABEL: &[u8] = b"aetherflow session token successor 1";
