//! TLS to the database, for URLs that ask for it.
//!
//! `sslmode=require` and `sslmode=verify-full` mean the same here: version 1.3, and a server that proves its
//! name with a certificate of an authority that is in `sslrootcert=<file>` or, without one, known to this
//! machine. Encryption with whoever answers protects from nobody who can answer.

mod stream;
mod wanted;

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Socket;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;

use stream::Encrypted;
pub(crate) use wanted::Wanted;

/// Makes handshakes.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the authorities in a file, or those of this machine. In words, why that is not possible.
    pub(crate) fn trusting(file: Option<&Path>) -> Result<Self, String> {
        let roots = match file {
            Some(path) => of_file(path)?,
            None => of_machine()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| error.to_string())?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        // Asked for by servers that take a handshake without being asked first (`sslnegotiation=direct`).
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let said = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| said(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| said(&error))?;
        roots.add(certificate).map_err(|error| said(&error))?;
    }
    if roots.is_empty() {
        return Err(format!("{}: there is no certificate in it", path.display()));
    }
    Ok(roots)
}

fn of_machine() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this machine knows no authority: name a file with sslrootcert".to_owned());
    }
    Ok(roots)
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        Ok(Handshake {
            config: Arc::clone(&self.0),
            server: ServerName::try_from(host)?.to_owned(),
        })
    }
}

/// One handshake, with a server of this name.
pub(crate) struct Handshake {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let shaken = TlsConnector::from(self.config).connect(self.server, socket);
        async move { Ok(Encrypted(shaken.await?)) }.boxed()
    }
}
