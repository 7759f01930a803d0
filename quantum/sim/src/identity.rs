//! Who the server is: one certificate for all runs of a process.
//!
//! Ed25519, so that certificates and signatures have the same size each time, and a run is the
//! same each time.

use std::sync::OnceLock;

use quantum_proto::config::{ClientConfig, Fingerprint, ServerConfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

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
    ServerConfig::with_certificate(vec![identity.certificate.clone()], key)
        .map_err(|error| error.to_string())
}

/// A client that believes nobody else.
///
/// # Errors
///
/// If the cryptographic library cannot make one.
pub fn client_config() -> Result<ClientConfig, String> {
    let pins = [Fingerprint::of(&identity()?.certificate)];
    ClientConfig::with_pinned_certificates(pins).map_err(|error| error.to_string())
}
