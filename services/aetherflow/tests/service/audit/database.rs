//! Documents in a database, whose owner can do anything to it. Servers run meanwhile.

use std::sync::Arc;

use guuid::Guuid;
use statesync_core::{AuditEntry, Change, DocumentId, DocumentStore, Since, Version, genesis};
use store_postgres::testkit::{Cluster, client, connect};

use super::{typed, verify};
use crate::rest::Person;
use crate::server::{Server, Setup};

/// A server over a database, and somebody who writes there.
struct Scene {
    cluster: std::sync::Arc<Cluster>,
    database: String,
    _server: Server,
    ada: Person,
}

impl Scene {
    async fn set(name: &str) -> Self {
        let cluster = Cluster::shared();
        let database = cluster.database(name).await;
        let setup = Setup::default().flags(["--document-store", &database]);
        let server = setup.start().await;
        let ada = Person::log_in(&server, "Ada").await;
        Self {
            cluster,
            database,
            _server: server,
            ada,
        }
    }

    /// A document with three records.
    async fn document(&self) -> String {
        typed(&self.ada, &["a", "b", "c"]).await
    }

    /// Does something to the tables behind everybody's back.
    async fn tamper(&self, document: &str, statement: &str) {
        let client = client(&self.database).await;
        let off = "ALTER TABLE audit DISABLE TRIGGER ALL";
        client.batch_execute(off).await.unwrap();
        let statement = statement.replace("THIS", &format!("'{document}'"));
        client.batch_execute(&statement).await.unwrap();
    }

    async fn verify(&self, arguments: &[&str]) -> super::Verdict {
        let place = ["--document-store", self.database.as_str()];
        verify(&[&place, arguments].concat()).await
    }
}

#[tokio::test]
async fn every_document_that_was_tampered_with_is_named_with_the_place() {
    let scene = Scene::set("tampered").await;
    let mut broken = Vec::new();
    for (statement, expected) in [
        (
            "UPDATE audit SET user_id = 'mallory' WHERE document_id = THIS AND version = 2",
            "version 2: the entry was changed",
        ),
        (
            "UPDATE audit SET hash = decode(repeat('00', 32), 'hex') WHERE document_id = THIS \
             AND version = 1",
            "version 1: the entry was changed",
        ),
        (
            "DELETE FROM audit WHERE document_id = THIS AND version = 2",
            "damaged in the store: audit entry 2 is missing",
        ),
        (
            "DELETE FROM audit WHERE document_id = THIS AND version = 3",
            "damaged in the store: the audit log ends at version 2 instead of 3",
        ),
        (
            "UPDATE documents SET audit = decode(repeat('00', 32), 'hex') WHERE id = THIS",
            "version 3: the head has another hash",
        ),
        (
            "UPDATE operations SET user_id = 'mallory' WHERE document_id = THIS AND version = 2",
            "damaged in the store: record 2: its checksum is another",
        ),
        (
            "UPDATE documents SET metadata = '7' WHERE id = THIS",
            "damaged in the store: head: ",
        ),
        (
            "UPDATE documents SET version = 2, audit = (SELECT hash FROM audit WHERE \
             document_id = THIS AND version = 2) WHERE id = THIS",
            "damaged in the store: the audit log ends at version 3 instead of 2",
        ),
    ] {
        let document = scene.document().await;
        scene.tamper(&document, statement).await;
        broken.push((document, expected));
    }
    let whole = scene.document().await;
    let verdict = scene.verify(&[]).await;
    for (document, expected) in &broken {
        let about = verdict.about(document);
        let what = about.strip_prefix("broken: ").expect("it is broken");
        assert!(what.starts_with(expected), "{what}, not {expected}");
    }
    let summary = format!(
        "documents as they were written: 1, broken: {}",
        broken.len()
    );
    verdict.expect(1, &summary);
    let one = scene.verify(&["--document", &whole]).await;
    assert_eq!(one.code, Some(0), "{one:?}");
}

