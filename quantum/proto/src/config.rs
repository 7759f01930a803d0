//! Configuration: every default with its reason.

mod client;
mod fingerprint;
mod server;
mod tls;
mod transport;

pub use client::ClientConfig;
pub(crate) use client::ServerMemory;
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use server::{AddressValidation, ServerConfig};
pub use transport::TransportConfig;

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::observe::ObserverFactory;

/// A configuration cannot be used. The caller is at fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The trusted roots cannot be used.
    #[error("the trusted roots cannot be used: {0}")]
    Roots(#[source] rustls::server::VerifierBuilderError),
    /// The private key does not fit, or is of an unknown kind.
    #[error("the private key cannot be used: {0}")]
    Key(#[source] rustls::Error),
    /// TLS 1.3 cannot be set up.
    #[error("TLS 1.3 cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    /// A certificate cannot be made for these names.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How an endpoint names and protects its connections.
#[derive(Clone)]
pub struct EndpointConfig {
    /// Key of the reset tokens.
    pub(crate) reset_key: [u8; 32],
    /// Key of the address tokens.
    pub(crate) token_key: [u8; 32],
    /// Length of the ids of connections that this endpoint opens, in bytes.
    pub(crate) client_id_bytes: usize,
    /// What time of day the origin of the caller's clock was, since the Unix epoch.
    pub(crate) origin: std::time::Duration,
    pub(crate) observer: Option<Arc<dyn ObserverFactory>>,
}

impl EndpointConfig {
    /// Everything follows from `seed`, which has to be random and secret. With the same seed after
    /// a restart, peers of connections that are gone are told so at once (stateless reset), and
    /// tokens handed out before are still good.
    #[must_use]
    pub fn with_seed(seed: [u8; 32]) -> Self {
        let derive = |purpose: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &seed);
            let mut derived = [0; 32];
            derived.copy_from_slice(aws_lc_rs::hmac::sign(&key, purpose).as_ref());
            derived
        };
        Self {
            reset_key: derive(b"quantum reset"),
            token_key: derive(b"quantum token"),
            client_id_bytes: 2,
            origin: std::time::Duration::ZERO,
            observer: None,
        }
    }

    /// What time of day, since the Unix epoch, [`Instant::ORIGIN`](crate::time::Instant::ORIGIN) is
    /// on the clock of the caller. Tokens that are to outlive a restart need it, and GUUIDs tell the
    /// time by it. Default: zero, for clocks that count from the epoch.
    #[must_use]
    pub fn with_origin(mut self, since_epoch: std::time::Duration) -> Self {
        self.origin = since_epoch;
        self
    }

    /// Who watches connections from within whose [`TransportConfig`] names nobody. Default: nobody.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn ObserverFactory>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Length of the ids of connections that this endpoint opens, from 1 to 20 bytes. Default: 2,
    /// as the id rides on every packet that a client receives and has to tell only its own
    /// connections apart. Ids of accepted connections have 8.
    #[must_use]
    pub fn with_client_id_bytes(mut self, bytes: usize) -> Self {
        self.client_id_bytes = bytes.clamp(1, crate::connection_id::ConnectionId::BYTES_MAX);
        self
    }
}

impl std::fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointConfig").finish_non_exhaustive()
    }
}

/// A key without a certificate: its public half takes the certificate's place (RFC 7250).
fn raw_public_key(key: PrivateKeyDer<'static>) -> Result<Arc<CertifiedKey>, ConfigError> {
    let key = tls::provider()
        .key_provider
        .load_private_key(key)
        .map_err(ConfigError::Key)?;
    let public = key
        .public_key()
        .ok_or(ConfigError::Key(rustls::Error::General(
            "a key without a public half".into(),
        )))?;
    let chain = vec![CertificateDer::from(public.to_vec())];
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// What both ends speak unless told otherwise.
const ALPN_DEFAULT: &[u8] = b"aetherflow/1";
