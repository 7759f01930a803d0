//! One round: clients work, something breaks and is mended, everybody finishes, and it is checked what
//! everybody was told.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use futures::future::try_join_all;
use rand::{RngExt as _, SeedableRng as _};
use tonic::{Response, Status};

use crate::caller::{Caller, Client, answer};
use crate::check::{Finding, check};
use crate::failure::Failure;
use crate::fault::Fault;
use crate::figures::Figures;
use crate::history::{History, Reading};
use crate::load::{Document, Load, Random, within};
use crate::mirror::Board;
use crate::servers::{REPLICAS, Servers};

/// A round that is over.
pub(crate) struct Round {
    pub(crate) histories: Vec<History>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) figures: Figures,
}

/// Runs one round, of which the seed decides what is chosen.
pub(crate) async fn run(servers: &Servers, fault: Fault, seed: u64) -> Result<Round, Failure> {
    let mut random = Random::seed_from_u64(seed);
    let mut load = Load::begin(servers, seed).await?;
    load.shared.more(random.random_range(20..200)).await?;
    let mut recorded = fault.strike(servers, &load, &mut random).await?;
    // It works again.
    load.shared.more(AFTER).await?;
    recorded.extend(load.end().await?);
    let ends = load
        .documents
        .iter()
        .map(|document| end_of(servers, document));
    let mut histories = try_join_all(ends).await?;
    load.leave(&mut histories).await?;
    for recorded in recorded {
        let history = &mut histories[recorded.document];
        history.calls.extend(recorded.calls);
        history.grants.extend(recorded.grants);
        history.releases.extend(recorded.releases);
    }
    Ok(Round {
        findings: histories.iter().flat_map(check).collect(),
        figures: Figures::of(&histories),
        histories,
    })
}

/// What the service has in the end, when nothing is on its way any more.
async fn end_of(servers: &Servers, document: &Arc<Document>) -> Result<History, Failure> {
    let mut reader = Reader::new(servers, document)?;
    let mut history = History {
        doc_id: document.doc_id.clone(),
        setup: document.setup,
        ..History::default()
    };
    loop {
        history.log = reader.log().await?;
        let newest = history.log.last().map_or(0, |entry| entry.version);
        history.readings.clear();
        for replica in 0..REPLICAS {
            history
                .readings
                .push(reader.reading(replica, newest).await?);
        }
        // Those who are not told show in the check.
        let told = async {
            while document.told_to_all() < newest {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        };
        drop(tokio::time::timeout(CONVERGENCE_MAX, told).await);
        // An attempt that was given up may have been on its way until now.
        let again = reader.log().await?;
        if again.len() == history.log.len() {
            history.log = again;
            break;
        }
    }
    history.audit = reader.audit().await?;
    history.audit_hash = reader.audit_hash().await?;
    Ok(history)
}

/// Somebody who reads a document, and asks again when there is no answer.
struct Reader {
    caller: Caller,
    doc_id: String,
}

impl Reader {
    fn new(servers: &Servers, document: &Document) -> Result<Self, Failure> {
        Ok(Self {
            caller: Caller::new(servers, "reader", document.index % REPLICAS)?,
            doc_id: document.doc_id.clone(),
        })
    }

    async fn ask<Q, A, F>(
        &mut self,
        asked: Q,
        call: impl Fn(Client, tonic::Request<Q>) -> F,
    ) -> Result<A, Failure>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let asking = async {
            loop {
                let request = self.caller.request(asked.clone());
                match answer(call(self.caller.client()?, request)).await {
                    Ok(answer) => break Ok(answer),
                    Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
                }
            }
        };
        within(asking, "an answer to a reader").await?
    }

    /// The whole log.
    async fn log(&mut self) -> Result<Vec<wire::Operation>, Failure> {
        let mut log = Vec::new();
        let mut page_token = String::new();
        loop {
            let asked = wire::GetOperationHistoryRequest {
                doc_id: self.doc_id.clone(),
                limit: PAGE,
                page_token,
                ..Default::default()
            };
            let page = self
                .ask(asked, |mut client, request| async move {
                    client.get_operation_history(request).await
                })
                .await?;
            log.extend(page.operations);
            if page.next_page_token.is_empty() {
                return Ok(log);
            }
            page_token = page.next_page_token;
        }
    }

    async fn audit(&mut self) -> Result<Vec<wire::AuditEntry>, Failure> {
        let mut audit: Vec<wire::AuditEntry> = Vec::new();
        loop {
            let asked = wire::GetAuditRequest {
                doc_id: self.doc_id.clone(),
                from_version: audit.last().map_or(0, |entry| entry.version),
                limit: PAGE,
            };
            let page = self
                .ask(asked, |mut client, request| async move {
                    client.get_audit(request).await
                })
                .await?;
            let is_last = page.entries.is_empty();
            audit.extend(page.entries);
            if is_last {
                return Ok(audit);
            }
        }
    }

    async fn audit_hash(&mut self) -> Result<Vec<u8>, Failure> {
        let asked = wire::GetDocumentRequest {
            doc_id: self.doc_id.clone(),
            with_content: false,
        };
        let document = self
            .ask(asked, |mut client, request| async move {
                client.get_document(request).await
            })
            .await?
            .document;
        let missing = || Failure::new("no document was read");
        Ok(document.ok_or_else(missing)?.audit_hash.to_vec())
    }

    /// What a replica reads, once it has this version or after a while.
    async fn reading(&mut self, replica: usize, version: u64) -> Result<Reading, Failure> {
        self.caller.go_to(replica);
        let asked = wire::GetContentRequest {
            doc_id: self.doc_id.clone(),
            ..Default::default()
        };
        let began = std::time::Instant::now();
        loop {
            let content = self
                .ask(asked.clone(), |mut client, request| async move {
                    client.get_content(request).await
                })
                .await?
                .content;
            let content = content.unwrap_or_default();
            if content.version >= version || began.elapsed() > CONVERGENCE_MAX {
                let board = Board::of(&content).map_err(|error| Failure::new(error.to_string()))?;
                return Ok(Reading {
                    replica,
                    version: content.version,
                    board,
                });
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Operations that have to be acknowledged after everything is mended.
const AFTER: u64 = 100;
/// Longer than it takes anybody to hear of an operation; then they will not.
const CONVERGENCE_MAX: Duration = Duration::from_secs(20);
const AGAIN_AFTER: Duration = Duration::from_millis(10);
const PAGE: u32 = 1_000;
