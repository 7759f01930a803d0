//! The security layer: one TLS handshake, and the keys that it makes (RFC 9001).
//!
//! The connection knows only [`Session`] and the key types; [`tls`] fills them with rustls.

mod anti_replay;
mod client_hello;
mod exporter;
mod tls;

pub(crate) use anti_replay::TicketStore;
pub use exporter::ExportError;
pub(crate) use exporter::Exporter;
pub(crate) use tls::{TlsSession, initial_keys};

use rustls_pki_types::CertificateDer;

use crate::error::TransportError;

/// One handshake, at one end.
pub(crate) trait Session: Send {
    /// Takes handshake bytes of the peer, in order.
    ///
    /// # Errors
    ///
    /// If TLS refuses them: the code is the alert's.
    fn read(&mut self, bytes: &[u8]) -> Result<(), TransportError>;

    /// Appends handshake bytes to send. Bytes of the next call belong to the new keys, if there are
    /// any. To be called until it gives neither bytes nor keys.
    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<KeyChange>;

    /// The handshake is not complete.
    fn is_handshaking(&self) -> bool;

    /// The peer's transport parameters, once they have arrived; for a client, once the server has
    /// proven itself.
    fn transport_parameters(&self) -> Option<Vec<u8>>;

    /// Keys of 0-RTT packets, if they can be sent (client) or read (server).
    fn early_keys(&self) -> Option<DirectionKeys>;

    /// Whether the server took the 0-RTT data. Final when the handshake is complete.
    fn early_data_accepted(&self) -> bool;

    /// The peer's certificate chain, or its raw public key.
    fn peer_identity(&self) -> Option<Vec<CertificateDer<'static>>>;

    /// The application protocol that was agreed on.
    fn application_protocol(&self) -> Option<Vec<u8>>;

    /// The name that the client asked for.
    fn server_name(&self) -> Option<String>;

    /// What outlives the session, to derive secrets for the application from. `None` before the
    /// handshake is complete.
    fn exporter(&self) -> Option<Exporter>;
}

/// New keys, to be used from the next handshake bytes on.
pub(crate) enum KeyChange {
    Handshake(Keys),
    Data(Keys, KeySchedule),
}

/// Keys of both directions.
pub(crate) struct Keys {
    pub(crate) local: DirectionKeys,
    pub(crate) remote: DirectionKeys,
}

/// Keys of one direction.
pub(crate) struct DirectionKeys {
    pub(crate) header: HeaderKey,
    pub(crate) packet: PacketKey,
}

/// Hides, and shows, what must be read before decryption.
pub(crate) struct HeaderKey(Box<dyn rustls::quic::HeaderProtectionKey>);

/// Seals and opens packets.
pub(crate) struct PacketKey(Box<dyn rustls::quic::PacketKey>);

/// Makes the keys of the next phases (RFC 9001 section 6.1).
pub(crate) struct KeySchedule(rustls::quic::Secrets);

impl HeaderKey {
    /// Says whether it could: only a sample of the wrong size prevents it.
    #[inline]
    pub(crate) fn protect(&self, sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
        self.0.encrypt_in_place(sample, first, number).is_ok()
    }

    #[inline]
    pub(crate) fn unprotect(&self, sample: &[u8], first: &mut u8, number: &mut [u8]) -> bool {
        self.0.decrypt_in_place(sample, first, number).is_ok()
    }
}

impl PacketKey {
    /// The key inside another one, which sees what is done with it.
    #[cfg(test)]
    pub(crate) fn wrapped(
        self,
        wrap: impl FnOnce(Box<dyn rustls::quic::PacketKey>) -> Box<dyn rustls::quic::PacketKey>,
    ) -> Self {
        Self(wrap(self.0))
    }

    /// Encrypts all of `packet` but its last [`TAG_BYTES`], where the tag goes.
    #[inline]
    pub(crate) fn seal(&self, number: u64, header: &[u8], packet: &mut [u8]) -> bool {
        let Some((payload, tag)) = packet.split_last_chunk_mut::<TAG_BYTES>() else {
            return false;
        };
        match self.0.encrypt_in_place(number, header, payload) {
            Ok(sealed) => {
                tag.copy_from_slice(sealed.as_ref());
                true
            }
            Err(_) => false,
        }
    }

    /// Decrypts in place; the plain payload is at the front, and this is its length. `None`: not
    /// authentic.
    #[inline]
    pub(crate) fn open(&self, number: u64, header: &[u8], packet: &mut [u8]) -> Option<usize> {
        self.0
            .decrypt_in_place(number, header, packet)
            .ok()
            .map(|plain| plain.len())
    }

    /// Packets that may be sealed with it (RFC 9001 section 6.6).
    pub(crate) fn confidentiality_limit(&self) -> u64 {
        self.0.confidentiality_limit()
    }

    /// Forgeries that may be tried on it (RFC 9001 section 6.6).
    pub(crate) fn integrity_limit(&self) -> u64 {
        self.0.integrity_limit()
    }
}

impl KeySchedule {
    /// The peer's key of the next phase, which stays the next one.
    pub(crate) fn peek(&self) -> PacketKey {
        PacketKey(self.0.clone().next_packet_keys().remote)
    }

    /// Keys of the next phase: our own, and the peer's.
    pub(crate) fn next(&mut self) -> (PacketKey, PacketKey) {
        let keys = self.0.next_packet_keys();
        (PacketKey(keys.local), PacketKey(keys.remote))
    }
}

/// Every cipher of TLS 1.3 that is used here has a tag of this size (RFC 9001 section 5.3).
pub(crate) const TAG_BYTES: usize = 16;

#[cfg(test)]
mod tests;
