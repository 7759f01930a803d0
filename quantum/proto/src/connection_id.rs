//! Connection ids: the names by which an endpoint finds the connection of a datagram.

use std::fmt;

use subtle::ConstantTimeEq;

/// An opaque name of up to [`ConnectionId::BYTES_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    length: u8,
    bytes: [u8; Self::BYTES_MAX],
}

impl ConnectionId {
    /// The longest id (RFC 9000 section 17.2).
    pub const BYTES_MAX: usize = 20;

    /// An id of these bytes; `None` if there are too many.
    #[must_use]
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            length: u8::try_from(id.len()).ok()?,
            bytes,
        })
    }
}

impl ConnectionId {
    /// An id of eight bytes.
    #[must_use]
    pub(crate) fn from_array(id: [u8; 8]) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[..8].copy_from_slice(&id);
        Self { length: 8, bytes }
    }
}

impl std::ops::Deref for ConnectionId {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The secret that proves, at the end of a stateless reset, that its sender once owned the
/// connection id (RFC 9000 section 10.3). Compared in constant time, never shown.
#[derive(Clone, Copy)]
pub struct ResetToken(pub(crate) [u8; Self::BYTES]);

impl ResetToken {
    /// Its size.
    pub const BYTES: usize = 16;
}

impl ResetToken {
    /// Whether these bytes are the token; takes the same time wherever they differ.
    pub(crate) fn matches(&self, bytes: &[u8; Self::BYTES]) -> bool {
        self.0.ct_eq(bytes).into()
    }
}

impl PartialEq for ResetToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ResetToken {}

impl fmt::Debug for ResetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetToken(..)")
    }
}