/// Writes the audit log of a document anew, as if this record had been another: whoever can write
/// everything can.
async fn forge(scene: &Scene, document: &str, version: u64) {
    let store = connect(&scene.database).await;
    let id = DocumentId(document.parse::<Guuid>().unwrap());
    let Ok(Since::Records(records)) = store.since(id, Version::ZERO, 100).await else {
        panic!("records");
    };
    let mut hash = genesis();
    let mut statements = String::new();
    for mut record in records {
        if record.version == Version(version) {
            Arc::make_mut(&mut record).change = Change::Restore(Version::ZERO);
        }
        let entry = AuditEntry::of(id, hash, &record);
        hash = entry.hash;
        statements += &format!(
            "UPDATE audit SET kind = '{}', digest = decode('{}', 'hex'), hash = decode('{hash}', 'hex') \
             WHERE document_id = THIS AND version = {};",
            entry.kind.as_str(),
            entry.digest,
            entry.version,
        );
    }
    statements += &format!("UPDATE documents SET audit = decode('{hash}', 'hex') WHERE id = THIS;");
    scene.tamper(document, &statements).await;
}

#[tokio::test]
async fn a_record_that_is_not_what_the_audit_log_says_is_found() {
    let scene = Scene::set("record").await;
    let document = scene.document().await;
    forge(&scene, &document, 2).await;
    let verdict = scene.verify(&[]).await;
    verdict.expect(1, "documents as they were written: 0, broken: 1");
    let about = verdict.about(&document);
    assert!(
        about.starts_with("broken: version 2: the record was changed"),
        "{about}"
    );
}

#[tokio::test]
async fn what_a_bare_chain_cannot_show_a_kept_hash_does() {
    let scene = Scene::set("kept").await;
    let [forged, cut, gone] = [
        scene.document().await,
        scene.document().await,
        scene.document().await,
    ];
    let mut kept = Vec::new();
    for document in [&forged, &cut, &gone] {
        let verdict = scene.verify(&["--document", document]).await;
        kept.push(verdict.to_keep(document));
    }
    forge(&scene, &forged, 3).await;
    let forget = "DELETE FROM operations WHERE document_id = THIS;";
    // Pruned, so that there is no record that says otherwise.
    let prune = "UPDATE documents SET pruned = version WHERE id = THIS;";
    scene.tamper(&forged, &format!("{forget} {prune}")).await;
    let shorten = "DELETE FROM audit WHERE document_id = THIS AND version = 3; \
        DELETE FROM operations WHERE document_id = THIS AND version = 3; \
        UPDATE documents SET version = 2, audit = (SELECT hash FROM audit WHERE document_id = THIS \
        AND version = 2) WHERE id = THIS";
    scene.tamper(&cut, shorten).await;
    let erase = "DELETE FROM documents WHERE id = THIS; DELETE FROM audit WHERE document_id = THIS";
    scene.tamper(&gone, erase).await;

    let blind = scene.verify(&[]).await;
    blind.expect(0, "documents as they were written: 2, broken: 0");
    for (document, kept, expected) in [
        (&forged, &kept[0], "version 3: the hash is "),
        (
            &cut,
            &kept[1],
            "version 3: a hash was kept of it, the audit log ends at version 2",
        ),
        (&gone, &kept[2], "the document is gone"),
    ] {
        let verdict = scene
            .verify(&["--document", document, "--expect", kept])
            .await;
        assert_eq!(verdict.code, Some(1), "{verdict:?}");
        let about = verdict.about(document);
        assert!(about.starts_with(&format!("broken: {expected}")), "{about}");
    }
}

#[tokio::test]
async fn a_database_without_our_tables_is_refused_and_left_alone() {
    let cluster = Cluster::shared();
    let database = cluster.database("empty").await;
    let verdict = verify(&["--document-store", &database]).await;
    assert!(
        verdict.refused().contains("start a server on it first"),
        "{verdict:?}"
    );
    let tables = "SELECT 1 FROM pg_tables WHERE schemaname = 'public'";
    let tables = client(&database).await.query(tables, &[]).await.unwrap();
    assert_eq!(tables.len(), 0);
}

#[tokio::test]
async fn a_log_that_grows_meanwhile_is_fine() {
    let scene = Scene::set("growing").await;
    let document = scene.document().await;
    let writer = scene.ada.clone();
    let written = document.clone();
    let writing = tokio::spawn(async move {
        loop {
            writer
                .change(&written, serde_json::json!({ "description": "more" }))
                .await;
        }
    });
    for _ in 0..5 {
        let verdict = scene.verify(&[]).await;
        verdict.expect(0, "documents as they were written: 1, broken: 0");
    }
    writing.abort();
    drop(scene.cluster);
}
