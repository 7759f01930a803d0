//! Who the server is: one certificate for all runs of a process.
//!
//! Ed25519, so that certificates and signatures have the same size each time, and a run is the
//! same each time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quantum_proto::config::{ClientConfig, Fingerprint, ServerConfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::time_provider::TimeProvider;

/// What the server is called.
pub const SERVER_NAME: &str = "server.example";

/// A self-signed certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

fn identity() -> Result<&'static Identity, String> {
    static IDENTITY: OnceLock<Result<Identity, String>> = OnceLock::new();
    let made = IDENTITY.get_or_init(|| generate().map_err(|error| error.to_string()));
    made.as_ref().map_err(Clone::clone)
}

fn generate() -> Result<Identity, rcgen::Error> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    let mut parameters = rcgen::CertificateParams::new([SERVER_NAME.to_owned()])?;
    // A random serial number would have a random length.
    parameters.serial_number = Some(1u64.into());
    let certificate = parameters.self_signed(&key)?;
    Ok(Identity {
        certificate: certificate.der().clone(),
        key: key.serialize_der(),
    })
}

/// A server with the certificate.
///
/// # Errors
///
/// If the cryptographic library cannot make one.
pub fn server_config() -> Result<ServerConfig, String> {
    let identity = identity()?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let config = ServerConfig::with_certificate(vec![identity.certificate.clone()], key);
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_time_of_day(clock()))
}

/// A client that believes nobody else.
///
/// # Errors
///
/// If the cryptographic library cannot make one.
pub fn client_config() -> Result<ClientConfig, String> {
    let pins = [Fingerprint::of(&identity()?.certificate)];
    let config = ClientConfig::with_pinned_certificates(pins);
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_time_of_day(clock()))
}

/// The time of day, which never changes: how long a run takes must not decide anything in it.
#[must_use]
pub fn clock() -> Arc<dyn TimeProvider> {
    Arc::new(Noon)
}

#[derive(Debug)]
struct Noon;

impl TimeProvider for Noon {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(
            2_000_000_000,
        )))
    }
}
