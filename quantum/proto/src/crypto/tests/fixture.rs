//! Two ends of a handshake, identities, and a clock that tests turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::config::{ClientConfig, Fingerprint, ServerConfig, TransportConfig};
use crate::crypto::{KeyChange, KeySchedule, Keys, Session, TlsSession};
use crate::error::TransportError;

/// A key and a certificate for "localhost" that it signed itself.
pub(super) struct Identity {
    certificate: CertificateDer<'static>,
    key: rcgen::KeyPair,
}

impl Identity {
    pub(super) fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .and_then(|parameters| parameters.self_signed(&key))
            .expect("a certificate");
        Self {
            certificate: certificate.der().clone(),
            key,
        }
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        rustls_pki_types::PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    pub(super) fn public_key(&self) -> Vec<u8> {
        use rcgen::PublicKeyData;
        self.key.subject_public_key_info()
    }

    pub(super) fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a root");
        roots
    }

    pub(super) fn server(&self) -> ServerConfig {
        ServerConfig::with_certificate(self.chain(), self.key()).expect("a server")
    }

    /// Trusts this identity alone.
    pub(super) fn client(&self) -> ClientConfig {
        ClientConfig::with_pinned_certificates([self.fingerprint()]).expect("a client")
    }
}

/// A clock that moves when it is told to.
#[derive(Debug)]
pub(super) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_800_000_000)))
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl TimeProvider for ManualClock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = Duration::from_secs(self.0.load(Ordering::Relaxed));
        Some(UnixTime::since_unix_epoch(now))
    }
}

/// One end, and the keys that it has got.
pub(super) struct End {
    pub(super) session: TlsSession,
    pub(super) handshake: Option<Keys>,
    pub(super) data: Option<(Keys, KeySchedule)>,
}

impl End {
    fn new(session: TlsSession) -> Self {
        Self {
            session,
            handshake: None,
            data: None,
        }
    }

    pub(super) fn client(config: &ClientConfig) -> Self {
        Self::client_of("localhost", config)
    }

    fn client_of(server: &'static str, config: &ClientConfig) -> Self {
        let name = ServerName::try_from(server).expect("a name");
        let session = TlsSession::client(Arc::clone(&config.tls), name, b"client".to_vec());
        Self::new(session.expect("a session"))
    }

    pub(super) fn server(config: &ServerConfig) -> Self {
        let tickets = config
            .transport
            .early_data
            .then(|| Arc::clone(&config.tickets));
        let session = TlsSession::server(Arc::clone(&config.tls), tickets, b"server".to_vec());
        Self::new(session.expect("a session"))
    }

    /// Everything that it has to say, one entry for each encryption level.
    pub(super) fn speak(&mut self) -> Vec<Vec<u8>> {
        let mut flights = Vec::new();
        loop {
            let mut bytes = Vec::new();
            let change = self.session.write(&mut bytes);
            if bytes.is_empty() && change.is_none() {
                return flights;
            }
            flights.push(bytes);
            match change {
                Some(KeyChange::Handshake(keys)) => self.handshake = Some(keys),
                Some(KeyChange::Data(keys, schedule)) => self.data = Some((keys, schedule)),
                None => {}
            }
        }
    }

    pub(super) fn hear(&mut self, flights: Vec<Vec<u8>>) -> Result<(), TransportError> {
        let mut flights = flights.into_iter().filter(|flight| !flight.is_empty());
        flights.try_for_each(|flight| self.session.read(&flight))
    }
}

/// Runs a handshake until neither end has anything to say.
pub(super) fn shake(client: &mut End, server: &mut End) -> Result<(), TransportError> {
    for _ in 0..4 {
        let said = client.speak();
        server.hear(said)?;
        let said = server.speak();
        client.hear(said)?;
    }
    Ok(())
}

pub(super) fn handshake(
    client: &ClientConfig,
    server: &ServerConfig,
) -> Result<(End, End), TransportError> {
    handshake_as("localhost", client, server)
}

/// The client asks for the server by this name.
pub(super) fn handshake_as(
    name: &'static str,
    client: &ClientConfig,
    server: &ServerConfig,
) -> Result<(End, End), TransportError> {
    let mut ends = (End::client_of(name, client), End::server(server));
    shake(&mut ends.0, &mut ends.1)?;
    assert!(!ends.0.session.is_handshaking() && !ends.1.session.is_handshaking());
    Ok(ends)
}

pub(super) fn early() -> TransportConfig {
    TransportConfig::default().with_early_data(true)
}
