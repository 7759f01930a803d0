//! A client: whom it believes, and what it remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::tls::{Pins, provider};
use super::{ALPN_DEFAULT, ConfigError, Fingerprint, TransportConfig};
use crate::parameters::TransportParameters;

/// How connections are opened. One configuration serves any number of connections, and remembers
/// what servers gave for the next one.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) transport: Arc<TransportConfig>,
    pub(crate) memory: Option<Arc<ServerMemory>>,
}

impl ClientConfig {
    /// Believes servers whose certificate chain leads to one of these roots.
    ///
    /// # Errors
    ///
    /// If there are no roots.
    pub fn with_roots(roots: RootCertStore) -> Result<Self, ConfigError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(ConfigError::Roots)?;
        Self::with_verifier(verifier)
    }

    /// Believes servers with exactly one of these certificates, whoever signed them: for closed
    /// systems with self-signed certificates.
    ///
    /// # Errors
    ///
    /// If the cryptographic library lacks TLS 1.3.
    pub fn with_pinned_certificates(
        fingerprints: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<Self, ConfigError> {
        Self::with_verifier(Pins::certificates(fingerprints.into_iter().collect()))
    }

    /// Believes servers with one of these public keys (`SubjectPublicKeyInfo` in DER), which send
    /// their key in place of a certificate (RFC 7250).
    ///
    /// # Errors
    ///
    /// If the cryptographic library lacks TLS 1.3.
    pub fn with_pinned_public_keys(keys: Vec<Vec<u8>>) -> Result<Self, ConfigError> {
        Self::with_verifier(Pins::public_keys(keys))
    }

    fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<Self, ConfigError> {
        let mut tls = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(ConfigError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN_DEFAULT.to_vec()];
        Ok(Self {
            tls: Arc::new(tls),
            transport: Arc::default(),
            memory: Some(Arc::default()),
        })
    }

    /// Shows this certificate to servers that ask for one.
    ///
    /// # Errors
    ///
    /// If the key does not belong to the certificate, or is of an unknown kind.
    pub fn with_client_certificate(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, ConfigError> {
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(ConfigError::Key)?;
        Arc::make_mut(&mut self.tls).client_auth_cert_resolver =
            Arc::new(rustls::sign::SingleCertAndKey::from(key));
        Ok(self)
    }

    /// Shows this public key in place of a certificate (RFC 7250).
    ///
    /// # Errors
    ///
    /// If the key is of an unknown kind.
    pub fn with_client_public_key(
        mut self,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, ConfigError> {
        let key = super::raw_public_key(key)?;
        Arc::make_mut(&mut self.tls).client_auth_cert_resolver =
            Arc::new(AlwaysResolvesClientRawPublicKeys::new(key));
        Ok(self)
    }

    /// Application protocols, the preferred first. Default: `aetherflow/1`.
    #[must_use]
    pub fn with_application_protocols(mut self, protocols: Vec<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.tls).alpn_protocols = protocols;
        self
    }

    /// How connections behave.
    #[must_use]
    pub fn with_transport(mut self, transport: TransportConfig) -> Self {
        Arc::make_mut(&mut self.tls).enable_early_data = transport.early_data;
        self.transport = Arc::new(transport);
        self
    }

    /// Remembers nothing of a server: each connection makes a full handshake, without early data,
    /// and shows nobody that the client was there before. Default: the next connection to a server
    /// is made with what the last one gave, which spares both ends most of the cryptography.
    #[must_use]
    pub fn without_resumption(mut self) -> Self {
        Arc::make_mut(&mut self.tls).resumption = Resumption::disabled();
        self.memory = None;
        self
    }

    /// Where the time of day comes from, for the dates in certificates and the age of tickets.
    /// Default: the system's clock.
    #[must_use]
    pub fn with_time_of_day(mut self, clock: Arc<dyn TimeProvider>) -> Self {
        Arc::make_mut(&mut self.tls).time_provider = clock;
        self
    }
}

/// What servers gave for the next connection, by the name they were asked under.
#[derive(Debug, Default)]
pub(crate) struct ServerMemory(Mutex<HashMap<String, Remembered>>);

#[derive(Clone, Debug, Default)]
struct Remembered {
    tokens: Vec<Bytes>,
    parameters: Option<TransportParameters>,
}

impl ServerMemory {
    /// A token for an Initial packet; each is used once.
    pub(crate) fn take_token(&self, server_name: &str) -> Option<Bytes> {
        self.with(server_name, |remembered| remembered.tokens.pop())
    }

    pub(crate) fn add_token(&self, server_name: &str, token: Bytes) {
        self.with(server_name, |remembered| {
            if remembered.tokens.len() >= TOKENS_MAX {
                remembered.tokens.remove(0);
            }
            remembered.tokens.push(token);
        });
    }

    pub(crate) fn parameters(&self, server_name: &str) -> Option<TransportParameters> {
        self.with(server_name, |remembered| remembered.parameters.clone())
    }

    pub(crate) fn set_parameters(&self, server_name: &str, parameters: TransportParameters) {
        self.with(server_name, |remembered| {
            remembered.parameters = Some(parameters)
        });
    }

    fn with<T>(&self, server_name: &str, then: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !servers.contains_key(server_name) && servers.len() >= SERVERS_MAX {
            servers.clear();
        }
        then(servers.entry(server_name.to_owned()).or_default())
    }
}

/// Tokens kept for a server.
const TOKENS_MAX: usize = 4;

/// Servers remembered; then everything is forgotten, which costs one round trip each.
const SERVERS_MAX: usize = 1024;
