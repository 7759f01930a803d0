//! The server's certificate, and TLS settings that are the same for every encrypted peer.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// The name in the certificate, which the client verifies.
pub(crate) const NAME: &str = "netlab";
/// QUIC asks for an application protocol.
const APPLICATION: &[u8] = b"netlab";

/// A self-signed P-256 certificate and its key, both as DER.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    /// A fresh one.
    pub(crate) fn generate() -> Result<Self, Failure> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = CertificateParams::new(vec![NAME.into()])?.self_signed(&key)?;
        Ok(Self {
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        })
    }

    /// TLS 1.3 with this certificate.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, Failure> {
        let key = PrivateKeyDer::try_from(self.key.clone())?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()], key)?;
        config.alpn_protocols = vec![APPLICATION.to_vec()];
        Ok(config)
    }

    /// TLS 1.3 that trusts this certificate alone and resumes nothing.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, Failure> {
        let roots = self.roots()?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![APPLICATION.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// The certificate and its key, for a transport that makes its own TLS settings.
    pub(crate) fn chain_and_key(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
        Ok((
            vec![self.certificate()],
            PrivateKeyDer::try_from(self.key.clone())?,
        ))
    }

    /// What a client trusts.
    pub(crate) fn roots(&self) -> Result<RootCertStore, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate())?;
        Ok(roots)
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.certificate.clone())
    }
}

/// [`NAME`] for rustls.
pub(crate) fn server_name() -> Result<ServerName<'static>, Failure> {
    Ok(ServerName::try_from(NAME)?)
}

/// AES-128-GCM first, as QUIC's first packets need it anyway; X25519.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
            aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    })
}
