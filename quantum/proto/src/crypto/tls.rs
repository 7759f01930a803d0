//! TLS 1.3 by rustls.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::quic::{self, Version};
use rustls_pki_types::CertificateDer;

use super::{
    DirectionKeys, ExportError, HeaderKey, KeyChange, KeySchedule, Keys, PacketKey, Session,
};
use crate::error::{TransportError, TransportErrorCode};
use crate::stream::Side;

/// A rustls handshake.
pub(crate) struct TlsSession(quic::Connection);

impl TlsSession {
    pub(crate) fn client(
        config: Arc<rustls::ClientConfig>,
        server_name: ServerName<'static>,
        parameters: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let connection = quic::ClientConnection::new(config, Version::V1, server_name, parameters)?;
        Ok(Self(connection.into()))
    }

    pub(crate) fn server(
        config: Arc<rustls::ServerConfig>,
        parameters: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let connection = quic::ServerConnection::new(config, Version::V1, parameters)?;
        Ok(Self(connection.into()))
    }
}

impl Session for TlsSession {
    fn read(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.0.read_hs(bytes).map_err(|error| {
            tracing::debug!(%error, "TLS refused the handshake");
            match self.0.alert() {
                Some(alert) => TransportError::new(
                    TransportErrorCode::tls_alert(alert.into()),
                    "the TLS handshake failed",
                ),
                None => TransportError::violation("handshake bytes that TLS cannot read"),
            }
        })
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<KeyChange> {
        Some(match self.0.write_hs(buffer)? {
            quic::KeyChange::Handshake { keys } => KeyChange::Handshake(keys.into()),
            quic::KeyChange::OneRtt { keys, next } => {
                KeyChange::Data(keys.into(), KeySchedule(next))
            }
        })
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn transport_parameters(&self) -> Option<Vec<u8>> {
        self.0.quic_transport_parameters().map(<[u8]>::to_vec)
    }

    fn early_keys(&self) -> Option<DirectionKeys> {
        self.0.zero_rtt_keys().map(Into::into)
    }

    fn early_data_accepted(&self) -> bool {
        match &self.0 {
            quic::Connection::Client(client) => client.is_early_data_accepted(),
            quic::Connection::Server(_) => false,
        }
    }

    fn peer_identity(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.0.peer_certificates().map(<[_]>::to_vec)
    }

    fn application_protocol(&self) -> Option<Vec<u8>> {
        self.0.alpn_protocol().map(<[u8]>::to_vec)
    }

    fn server_name(&self) -> Option<String> {
        match &self.0 {
            quic::Connection::Client(_) => None,
            quic::Connection::Server(server) => server.server_name().map(str::to_owned),
        }
    }

    fn export(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), ExportError> {
        match self.0.export_keying_material(output, label, context) {
            Ok(_) => Ok(()),
            Err(_) => Err(ExportError),
        }
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
