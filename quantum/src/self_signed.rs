//! Certificates for closed systems, where clients are told what to expect.

use rcgen::generate_simple_self_signed;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::{ConfigError, Fingerprint, ServerConfig};

/// A server with a new certificate for `name` that it signs itself, and the fingerprint by which
/// clients know it ([`ClientConfig::with_pinned_certificates`]).
///
/// The key is made anew each time and kept nowhere: clients need the new fingerprint when the server
/// was started again. A server that has to be known for longer keeps its certificate and key, and
/// uses [`ServerConfig::with_certificate`]. Needs the feature `self-signed` (default).
///
/// # Errors
///
/// If `name` is neither a DNS name nor an IP address, or no key can be made.
///
/// [`ClientConfig::with_pinned_certificates`]: crate::ClientConfig::with_pinned_certificates
pub fn self_signed(name: &str) -> Result<(ServerConfig, Fingerprint), ConfigError> {
    let issued = generate_simple_self_signed([name.to_owned()])
        .map_err(|error| ConfigError::Certificate(error.into()))?;
    let certificate = issued.cert.der().clone();
    let fingerprint = Fingerprint::of(&certificate);
    let key = PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der());
    let config = ServerConfig::with_certificate(vec![certificate], key.into())?;
    Ok((config, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::self_signed;

    #[test]
    fn each_certificate_is_another_one() {
        let fingerprint = || self_signed("localhost").map(|(_, fingerprint)| fingerprint);
        assert_ne!(fingerprint().ok(), fingerprint().ok());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let error = self_signed("n\u{f6}").map(|_| ()).expect_err("not a name");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
