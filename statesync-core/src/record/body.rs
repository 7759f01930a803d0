//! What a record is about, as bytes: what stores keep beside its columns, and what the audit log has a
//! digest of.
//!
//! ```text
//! 0  form  1   1 = a Yjs update without terms, as it came; 2 = all in postcard
//! 1  the update, or change, terms and effect
//! ```

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Change, Effect, Record, Terms};
use crate::audit::Digest;

const YJS: u8 = 1;
const ANYTHING: u8 = 2;

/// What a body takes beside what it weighs, as a rule: lengths and words for what is absent.
const BODY_BYTES: usize = 32;

/// Bytes are not the body of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the body of a record")]
pub struct InvalidBody;

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    change: Cow<'a, Change>,
    terms: Cow<'a, Terms>,
    effect: Cow<'a, Effect>,
}

impl Record {
    /// Change, terms and effect, as bytes for [`Record::parse_body`].
    #[must_use]
    pub fn body(&self) -> Bytes {
        let (form, rest) = self.encoded();
        let mut body = BytesMut::with_capacity(1 + rest.len());
        body.extend_from_slice(&[form]);
        body.extend_from_slice(&rest);
        body.freeze()
    }

    /// The SHA-256 of [`Record::body`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (form, rest) = self.encoded();
        let digest = Sha256::new().chain_update([form]).chain_update(rest);
        Digest(digest.finalize().into())
    }

    fn encoded(&self) -> (u8, Cow<'_, [u8]>) {
        match (&self.change, &self.effect) {
            (Change::Yjs(update), Effect::AsAsked) if self.terms == Terms::default() => {
                (YJS, Cow::Borrowed(update))
            }
            (change, effect) => {
                let body = Body {
                    change: Cow::Borrowed(change),
                    terms: Cow::Borrowed(&self.terms),
                    effect: Cow::Borrowed(effect),
                };
                let buffer = Vec::with_capacity(self.weight() + BODY_BYTES);
                // Into a growing buffer, and of types without a length that could be unknown.
                let encoded = postcard::to_extend(&body, buffer).unwrap_or_default();
                (ANYTHING, Cow::Owned(encoded))
            }
        }
    }

    /// Reads what [`Record::body`] wrote.
    ///
    /// # Errors
    ///
    /// [`InvalidBody`].
    pub fn parse_body(body: &Bytes) -> Result<(Change, Terms, Effect), InvalidBody> {
        let (form, rest) = body.split_first().ok_or(InvalidBody)?;
        match *form {
            YJS => Ok((
                Change::Yjs(body.slice(1..)),
                Terms::default(),
                Effect::AsAsked,
            )),
            ANYTHING => {
                let (body, left) =
                    postcard::take_from_bytes::<Body<'_>>(rest).map_err(|_| InvalidBody)?;
                if !left.is_empty() {
                    return Err(InvalidBody);
                }
                let Body {
                    change,
                    terms,
                    effect,
                } = body;
                Ok((change.into_owned(), terms.into_owned(), effect.into_owned()))
            }
            _ => Err(InvalidBody),
        }
    }
}
