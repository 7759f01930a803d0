//! kill -9 of the real binary while people write. Whatever was acknowledged is there afterwards,
//! exactly once; whatever was not is uploaded again by whoever wrote it; all converge.
//!
//! Rounds: `AETHERFLOW_CRASH_ROUNDS`, by default 5. Seed: `AETHERFLOW_CRASH_SEED`, by default a
//! new one each time, which a failure shows. For a long run:
//! `AETHERFLOW_CRASH_ROUNDS=100 cargo test -p aetherflow --test service crash`.

mod ledger;
mod writer;

use std::str::FromStr;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::editor::Editor;
use crate::rest::Person;
use crate::server::{Server, Setup};
use crate::socket::{Knock, SAVED};
use ledger::Census;
use writer::{Tally, Writer};

const WRITERS: usize = 8;
const DOCUMENTS: usize = 3;

fn chosen<T: FromStr>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).map_or(otherwise, |text| text.parse().ok().expect("a number"))
}

/// The chance of this run.
fn seeded() -> StdRng {
    let seed = chosen("AETHERFLOW_CRASH_SEED", rand::random());
    println!("for the same run again: AETHERFLOW_CRASH_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_exactly_once() {
    let mut random = seeded();
    let mut office = Office::open(&mut random).await;
    for round in 0..chosen("AETHERFLOW_CRASH_ROUNDS", 5) {
        println!("round {round}");
        office = office
            .round(&mut random, async |server| server.kill().await)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_drain_exactly_once() {
    let mut random = seeded();
    let mut office = Office::open(&mut random).await;
    for _ in 0..2 {
        let drain = async |server: Server| {
            let (ending, setup) = server.stop(Signal::TERM).await;
            assert_eq!(ending.status.code(), Some(0), "{}", ending.stderr);
            setup
        };
        office = office.round(&mut random, drain).await;
    }
}

/// A server, and people who write in its documents.
struct Office {
    server: Server,
    owner: Person,
    documents: Vec<String>,
    writers: Vec<Writer>,
    /// How often the first document was renamed.
    renamed: u64,
}

impl Office {
    async fn open(random: &mut StdRng) -> Self {
        let server = Setup::default().start().await;
        let owner = Person::log_in(&server, "Owner").await;
        let mut documents = Vec::new();
        for _ in 0..DOCUMENTS {
            documents.push(owner.create_public("renamed 0", "edit").await);
        }
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let person = Person::log_in(&server, &format!("Writer {number}")).await;
            let document = &documents[number % DOCUMENTS];
            let chance = StdRng::seed_from_u64(random.random());
            writers.push(Writer::new(number, &person, document, 16, chance).await);
        }
        Self {
            server,
            owner,
            documents,
            writers,
            renamed: 0,
        }
    }

    /// All write, until at some moment the server ends; then it starts again, and nothing that it
    /// acknowledged is missing.
    async fn round(mut self, random: &mut StdRng, end: impl AsyncFnOnce(Server) -> Setup) -> Self {
        let tally = Arc::new(Tally::default());
        let writing = self.writers.into_iter();
        let writing = writing.map(|writer| writer.start(&tally)).collect();
        let first = self.documents[0].clone();
        let renaming = tokio::spawn(rename(self.owner.clone(), first, self.renamed));
        tally.reaches(random.random_range(50..600)).await;
        let setup = end(self.server).await;
        self.writers = joined(writing).await;
        self.renamed = renaming.await.unwrap();
        self.server = start_again(setup, random).await;
        let (owner, documents) = (&self.owner, &self.documents);
        check_names(owner, documents, self.renamed).await;
        for document in documents {
            let census = read_anew(owner, document).await;
            of_document(&mut self.writers, document).for_each(|writer| writer.check_kept(&census));
        }
        come_back(&mut self.writers).await;
        for document in documents {
            check_converged(owner, document, &mut self.writers).await;
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_was_compacted_to_a_snapshot_survives_kill_9() {
    /// More than `snapshot_records` of the default limits (2,048), several times.
    const EDITS: u64 = 5_000;
    let mut random = seeded();
    let mut server = Setup::default()
        .environment("RUST_LOG", "debug")
        .start()
        .await;
    let owner = Person::log_in(&server, "Owner").await;
    let document = owner.create("long").await;
    let chance = StdRng::seed_from_u64(random.random());
    let mut writers = vec![Writer::new(0, &owner, &document, 256, chance).await];
    for _ in 0..2 {
        let tally = Arc::new(Tally::default());
        let writing = writers
            .into_iter()
            .map(|writer| writer.start(&tally))
            .collect();
        tally.reaches(random.random_range(EDITS / 2..EDITS)).await;
        let compacted = server.logged().contains("snapshot saved");
        let setup = server.kill().await;
        writers = joined(writing).await;
        assert!(compacted, "no snapshot was saved");
        server = start_again(setup, &mut random).await;
        let census = read_anew(&owner, &document).await;
        writers[0].check_kept(&census);
        come_back(&mut writers).await;
        check_converged(&owner, &document, &mut writers).await;
    }
}

async fn joined(writing: Vec<JoinHandle<Writer>>) -> Vec<Writer> {
    let mut writers = Vec::new();
    for task in writing {
        writers.push(task.await.unwrap());
    }
    writers
}

/// Starts the server again. Now and then the power fails once more, at the very beginning or just
/// after everything was recovered.
async fn start_again(setup: Setup, random: &mut StdRng) -> Server {
    match random.random_range(0..4) {
        0 => setup.start_in_vain().await,
        1 => return setup.start().await.kill().await.start().await,
        _ => {}
    }
    setup.start().await
}

/// Renames a document again and again until the server is gone. Returns the last number that was
/// acknowledged.
async fn rename(owner: Person, document: String, mut acknowledged: u64) -> u64 {
    loop {
        let change = json!({ "name": format!("renamed {}", acknowledged + 1) });
        match owner
            .try_call("PATCH", &format!("/documents/{document}"), &change)
            .await
        {
            Ok(answer) if answer.status == 200 => acknowledged += 1,
            // The last attempt may or may not have been made durable, and is repeated as it was.
            _ => return acknowledged,
        }
    }
}

async fn check_names(owner: &Person, documents: &[String], renamed: u64) {
    let name = owner.document(&documents[0]).await["name"].clone();
    let next = renamed + 1;
    assert!(
        name == format!("renamed {renamed}") || name == format!("renamed {next}"),
        "acknowledged: renamed {renamed}; found: {name}"
    );
    for document in &documents[1..] {
        assert_eq!(owner.document(document).await["name"], "renamed 0");
    }
}

/// What somebody finds who has nothing yet.
async fn read_anew(owner: &Person, document: &str) -> Census {
    let reader = Editor::open(&Knock::by(owner, document).offer(SAVED)).await;
    Census::of(&reader.text())
}

fn of_document<'a>(
    writers: &'a mut [Writer],
    document: &'a str,
) -> impl Iterator<Item = &'a mut Writer> {
    writers
        .iter_mut()
        .filter(move |writer| writer.document == document)
}

/// All writers connect again, as browser tabs do, and upload what was not acknowledged.
async fn come_back(writers: &mut [Writer]) {
    for writer in writers.iter_mut() {
        writer.connect().await;
        writer.all_saved().await;
    }
    for writer in writers {
        writer.editor.caught_up().await;
    }
}

/// Everybody has the same, and it is exactly what was written and not deleted.
async fn check_converged(owner: &Person, document: &str, writers: &mut [Writer]) {
    let reader = Editor::open(&Knock::by(owner, document)).await;
    let census = Census::of(&reader.text());
    assert_eq!(owner.text(document).await, reader.text());
    let mut tokens = 0;
    for writer in of_document(writers, document) {
        assert_eq!(
            writer.editor.text(),
            reader.text(),
            "writer {}",
            writer.number
        );
        assert_eq!(writer.editor.state_vector(), reader.state_vector());
        tokens += writer.check_all(&census);
    }
    assert_eq!(census.len(), tokens, "there are tokens that nobody wrote");
}
