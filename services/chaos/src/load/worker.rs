//! Asks for operations and locks until it is known what became of them, and records all of it.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use rand::RngExt as _;
use tonic::Status;
use wire::operation_data::Kind;

use super::answers;
use super::document::Document;
use super::edits::Asked;
use super::{Random, Shared};
use crate::caller::{Caller, answer, session};
use crate::failure::Failure;
use crate::history::{Answer, Attempt, Call, Grant, Release};

/// Somebody who works on a document.
pub(crate) struct Worker {
    pub(crate) caller: Caller,
    pub(crate) document: Arc<Document>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) random: Random,
    pub(crate) recorded: Recorded,
}

/// What one client asked for.
pub(crate) struct Recorded {
    pub(crate) document: usize,
    pub(crate) user: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) releases: Vec<Release>,
}

impl Recorded {
    pub(super) fn of(document: usize, user: &str) -> Self {
        Self {
            document,
            user: user.to_owned(),
            calls: Vec::new(),
            grants: Vec::new(),
            releases: Vec::new(),
        }
    }
}

impl Worker {
    /// Asks for an operation, under one name, until it is known what became of it.
    pub(crate) async fn carry_out(&mut self, asked: Asked) -> Result<Answer, Failure> {
        let mut call = Call {
            user: self.recorded.user.clone(),
            session: session(&self.recorded.user),
            operation: Guuid::now().to_string(),
            data: wire::OperationData {
                kind: Some(asked.kind),
            },
            fence: asked.fence,
            word: asked.word,
            attempts: Vec::new(),
        };
        loop {
            let answer = self.ask(&mut call, asked.seen).await?;
            match &answer {
                Answer::Accepted { .. } => {
                    self.shared.acknowledged.send_modify(|count| *count += 1);
                    break;
                }
                Answer::Refused(_) => break,
                _ if call.attempts.len() >= ATTEMPTS_MAX => break,
                Answer::Unknown(_) => self.caller.move_on(),
                Answer::TurnedAway(_) => {}
            }
            self.pause(PAUSE_MS).await;
        }
        let last = call.attempts.last().map(|attempt| attempt.answer.clone());
        // Some doubt what they were told.
        let is_done = matches!(last, Some(Answer::Accepted { .. }));
        if is_done && self.random.random_bool(DOUBT) {
            self.caller.move_on();
            self.ask(&mut call, asked.seen).await?;
        }
        self.recorded.calls.push(call);
        last.ok_or_else(|| Failure::new("nothing was asked"))
    }

    /// Asks once.
    async fn ask(&mut self, call: &mut Call, seen: Option<u64>) -> Result<Answer, Failure> {
        let replica = self.caller.at();
        let mut client = self.caller.client()?;
        let doc_id = self.document.doc_id.clone();
        let operation_id = Some(call.operation.clone());
        let asked = self.shared.clock.now();
        let answer = if let Some(Kind::Resolve(resolution)) = &call.data.kind {
            let request = self.caller.request(wire::ResolveConflictRequest {
                doc_id,
                resolution: Some(resolution.clone()),
                operation_id,
            });
            let resolved = answer(client.resolve_conflict(request)).await;
            resolved.and_then(|resolved| {
                let missing = || Status::internal("an answer without an outcome");
                resolved.applied.ok_or_else(missing)
            })
        } else {
            let request = self.caller.request(wire::ApplyOperationRequest {
                doc_id,
                operation_id,
                data: Some(call.data.clone()),
                prev_version: seen,
                client_id: String::new(),
                metadata: Default::default(),
                fence: call.fence,
            });
            answer(client.apply_operation(request)).await
        };
        let answer = answers::of(answer);
        call.attempts.push(Attempt {
            replica,
            asked,
            answered: self.shared.clock.now(),
            answer: answer.clone(),
        });
        Ok(answer)
    }

    /// Asks for a lock; `None` when somebody else has one.
    pub(crate) async fn acquire(
        &mut self,
        object: &str,
        lease_ms: u64,
    ) -> Result<Option<wire::Lock>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let request = self.caller.request(wire::AcquireLockRequest {
                doc_id: self.document.doc_id.clone(),
                object_id: object.to_owned(),
                lease_ms,
            });
            let granted = answer(self.caller.client()?.acquire_lock(request)).await;
            match granted {
                Ok(granted) => {
                    let missing = || Failure::new("a grant without a lock");
                    let lock = granted.lock.ok_or_else(missing)?;
                    self.recorded.grants.push(Grant {
                        lock: lock.clone(),
                        answered: self.shared.clock.now(),
                    });
                    return Ok(Some(lock));
                }
                Err(status) => match answers::of_status(&status) {
                    Answer::Refused(reason) if reason == "LOCKED" => return Ok(None),
                    Answer::Refused(reason) => {
                        return Err(Failure::new(format!("a lock was refused: {reason}")));
                    }
                    _ => self.caller.move_on(),
                },
            }
            self.pause(PAUSE_MS).await;
        }
        Err(Failure::late("an answer to who asks for a lock"))
    }

    /// Gives a lock back. When it does not arrive, the lease ends it.
    pub(crate) async fn release(&mut self, lock: &wire::Lock) -> Result<(), Failure> {
        self.recorded.releases.push(Release {
            fence: lock.fence,
            asked: self.shared.clock.now(),
        });
        let request = self.caller.request(wire::ReleaseLockRequest {
            doc_id: lock.doc_id.clone(),
            lock_id: lock.id.clone(),
        });
        let released = answer(self.caller.client()?.release_lock(request)).await;
        if released.is_err() {
            self.caller.move_on();
        }
        Ok(())
    }

    /// The conflicts that wait; none when there is no answer.
    pub(super) async fn open_conflicts(&mut self) -> Result<Vec<wire::Conflict>, Failure> {
        let request = self.caller.request(wire::ListConflictsRequest {
            doc_id: self.document.doc_id.clone(),
            state: wire::ConflictState::Open.into(),
            ..Default::default()
        });
        let listed = answer(self.caller.client()?.list_conflicts(request)).await;
        Ok(listed.map(|listed| listed.conflicts).unwrap_or_default())
    }

    pub(super) fn is_over(&self) -> bool {
        self.shared.is_over()
    }

    /// Does nothing for a while: people think, and nobody asks again at once.
    pub(super) async fn pause(&mut self, ms: std::ops::Range<u64>) {
        let pause = Duration::from_millis(self.random.random_range(ms));
        tokio::time::sleep(pause).await;
    }
}

/// Attempts after which it is said that there is no answer: a minute, and more.
const ATTEMPTS_MAX: usize = 60;
/// Between two attempts.
const PAUSE_MS: std::ops::Range<u64> = 20..100;
/// How many ask again although they were told.
const DOUBT: f64 = 0.05;
