//! A server: who it is, whom it lets in, and how much it bears.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::{AlwaysResolvesServerRawPublicKeys, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::tls::{Pins, provider};
use super::{ALPN_DEFAULT, ConfigError, Fingerprint, TransportConfig};
use crate::crypto::TicketStore;

/// How connections are accepted.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) tickets: Arc<TicketStore>,
    pub(crate) transport: Arc<TransportConfig>,
    pub(crate) address_validation: AddressValidation,
    pub(crate) connections_max: usize,
    pub(crate) handshakes_max: usize,
    pub(crate) handshakes_per_network_max: usize,
    pub(crate) migration: bool,
}

/// When a client has to show that it receives what is sent to its address, before anything is
/// remembered of it (Retry, RFC 9000 section 8.1.2). It costs the client a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressValidation {
    /// Never: only the amplification limit protects others from us.
    Never,
    /// When more handshakes than this are under way.
    WhenBusy(usize),
    /// Always, unless the client brings a token of an earlier connection.
    Always,
}

/// Who may connect.
enum Clients {
    Anybody,
    Known(Arc<dyn rustls::server::danger::ClientCertVerifier>),
}

/// Who the server is.
enum Identity {
    Certificate(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
    PublicKey(PrivateKeyDer<'static>),
}

impl ServerConfig {
    /// A server with this certificate chain and its private key.
    ///
    /// # Errors
    ///
    /// If the key does not belong to the certificate, or is of an unknown kind.
    pub fn with_certificate(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, ConfigError> {
        Self::new(Identity::Certificate(chain, key), Clients::Anybody)
    }

    /// A server that shows a public key in place of a certificate (RFC 7250).
    ///
    /// # Errors
    ///
    /// If the key is of an unknown kind.
    pub fn with_public_key(key: PrivateKeyDer<'static>) -> Result<Self, ConfigError> {
        Self::new(Identity::PublicKey(key), Clients::Anybody)
    }

    /// Like [`with_certificate`](Self::with_certificate), for clients with a certificate that leads
    /// to one of `roots` only.
    ///
    /// # Errors
    ///
    /// As [`with_certificate`](Self::with_certificate), or if there are no roots.
    pub fn with_client_roots(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        roots: RootCertStore,
    ) -> Result<Self, ConfigError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(ConfigError::Roots)?;
        Self::new(Identity::Certificate(chain, key), Clients::Known(verifier))
    }

    /// Like [`with_certificate`](Self::with_certificate), for clients with exactly one of these
    /// certificates only.
    ///
    /// # Errors
    ///
    /// As [`with_certificate`](Self::with_certificate).
    pub fn with_pinned_clients(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<Self, ConfigError> {
        let clients = Clients::Known(Pins::certificates(fingerprints));
        Self::new(Identity::Certificate(chain, key), clients)
    }

    /// Like [`with_public_key`](Self::with_public_key), for clients with one of these public keys
    /// only.
    ///
    /// # Errors
    ///
    /// As [`with_public_key`](Self::with_public_key).
    pub fn with_pinned_client_keys(
        key: PrivateKeyDer<'static>,
        clients: Vec<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        Self::new(
            Identity::PublicKey(key),
            Clients::Known(Pins::public_keys(clients)),
        )
    }

    fn new(identity: Identity, clients: Clients) -> Result<Self, ConfigError> {
        let builder = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(ConfigError::Tls)?;
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::Known(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut tls = match identity {
            Identity::Certificate(chain, key) => builder
                .with_single_cert(chain, key)
                .map_err(ConfigError::Key)?,
            Identity::PublicKey(key) => builder.with_cert_resolver(Arc::new(
                AlwaysResolvesServerRawPublicKeys::new(super::raw_public_key(key)?),
            )),
        };
        tls.alpn_protocols = vec![ALPN_DEFAULT.to_vec()];
        // Tickets are kept here and taken out when they are used: none works twice (Q-ZRT-2).
        let tickets = Arc::new(TicketStore::new(
            TICKETS_MAX,
            Arc::clone(&tls.time_provider),
        ));
        tls.session_storage = Arc::<TicketStore>::clone(&tickets);
        tls.send_tls13_tickets = 2;
        Ok(Self {
            tls: Arc::new(tls),
            tickets,
            transport: Arc::default(),
            address_validation: AddressValidation::WhenBusy(1_000),
            connections_max: 100_000,
            handshakes_max: 10_000,
            handshakes_per_network_max: 1_000,
            migration: true,
        })
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
        // RFC 9001 section 4.6.1: all or nothing.
        let early = if transport.early_data { u32::MAX } else { 0 };
        Arc::make_mut(&mut self.tls).max_early_data_size = early;
        self.transport = Arc::new(transport);
        self
    }

    /// Where the time of day comes from, for the dates in certificates and the age of tickets.
    /// Default: the system's clock.
    #[must_use]
    pub fn with_time_of_day(mut self, clock: Arc<dyn TimeProvider>) -> Self {
        let tls = Arc::make_mut(&mut self.tls);
        self.tickets = Arc::new(TicketStore::new(TICKETS_MAX, Arc::clone(&clock)));
        tls.session_storage = Arc::<TicketStore>::clone(&self.tickets);
        tls.time_provider = clock;
        self
    }

    /// When addresses have to be proven first. Default: when more than 1,000 handshakes are under
    /// way.
    #[must_use]
    pub fn with_address_validation(mut self, validation: AddressValidation) -> Self {
        self.address_validation = validation;
        self
    }

    /// Connections at a time; more are refused. Default: 100,000.
    #[must_use]
    pub fn with_connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Handshakes at a time, in all and from one network (IPv4 /24, IPv6 /64); what comes beyond is
    /// dropped. Defaults: 10,000 and 1,000.
    #[must_use]
    pub fn with_handshakes_max(mut self, handshakes: usize, per_network: usize) -> Self {
        self.handshakes_max = handshakes;
        self.handshakes_per_network_max = per_network;
        self
    }

    /// Whether clients may change their address. Default: yes.
    #[must_use]
    pub fn with_migration(mut self, migration: bool) -> Self {
        self.migration = migration;
        self
    }
}

/// Tickets that are remembered; older ones lead to a full handshake.
const TICKETS_MAX: usize = 10_000;
