//! Who is believed to be whom.

use super::fixture::{Identity, handshake, handshake_as};
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::Session;
use crate::error::{TransportError, TransportErrorCode};

const BAD_CERTIFICATE: TransportErrorCode = TransportErrorCode::tls_alert(42);
const CERTIFICATE_REQUIRED: TransportErrorCode = TransportErrorCode::tls_alert(116);
const ACCESS_DENIED: TransportErrorCode = TransportErrorCode::tls_alert(49);

fn refusal(client: &ClientConfig, server: &ServerConfig) -> TransportError {
    handshake(client, server).err().expect("a refusal")
}

#[test]
fn a_pinned_certificate_is_believed_and_no_other() {
    let (server, other) = (Identity::new(), Identity::new());
    let (client, _) = handshake(&server.client(), &server.server()).expect("a handshake");
    assert_eq!(client.session.peer_identity(), Some(server.chain()));
    let error = refusal(&other.client(), &server.server());
    assert!(
        [BAD_CERTIFICATE, ACCESS_DENIED].contains(&error.code),
        "{error}"
    );
    assert_eq!(error.reason, "the peer is not among those that are pinned");
}

#[test]
fn a_pinned_certificate_without_its_key_is_not_believed() {
    let (server, thief) = (Identity::new(), Identity::new());
    // A server that shows the certificate of another one: its builder would refuse the pair.
    let mut config = thief.server();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&thief.key()).expect("a key");
    let stolen = rustls::sign::CertifiedKey::new(server.chain(), key);
    let tls = std::sync::Arc::make_mut(&mut config.tls);
    tls.cert_resolver = std::sync::Arc::new(rustls::sign::SingleCertAndKey::from(stolen));
    let error = refusal(&server.client(), &config);
    assert_eq!(error.reason, "a signature of the peer is wrong");
}

#[test]
fn roots_are_believed_for_the_right_name_only() {
    let (server, other) = (Identity::new(), Identity::new());
    let trusting = |identity: &Identity| ClientConfig::with_roots(identity.roots()).expect("roots");
    assert!(handshake(&trusting(&server), &server.server()).is_ok());
    // Another root of the same name: its key has not signed this.
    let error = refusal(&trusting(&other), &server.server());
    assert_eq!(error.reason, "a signature of the peer is wrong");
    assert!(handshake_as("elsewhere", &trusting(&server), &server.server()).is_err());
    assert!(ClientConfig::with_roots(rustls::RootCertStore::empty()).is_err());
}

#[test]
fn raw_public_keys_need_no_certificate() {
    let (server, client, other) = (Identity::new(), Identity::new(), Identity::new());
    let accepting = ServerConfig::with_pinned_client_keys(server.key(), vec![client.public_key()])
        .expect("a server");
    let knocking = |pinned: &Identity, own: &Identity| {
        ClientConfig::with_pinned_public_keys(vec![pinned.public_key()])
            .and_then(|config| config.with_client_public_key(own.key()))
            .expect("a client")
    };
    let (client_end, server_end) =
        handshake(&knocking(&server, &client), &accepting).expect("a handshake");
    let shown = |identity: Option<Vec<rustls_pki_types::CertificateDer<'static>>>| {
        identity.and_then(|all| all.first().map(|key| key.to_vec()))
    };
    assert_eq!(
        shown(client_end.session.peer_identity()),
        Some(server.public_key())
    );
    assert_eq!(
        shown(server_end.session.peer_identity()),
        Some(client.public_key())
    );
    let not_pinned = "the peer is not among those that are pinned";
    assert_eq!(
        refusal(&knocking(&other, &client), &accepting).reason,
        not_pinned
    );
    assert_eq!(
        refusal(&knocking(&server, &other), &accepting).reason,
        not_pinned
    );
}

#[test]
fn a_key_and_a_certificate_do_not_meet() {
    let server = Identity::new();
    let wants_key =
        ClientConfig::with_pinned_public_keys(vec![server.public_key()]).expect("a client");
    assert!(handshake(&wants_key, &server.server()).is_err());
    let keyed = ServerConfig::with_public_key(server.key()).expect("a server");
    assert!(handshake(&server.client(), &keyed).is_err());
    assert!(handshake(&wants_key, &keyed).is_ok());
}

#[test]
fn a_server_with_pinned_clients_lets_no_one_else_in() {
    let (server, client, other) = (Identity::new(), Identity::new(), Identity::new());
    let pins = vec![client.fingerprint()];
    let accepting =
        ServerConfig::with_pinned_clients(server.chain(), server.key(), pins).expect("a server");
    let knocking = |own: &Identity| {
        let config = server
            .client()
            .with_client_certificate(own.chain(), own.key());
        config.expect("a client")
    };
    let (_, end) = handshake(&knocking(&client), &accepting).expect("a handshake");
    assert_eq!(end.session.peer_identity(), Some(client.chain()));
    assert!(handshake(&knocking(&other), &accepting).is_err());
    assert_eq!(
        refusal(&server.client(), &accepting).code,
        CERTIFICATE_REQUIRED
    );
}

#[test]
fn a_server_with_client_roots_wants_a_certificate_of_theirs() {
    let (server, other) = (Identity::new(), Identity::new());
    let client = Identity::new();
    let accepting = ServerConfig::with_client_roots(server.chain(), server.key(), client.roots())
        .expect("a server");
    let knocking = |own: &Identity| {
        let config = server
            .client()
            .with_client_certificate(own.chain(), own.key());
        config.expect("a client")
    };
    assert!(handshake(&knocking(&client), &accepting).is_ok());
    assert!(handshake(&knocking(&other), &accepting).is_err());
    assert_eq!(
        refusal(&server.client(), &accepting).code,
        CERTIFICATE_REQUIRED
    );
}

#[test]
fn without_a_protocol_in_common_there_is_no_connection() {
    let identity = Identity::new();
    let client = identity
        .client()
        .with_application_protocols(vec![b"other".to_vec()]);
    // RFC 9001 section 8.1: no_application_protocol.
    let error = refusal(&client, &identity.server());
    assert_eq!(error.code, TransportErrorCode::tls_alert(120));
}

#[test]
fn a_key_that_is_not_the_certificates_is_found_at_once() {
    let (one, other) = (Identity::new(), Identity::new());
    assert!(ServerConfig::with_certificate(one.chain(), other.key()).is_err());
    let client = one
        .client()
        .with_client_certificate(one.chain(), other.key());
    assert!(client.is_err());
}
