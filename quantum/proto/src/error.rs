//! What ends a connection, and whose fault it was.

use std::fmt;

use thiserror::Error;

/// Error codes of the protocol (RFC 9000 section 20.1; 0x100 + alert for TLS).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransportErrorCode(pub u64);

impl TransportErrorCode {
    /// Closed without an error.
    pub const NO_ERROR: Self = Self(0x0);
    /// The sender of the code is at fault itself.
    pub const INTERNAL_ERROR: Self = Self(0x1);
    /// The server does not accept connections now.
    pub const CONNECTION_REFUSED: Self = Self(0x2);
    /// More data than was allowed.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// More streams than were allowed.
    pub const STREAM_LIMIT_ERROR: Self = Self(0x4);
    /// A frame for a stream that does not permit it.
    pub const STREAM_STATE_ERROR: Self = Self(0x5);
    /// The size of a stream or message changed.
    pub const FINAL_SIZE_ERROR: Self = Self(0x6);
    /// A frame that cannot be read.
    pub const FRAME_ENCODING_ERROR: Self = Self(0x7);
    /// Transport parameters that cannot be read or are not allowed.
    pub const TRANSPORT_PARAMETER_ERROR: Self = Self(0x8);
    /// More connection ids than were allowed.
    pub const CONNECTION_ID_LIMIT_ERROR: Self = Self(0x9);
    /// Any other violation of the protocol.
    pub const PROTOCOL_VIOLATION: Self = Self(0xa);
    /// An address token that is not valid.
    pub const INVALID_TOKEN: Self = Self(0xb);
    /// The application closed the connection during the handshake.
    pub const APPLICATION_ERROR: Self = Self(0xc);
    /// More handshake data than can be kept.
    pub const CRYPTO_BUFFER_EXCEEDED: Self = Self(0xd);
    /// A key update that is not allowed.
    pub const KEY_UPDATE_ERROR: Self = Self(0xe);
    /// The limit of the cipher is reached (RFC 9001 section 6.6).
    pub const AEAD_LIMIT_REACHED: Self = Self(0xf);
    /// No path works any more.
    pub const NO_VIABLE_PATH: Self = Self(0x10);

    /// A TLS alert.
    #[must_use]
    pub const fn tls_alert(alert: u8) -> Self {
        Self(0x100 | alert as u64)
    }
}

impl fmt::Display for TransportErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0x0 => "no error",
            0x1 => "internal error",
            0x2 => "connection refused",
            0x3 => "flow control error",
            0x4 => "stream limit error",
            0x5 => "stream state error",
            0x6 => "final size error",
            0x7 => "frame encoding error",
            0x8 => "transport parameter error",
            0x9 => "connection id limit error",
            0xa => "protocol violation",
            0xb => "invalid token",
            0xc => "application error",
            0xd => "crypto buffer exceeded",
            0xe => "key update error",
            0xf => "cipher limit reached",
            0x10 => "no viable path",
            0x100..=0x1ff => return write!(f, "TLS alert {}", self.0 & 0xff),
            other => return write!(f, "error {other:#x}"),
        };
        f.write_str(name)
    }
}

impl fmt::Debug for TransportErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A reason to close the connection that the protocol found. The peer is at fault, except for
/// [`TransportErrorCode::INTERNAL_ERROR`] and limits that name the local side.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}: {reason}")]
pub struct TransportError {
    /// The code that is sent.
    pub code: TransportErrorCode,
    /// The type of the frame at fault, if one was.
    pub frame_type: Option<u64>,
    /// What was wrong, in one lower-case sentence.
    pub reason: &'static str,
}

impl TransportError {
    /// An error that no particular frame caused.
    pub(crate) const fn new(code: TransportErrorCode, reason: &'static str) -> Self {
        Self {
            code,
            frame_type: None,
            reason,
        }
    }

    /// [`TransportErrorCode::PROTOCOL_VIOLATION`].
    pub(crate) const fn violation(reason: &'static str) -> Self {
        Self::new(TransportErrorCode::PROTOCOL_VIOLATION, reason)
    }
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This end closed it because the peer broke the protocol (or, for
    /// [`TransportErrorCode::INTERNAL_ERROR`], because of a fault of our own).
    #[error("closed because of the peer: {0}")]
    PeerMisbehaved(#[source] TransportError),
    /// The peer's transport closed it: it holds that this end is at fault, or refuses service.
    #[error("closed by the peer's transport: {code}{}", Reason(reason))]
    ClosedByPeer {
        /// The peer's code.
        code: TransportErrorCode,
        /// What the peer says, as text; not to be trusted.
        reason: String,
    },
    /// The peer's application closed it.
    #[error("closed by the peer's application: code {code}{}", Reason(reason))]
    ClosedByApplication {
        /// The application's code.
        code: u64,
        /// What the application says.
        reason: Vec<u8>,
    },
    /// The peer has lost all memory of the connection (a restart, as a rule).
    #[error("the peer no longer knows the connection")]
    Reset,
    /// Nothing was heard of the peer for the idle timeout.
    #[error("nothing was heard of the peer for too long")]
    TimedOut,
    /// The handshake did not complete in time.
    #[error("the handshake did not complete in time")]
    HandshakeTimedOut,
    /// The server speaks no version that this end speaks.
    #[error("the server speaks no version in common")]
    VersionMismatch,
    /// This end's application closed it.
    #[error("closed by this end")]
    LocallyClosed,
}

struct Reason<'a, T>(&'a T);

impl fmt::Display for Reason<'_, String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.0.escape_debug())
        }
    }
}

impl fmt::Display for Reason<'_, Vec<u8>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.0.escape_ascii())
        }
    }
}
