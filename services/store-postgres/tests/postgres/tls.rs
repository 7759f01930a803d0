//! Encrypted connections, and servers that cannot prove who they are.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use store_postgres::testkit::{Cluster, client, connect, options};
use store_postgres::{ConnectError, PostgresStore};

/// An authority, as a file that can be trusted.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    /// A certificate and its key for a server of this name.
    fn certify(&self, server: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![server.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Lets a server speak TLS with this certificate.
async fn encrypt(cluster: &Cluster, (certificate, key): (String, String)) {
    let admin = client(&cluster.url("postgres")).await;
    let row = admin.query_one("SHOW data_directory", &[]).await.unwrap();
    let folder = PathBuf::from(row.get::<_, String>(0));
    let owner = std::fs::metadata(&folder).unwrap();
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let only_the_owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, only_the_owner).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let on = "ALTER SYSTEM SET ssl = on";
    admin.batch_execute(on).await.unwrap();
    cluster.stop();
    cluster.resume();
}

async fn refused(url: &str) -> ConnectError {
    match PostgresStore::connect(&options(url)).await {
        Ok(_) => panic!("{url} was taken"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_that_proves_its_name_is_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ours");
    let stranger = Authority::new(folder.path(), "strange");
    let cluster = Cluster::start();
    let plain = cluster.database("encrypted").await;
    let by_name = plain.replace("127.0.0.1", "localhost");
    let with = |url: &str, mode: &str, roots: &Path| {
        format!("{url}?sslmode={mode}&sslrootcert={}", roots.display())
    };
    // A server without TLS is not spoken to in the clear.
    let bare = refused(&with(&by_name, "verify-full", &authority.file)).await;
    assert!(matches!(bare, ConnectError::Unreachable { .. }), "{bare:?}");

    encrypt(&cluster, authority.certify("localhost")).await;
    for mode in ["verify-full", "require"] {
        let url = with(&by_name, mode, &authority.file);
        let store = connect(&format!("{url}&application_name={mode}")).await;
        let ours = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE ssl AND version = 'TLSv1.3' AND application_name = $1";
        let row = client(&plain).await.query_one(ours, &[&mode]).await;
        assert_eq!(row.unwrap().get::<_, i64>(0), 1, "{mode}");
        drop(store);
        for (url, roots) in [(&by_name, &stranger.file), (&plain, &authority.file)] {
            let unproven = refused(&with(url, mode, roots)).await;
            let ConnectError::Unreachable { reason } = unproven else {
                panic!("{unproven:?}");
            };
            assert!(reason.contains("certificate"), "{reason}");
        }
    }
    // As before, where nobody asks for it.
    connect(&plain).await;
}

#[tokio::test]
async fn authorities_that_are_not_there_are_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "no certificate").unwrap();
    let missing = folder.path().join("missing");
    for (mode, roots, expected) in [
        ("verify-full", &missing, "missing: "),
        ("verify-full", &empty, "there is no certificate in it"),
        ("prefer", &empty, "without sslmode=verify-full"),
    ] {
        let roots = roots.display();
        let url = format!("postgres://localhost/x?sslmode={mode}&sslrootcert={roots}");
        let error = refused(&url).await;
        assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
