//! Keys for the application, once the TLS session is gone.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use thiserror::Error;

/// The label under which the root secret is taken from TLS (RFC 8446 section 7.5).
pub(crate) const ROOT_LABEL: &[u8] = b"EXPORTER-quantum root";

/// What keys for the application are derived from. The TLS session need not be kept for it.
#[derive(Clone)]
pub(crate) struct Exporter(Box<[u8; 32]>);

impl Exporter {
    pub(crate) fn new(root: [u8; 32]) -> Self {
        Self(Box::new(root))
    }

    /// Fills `output` from `label` and `context`: equal at both ends, and for no one else.
    ///
    /// # Errors
    /// If more than 8160 bytes are asked for, or `label` or `context` is longer than 64 KiB.
    pub(crate) fn export(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportError> {
        let size = |part: &[u8]| u16::try_from(part.len()).map(u16::to_be_bytes);
        let label_size = size(label).map_err(|_| ExportError)?;
        let context_size = size(context).map_err(|_| ExportError)?;
        let information = [&label_size[..], label, &context_size[..], context];
        Prk::new_less_safe(HKDF_SHA256, self.0.as_slice())
            .expand(&information, Bytes(output.len()))
            .and_then(|material| material.fill(output))
            .map_err(|_| ExportError)
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter(..)")
    }
}

/// No key material: the caller asked before the handshake was complete, or for more than 8160 bytes,
/// or under a label or context of more than 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("key material was asked for too early, or too much of it")]
pub struct ExportError;

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}
