//! Who is believed to be whom: certificates, fingerprints, raw public keys.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};
use rustls_pki_types::CertificateDer;

use super::Fingerprint;

/// Ciphers in order of preference: AES where the processor has instructions for it.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    let aes = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let aes_256 = aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384;
    let chacha = aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    provider.cipher_suites = if has_aes() {
        vec![aes, aes_256, chacha]
    } else {
        vec![chacha, aes, aes_256]
    };
    // Small key shares: a ClientHello fits one datagram, and so does everything with it.
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1];
    gather_entropy(&provider);
    Arc::new(provider)
}

/// The library gathers entropy for some 60 ms the first time it is asked for a random number: now,
/// rather than in the first handshake. Should it fail, the handshake says so.
fn gather_entropy(provider: &CryptoProvider) {
    let _ = provider.secure_random.fill(&mut [0; 32]);
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn has_aes() -> bool {
    std::is_x86_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn has_aes() -> bool {
    cfg!(target_arch = "aarch64")
}

/// What a pin names.
#[derive(Debug)]
enum Pinned {
    Certificates(Vec<Fingerprint>),
    /// `SubjectPublicKeyInfo` in DER (RFC 7250).
    PublicKeys(Vec<Vec<u8>>),
}

/// Believes exactly the certificates or keys that it was given. The peer still has to prove that
/// it has the private key.
#[derive(Debug)]
pub(super) struct Pins {
    pinned: Pinned,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pins {
    pub(super) fn certificates(fingerprints: Vec<Fingerprint>) -> Arc<Self> {
        Self::new(Pinned::Certificates(fingerprints))
    }

    pub(super) fn public_keys(keys: Vec<Vec<u8>>) -> Arc<Self> {
        Self::new(Pinned::PublicKeys(keys))
    }

    fn new(pinned: Pinned) -> Arc<Self> {
        let algorithms = provider().signature_verification_algorithms;
        Arc::new(Self { pinned, algorithms })
    }

    fn check(&self, presented: &CertificateDer<'_>) -> Result<(), Error> {
        let known = match &self.pinned {
            Pinned::Certificates(pins) => pins.contains(&Fingerprint::of(presented)),
            Pinned::PublicKeys(pins) => pins.iter().any(|pin| pin[..] == presented[..]),
        };
        if known {
            return Ok(());
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn check_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.pinned {
            Pinned::Certificates(_) => {
                verify_tls13_signature(message, presented, signature, &self.algorithms)
            }
            Pinned::PublicKeys(_) => {
                let key = SubjectPublicKeyInfoDer::from(presented.as_ref());
                verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
            }
        }
    }

    fn wants_raw_keys(&self) -> bool {
        matches!(self.pinned, Pinned::PublicKeys(_))
    }
}

/// TLS 1.2 is never spoken.
fn no_tls12() -> Error {
    Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered)
}

impl ServerCertVerifier for Pins {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.wants_raw_keys()
    }
}

impl ClientCertVerifier for Pins {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.wants_raw_keys()
    }
}
