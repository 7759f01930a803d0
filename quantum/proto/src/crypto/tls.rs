//! TLS 1.3 by rustls.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::quic::{self, Version};
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use rustls_pki_types::CertificateDer;

use super::anti_replay::TicketStore;
use super::exporter::{Exporter, ROOT_LABEL};
use super::{DirectionKeys, HeaderKey, KeyChange, KeySchedule, Keys, PacketKey, Session};
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::Side;

/// A rustls handshake.
pub(crate) struct TlsSession {
    connection: quic::Connection,
    /// Server: judges an offer of early data before rustls reads it, which allows a minute.
    early_data: Option<Arc<TicketStore>>,
}

impl TlsSession {
    pub(crate) fn client(
        config: Arc<rustls::ClientConfig>,
        server_name: ServerName<'static>,
        parameters: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let connection = quic::ClientConnection::new(config, Version::V1, server_name, parameters)?;
        Ok(Self {
            connection: connection.into(),
            early_data: None,
        })
    }

    /// Early data is taken only if `early_data` is there to judge it.
    pub(crate) fn server(
        config: Arc<rustls::ServerConfig>,
        early_data: Option<Arc<TicketStore>>,
        parameters: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let mut connection = quic::ServerConnection::new(config, Version::V1, parameters)?;
        if early_data.is_none() {
            connection.reject_early_data();
        }
        Ok(Self {
            connection: connection.into(),
            early_data,
        })
    }

    /// The first bytes that a server reads are the ClientHello, as a rule whole; only a whole one
    /// can be fresh.
    fn judge_early_data(&mut self, client_hello: &[u8]) {
        if let Some(tickets) = self.early_data.take()
            && let quic::Connection::Server(server) = &mut self.connection
            && server.is_handshaking()
            && !tickets.is_fresh(client_hello)
        {
            server.reject_early_data();
        }
    }
}

impl Session for TlsSession {
    fn read(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.judge_early_data(bytes);
        self.connection.read_hs(bytes).map_err(|error| {
            tracing::debug!(%error, "TLS refused the handshake");
            failure(&error, self.connection.alert())
        })
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<KeyChange> {
        Some(match self.connection.write_hs(buffer)? {
            quic::KeyChange::Handshake { keys } => KeyChange::Handshake(keys.into()),
            quic::KeyChange::OneRtt { keys, next } => {
                KeyChange::Data(keys.into(), KeySchedule(next))
            }
        })
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn transport_parameters(&self) -> Option<Vec<u8>> {
        match &self.connection {
            // A client that resumes a session has those of the session before until then.
            quic::Connection::Client(client) if client.is_handshaking() => None,
            connection => connection.quic_transport_parameters().map(<[u8]>::to_vec),
        }
    }

    fn early_keys(&self) -> Option<DirectionKeys> {
        self.connection.zero_rtt_keys().map(Into::into)
    }

    fn early_data_accepted(&self) -> bool {
        match &self.connection {
            quic::Connection::Client(client) => client.is_early_data_accepted(),
            // rustls forgets the secret of early data that it does not take.
            quic::Connection::Server(server) => server.zero_rtt_keys().is_some(),
        }
    }

    fn peer_identity(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.connection.peer_certificates().map(<[_]>::to_vec)
    }

    fn application_protocol(&self) -> Option<Vec<u8>> {
        self.connection.alpn_protocol().map(<[u8]>::to_vec)
    }

    fn server_name(&self) -> Option<String> {
        match &self.connection {
            quic::Connection::Client(_) => None,
            quic::Connection::Server(server) => server.server_name().map(str::to_owned),
        }
    }

    fn exporter(&self) -> Option<Exporter> {
        let connection = &self.connection;
        let root = connection.export_keying_material([0; 32], ROOT_LABEL, None);
        root.ok().map(Exporter::new)
    }
}

fn failure(error: &Error, alert: Option<AlertDescription>) -> TransportError {
    let code = match alert {
        _ if is_our_fault(error) => TransportErrorCode::INTERNAL_ERROR,
        Some(alert) => TransportErrorCode::tls_alert(alert.into()),
        None => TransportErrorCode::PROTOCOL_VIOLATION,
    };
    TransportError::new(code, reason(error))
}

fn is_our_fault(error: &Error) -> bool {
    matches!(
        error,
        Error::General(_) | Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes
    )
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => certificate_reason(error),
        Error::NoCertificatesPresented => "the peer showed no certificate",
        Error::NoApplicationProtocol => "no application protocol in common",
        Error::PeerIncompatible(PeerIncompatible::IncorrectCertificateTypeExtension) => {
            "one end wants a raw public key, the other has a certificate"
        }
        Error::PeerIncompatible(_) => "the TLS of the peer has nothing in common with ours",
        Error::PeerMisbehaved(_) => "the peer broke the rules of TLS",
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => "handshake bytes that TLS cannot read",
        Error::DecryptError => "the handshake is not authentic",
        error if is_our_fault(error) => "TLS does not work here",
        _ => "the TLS handshake failed",
    }
}

fn certificate_reason(error: &CertificateError) -> &'static str {
    use CertificateError as Fault;
    match error {
        Fault::Expired | Fault::ExpiredContext { .. } => "the peer's certificate has expired",
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            "the peer's certificate is not valid yet"
        }
        Fault::UnknownIssuer => "the peer's certificate comes from an unknown issuer",
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            "the peer's certificate is for another name"
        }
        Fault::ApplicationVerificationFailure => "the peer is not among those that are pinned",
        Fault::BadSignature => "a signature of the peer is wrong",
        _ => "the peer's certificate is not acceptable",
    }
}

impl From<quic::Keys> for Keys {
    fn from(keys: quic::Keys) -> Self {
        Self {
            local: keys.local.into(),
            remote: keys.remote.into(),
        }
    }
}

impl From<quic::DirectionalKeys> for DirectionKeys {
    fn from(keys: quic::DirectionalKeys) -> Self {
        Self {
            header: HeaderKey(keys.header),
            packet: PacketKey(keys.packet),
        }
    }
}

/// Keys that everybody can derive who sees the first packet (RFC 9001 section 5.2).
///
/// `None` only if the cryptographic library lacks AES-128-GCM.
pub(crate) fn initial_keys(destination: &[u8], side: Side) -> Option<Keys> {
    let suite = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    let side = match side {
        Side::Client => rustls::Side::Client,
        Side::Server => rustls::Side::Server,
    };
    Some(
        suite
            .quic_suite()?
            .keys(destination, side, Version::V1)
            .into(),
    )
}
